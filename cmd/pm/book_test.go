package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/engine"
)

func TestABookWithAnOrderThatTheLogHasYetToMakeIsAheadOfIt(t *testing.T) {
	tag := func(n uint64) string { return domain.NewOrderID("main", n).Tag() }
	state := domain.NewState()
	state.OrderCount = 5
	for n, ahead := range map[uint64]bool{0: false, 4: false, 5: true, 5 + maxAhead - 1: true, 5 + maxAhead: false} {
		book := engine.Book{Orders: []engine.BookOrder{{BrokerID: "P-1", Tag: "byhand"}, {BrokerID: "P-2", Tag: tag(n)}}}
		id, found := aheadOf(state, book, "main")
		require.Equal(t, ahead, id == "P-2", "order %d", n)
		if ahead {
			require.Equal(t, n, found)
		}
	}
	id, _ := aheadOf(state, engine.Book{Orders: []engine.BookOrder{{BrokerID: "P-1", Tag: tag(5)}}}, "other")
	require.Empty(t, id, "another portfolio's tags are others")
}
func TestABookThatIsOlderThanTheLogIsNotTradedOn(t *testing.T) {
	data := t.TempDir()
	first := launch(t, "--data", data)
	first.post(baseEntry())
	first.flat()
	require.Equal(t, exitStopped, first.stop())
	paper, backup := filepath.Join(data, "paper"), filepath.Join(t.TempDir(), "paper")
	require.NoError(t, os.CopyFS(backup, os.DirFS(paper)))
	second := launch(t, "--data", data)
	second.post(`{"type":"EXIT","instrument":"BANK_NIFTY","position":"ALL","price":52100,"timestamp":"` + time.Now().UTC().Format(time.RFC3339) + `"}`)
	require.Eventually(t, func() bool { return len(second.get("/api/v1/positions?status=open")["positions"].([]any)) == 0 }, deadline, 5*time.Millisecond)
	require.Equal(t, exitStopped, second.stop())
	right := filepath.Join(t.TempDir(), "paper")
	require.NoError(t, os.Rename(paper, right))

	code, _, errs := failing(t, "--data", data, "--listen", "127.0.0.1:0")
	requireHalt(t, code, errs, codeBrokerMismatch, "from the same backup")
	require.Contains(t, errs.lastLines(2)[0], "the paper broker took our order number 1 as ", "an empty book is older, too")
	require.NoError(t, os.RemoveAll(paper))
	require.NoError(t, os.CopyFS(paper, os.DirFS(backup)))
	code, _, errs = failing(t, "--data", data, "--listen", "127.0.0.1:0")
	requireHalt(t, code, errs, codeBrokerMismatch, "from the same backup")
	require.NoError(t, os.RemoveAll(paper))
	require.NoError(t, os.Rename(right, paper))
	require.Equal(t, exitStopped, launch(t, "--data", data).stop(), "the book that belongs to the log is back")
}
