package projections

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

// BenchmarkReadHistory folds a log of round trips, and, beside it, the same log into a bare state: the difference is what the rows cost.
func BenchmarkReadHistory(b *testing.B) {
	d := newDesk(b)
	for range 2000 {
		d.trade()
		d.now = d.now.Add(time.Minute)
	}
	log, events := d.log, d.state.Events
	b.Run("rows", func(b *testing.B) {
		for b.Loop() {
			h, err := ReadHistory(b.Context(), log)
			require.NoError(b, err)
			require.Equal(b, events, h.Health().Events)
		}
		b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
	b.Run("state only", func(b *testing.B) {
		for b.Loop() {
			s := domain.NewState()
			_, err := eventstore.Replay(b.Context(), log, 0, func(r domain.Recorded, _ eventstore.Hash) error { return s.Apply(r) })
			require.NoError(b, err)
		}
		b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
}
