package bench

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

const (
	upcastEvents = 200_000
	upcastRounds = 9
	// wantUpcast is what reading an old form may cost, of a replay in which every event has one.
	wantUpcast = 0.10
)

// recoveries is a log of nothing but RecoveryCompleted with the same data bytes in each record, behind a FormatRaised or without one: the
// one is read as it stands, the other goes through the upcaster, and nothing else differs. Nobody decided its events.
func recoveries(t testing.TB, n int, raised bool) *eventstore.Memory {
	t.Helper()
	log := eventstore.NewMemory(portfolio)
	at := time.Date(2026, 1, 5, 4, 0, 0, 0, time.UTC)
	s := eventstore.NewSealer(eventstore.Empty(portfolio), at, eventstore.Author{Portfolio: portfolio, Instance: "bench", Build: "bench", Epoch: 1})
	var recs []eventstore.Record
	flush := func(from eventstore.Head) { require.NoError(t, log.Append(t.Context(), from, recs)); recs = nil }
	seal := func(e domain.Event) {
		rec, _, err := s.Seal(eventstore.Draft{Event: e, At: at})
		require.NoError(t, err)
		recs = append(recs, rec)
	}
	var first domain.Event = &domain.AlarmRaised{Code: "x"}
	if raised {
		first = &domain.FormatRaised{To: domain.Format, By: "bench"}
	}
	from := s.Head()
	seal(first)
	hash := eventstore.Genesis(portfolio).String()
	for range n {
		seal(&domain.RecoveryCompleted{ReportDigest: hash, HeadRevision: 1_000_000, HeadHash: hash, Snapshot: "agreed"})
		if len(recs) == sinkBatch {
			flush(from)
			from = s.Head()
		}
	}
	if len(recs) > 0 {
		flush(from)
	}
	return log
}

// replayed reads a log with every check and gives how many events had which version.
func replayed(t testing.TB, log eventstore.Log) map[int]int {
	t.Helper()
	versions := map[int]int{}
	_, err := eventstore.Replay(context.Background(), log, 1, func(r domain.Recorded, _ eventstore.Hash) error {
		versions[r.V]++
		return nil
	})
	require.NoError(t, err)
	return versions
}

func BenchmarkUpcast(b *testing.B) {
	now, old := recoveries(b, upcastEvents, true), recoveries(b, upcastEvents, false)
	var took []laps
	for b.Loop() {
		took = inTurn(upcastRounds, func() { replayed(b, now) }, func() { replayed(b, old) })
	}
	cost := took[1].of(took[0]) - 1
	b.ReportMetric(cost, "of_replay")
	table.add("upcasters, %d events with an old form each, beside the same bytes in the present form; chain verified, nothing folded", upcastEvents)
	table.row("present form", "%.0f events/s", upcastEvents/took[0].at(50).Seconds())
	table.row("old form", "%.0f events/s", upcastEvents/took[1].at(50).Seconds())
	table.row("cost of the upcaster", "%.1f %% of the replay (goal %.0f %%)", 100*cost, 100*wantUpcast)
}

func TestTheUpcasterIsWhatTheBenchmarkMeasures(t *testing.T) {
	require.Equal(t, map[int]int{1: 700}, replayed(t, recoveries(t, 700, false)))
	require.Equal(t, map[int]int{2: 700}, replayed(t, recoveries(t, 700, true)))
}
