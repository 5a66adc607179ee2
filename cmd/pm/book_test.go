package main

import (
	"context"
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

// bookOf is a broker that only shows its book.
type bookOf struct {
	engine.Broker
	orders []engine.BookOrder
}

func (bookOf) Name() string { return "bookish" }

func (bookOf) Traits() engine.Traits { return engine.Traits{Tags: true} }

func (b bookOf) Book(context.Context) (engine.Book, error) { return engine.Book{Orders: b.orders}, nil }

func TestABookWithAnOrderThatTheLogHasNeverSentIsAheadOfIt(t *testing.T) {
	o := startBehind(t, true)
	now := time.Now().UTC()
	sub, _, problems := domain.ParseSignal([]byte(baseEntry()), now)
	require.Empty(t, problems)
	o.step(domain.SubmitSignal{Submission: sub, Now: now})
	o.s.recovery.State = o.dead.State()
	order := *o.dead.State().OpenOrders()[0]
	mismatch := func() string {
		o.s.broker = bookOf{orders: []engine.BookOrder{{BrokerID: "P-1", Tag: "byhand"}, {BrokerID: "P-2", Tag: order.Tag}}}
		var h *halt
		if err := o.s.checkBook(t.Context()); err != nil {
			require.ErrorAs(t, err, &h)
			require.Equal(t, codeBrokerMismatch, h.Code)
			require.Contains(t, h.Hint, "bring the newest log back to "+o.s.cfg.EventStore.Dir)
			return h.Error()
		}
		return ""
	}
	const want = "the broker's order P-2 has the tag of our order number 0, which the log has never sent: the log is older than the book"
	require.Contains(t, mismatch(), want, "it waits")
	o.s.broker = bookOf{}
	require.NoError(t, o.s.checkBook(t.Context()), "as after a kill before the send")
	o.step(domain.SetTrading{To: domain.Reducing, Reason: "x", By: "a", Now: now})
	require.Equal(t, "OrderExpired", o.dead.State().Known(order.OrderID).End)
	require.Contains(t, mismatch(), want, "it ended unsent")

	o = startBehind(t, true)
	o.step(domain.SubmitSignal{Submission: sub, Now: now})
	o.s.recovery.State = o.dead.State()
	order = *o.dead.State().OpenOrders()[0]
	o.step(domain.BeginSend{OrderID: order.OrderID, Now: now})
	require.Empty(t, mismatch(), "it may be there once its send has begun")
	o.step(domain.ReportSent{OrderID: order.OrderID, Accepted: true, BrokerID: "P-2", Now: now})
	require.Empty(t, mismatch())
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
