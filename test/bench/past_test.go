package bench

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/projections"
)

const (
	explained = 200 // of each kind
	folds     = 3
)

// past reads a long history as the API does: the journal from the log, the lists from their file.
type past struct {
	journal *projections.Journal
	history *projections.History
	events  uint64
}

func openPast(t testing.TB, h *history) *past {
	t.Helper()
	log := h.open(t)
	history := newIndex(t, h.dir)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- history.Follow(ctx, log) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
		require.NoError(t, log.Close())
	})
	require.NoError(t, caughtUp(t.Context(), history, h.events-1))
	return &past{projections.NewJournal(log), history, h.events}
}

// subjects are n ids of each kind: positions from the whole history, evenly, and the newest notable signals and orders.
func (p *past) subjects(t testing.TB, n int) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	page := p.history.Closed(projections.Filter{}, nil, 1000)
	for ; ; page = p.history.Closed(projections.Filter{}, page.Next, 1000) {
		require.NoError(t, page.Err)
		for _, position := range page.Rows {
			out["a position"] = append(out["a position"], position.PositionID)
		}
		if page.Next == nil {
			break
		}
	}
	signals := p.history.Signals(projections.Filter{Notable: true}, nil, n)
	require.NoError(t, signals.Err)
	for _, s := range signals.Rows {
		out["a signal"] = append(out["a signal"], s.SignalID)
	}
	orders := p.history.Orders(projections.Filter{Status: "done"}, nil, n)
	require.NoError(t, orders.Err)
	for _, o := range orders.Rows {
		out["an order"] = append(out["an order"], o.OrderID)
	}
	for kind, ids := range out {
		out[kind] = evenly(ids, n)
	}
	return out
}

func evenly(ids []string, n int) []string {
	if len(ids) <= n {
		return ids
	}
	out := make([]string, n)
	for i := range out {
		out[i] = ids[i*len(ids)/n]
	}
	return out
}

// explain times the chain of every id, beside the read of one event, and counts the events of the chains.
func (p *past) explain(t testing.TB, ids []string) (chain, read laps, events int) {
	t.Helper()
	i := 0
	took := inTurn(len(ids), func() {
		x, err := projections.Chain(context.Background(), p.history, p.journal, ids[i], nil)
		require.NoError(t, err, ids[i])
		events += len(x.Steps)
	}, func() {
		_, err := p.journal.Recorded(context.Background(), uint64(i)*p.events/uint64(len(ids)))
		require.NoError(t, err)
		i++
	})
	return took[0], took[1], events
}

// stateAt times the fold to a revision.
func (p *past) stateAt(t testing.TB, revision uint64) func() {
	return func() {
		s, err := p.journal.StateAt(context.Background(), projections.Until{Revision: &revision})
		require.NoError(t, err)
		require.Equal(t, revision+1, s.Events)
	}
}

func BenchmarkPast(b *testing.B) {
	h := longHistory(b, number(b, "PM_BENCH_EVENTS", recoveryEvents))
	p := openPast(b, h)
	for b.Loop() {
		table.add("questions about the past, %d events", h.events)
		for _, kind := range []string{"a signal", "an order", "a position"} {
			ids := p.subjects(b, explained)[kind]
			chain, read, events := p.explain(b, ids)
			table.row("explain "+kind, "%s, %.1f events; one event read: %v", chain, float64(events)/float64(len(ids)), read.at(50))
		}
		log := h.open(b)
		took := inTurn(folds, p.stateAt(b, h.events/2), p.stateAt(b, h.events-1), func() { recoverOnce(b, log) })
		require.NoError(b, log.Close())
		b.ReportMetric(took[1].at(50).Seconds(), "s/state-at")
		table.row("the state in the middle", "%.2f s", took[0].at(50).Seconds())
		table.row("the state at the end", "%.2f s, %.2f x a recovery", took[1].at(50).Seconds(), took[1].of(took[2]))
	}
}

func TestThePastOfAHistoryAnswersEveryQuestionThatIsMeasured(t *testing.T) {
	p := openPast(t, makeHistory(t, 5000))
	subjects := p.subjects(t, 10)
	require.Len(t, subjects, 3)
	for kind, ids := range subjects {
		chain, read, events := p.explain(t, ids)
		require.Len(t, chain, 10, kind)
		require.Len(t, read, 10, kind)
		require.Greater(t, events, 10, "%s: more than one event each", kind)
	}
	p.stateAt(t, p.events-1)()
}
