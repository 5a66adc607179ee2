package invariants

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/adapters/broker/paper"
	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore"
)

const portfolio domain.PortfolioID = "held"

// history is a short true life of a portfolio: an entry, a bar that lifts its stop, an entry that rests, an exit in two parts.
type history struct {
	recs  []domain.Recorded
	log   *eventstore.Memory
	state *domain.State
	book  *paper.Memory
}

func live(t *testing.T) *history {
	t.Helper()
	now := time.Date(2026, time.January, 5, 4, 30, 0, 0, time.UTC)
	clock := func() time.Time { now = now.Add(time.Second); return now }
	book, err := paper.NewMemory(paper.Options{Now: clock, Fee: domain.D("0.0005"), Fault: func(n int64, _ engine.Order) paper.Fault {
		return map[int64]paper.Fault{3: paper.CancelRest}[n]
	}})
	require.NoError(t, err)
	h := &history{log: eventstore.NewMemory(portfolio), state: domain.NewState(), book: book}
	e := engine.New(engine.Options{Log: h.log, Broker: book, Instance: "a", Build: "b", Clock: clock}, h.state, eventstore.Empty(portfolio))
	require.NoError(t, e.Open(t.Context(), domain.PortfolioOpened{ID: portfolio, Currency: "INR", InitialCapital: domain.D("5000000"), Settings: settings(t)}))
	for _, body := range []string{
		`{"type":"BASE_ENTRY","instrument":"BANK_NIFTY","position":"Long_1","price":52000,"stop":51650,"atr":350,"er":1,"supertrend":51650,"timestamp":"%s"}`,
		`{"type":"MARKET_DATA","instrument":"BANK_NIFTY","price":53000,"atr":350,"supertrend":52000,"timestamp":"%s"}`,
		`{"type":"BASE_ENTRY","instrument":"GOLD_MINI","position":"Long_1","price":76000,"stop":75000,"atr":800,"er":1,"supertrend":75000,"timestamp":"%s"}`,
		`{"type":"EXIT","instrument":"BANK_NIFTY","position":"ALL","price":53010,"timestamp":"%s"}`,
	} {
		at := clock()
		sub, _, problems := domain.ParseSignal([]byte(fmt.Sprintf(body, at.Format(time.RFC3339))), at)
		require.Empty(t, problems)
		_, err := e.Step(t.Context(), domain.SubmitSignal{Submission: sub, Now: at})
		require.NoError(t, err)
		require.NoError(t, e.Settle(t.Context()))
	}
	_, err = eventstore.Replay(t.Context(), h.log, 0, func(r domain.Recorded, _ eventstore.Hash) error { h.recs = append(h.recs, r); return nil })
	require.NoError(t, err)
	return h
}

func settings(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "domain", "testdata", "settings.txt"))
	require.NoError(t, err)
	defer f.Close()
	out := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), "="); ok && !strings.HasPrefix(key, "#") {
			out[key] = value
		}
	}
	return out
}

// tell feeds the stream events that were changed on the way, beside the true fold, until a rule breaks.
func (h *history) tell(t *testing.T, change func(*domain.Recorded)) error {
	t.Helper()
	s, stream := domain.NewState(), NewStream()
	for _, r := range h.recs {
		require.NoError(t, s.Apply(r))
		change(&r)
		if r.Event == nil {
			continue // withheld
		}
		if err := stream.Take(r, s); err != nil {
			return err
		}
	}
	return nil
}

func requireRule(t *testing.T, rule string, err error) {
	t.Helper()
	var v *Violation
	require.ErrorAs(t, err, &v)
	require.Contains(t, err.Error(), rule+" violated")
}

func TestATrueHistoryBreaksNoRule(t *testing.T) {
	h := live(t)
	require.Greater(t, len(h.recs), 20)
	require.NoError(t, h.tell(t, func(*domain.Recorded) {}))
	orders, err := h.book.AllOrders(t.Context())
	require.NoError(t, err)
	require.NoError(t, AtRest(h.state, orders))
}
