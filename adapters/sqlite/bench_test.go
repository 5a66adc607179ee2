package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/projections"
)

// BenchmarkWrite writes bars, which are nearly all of a history, in batches as large as a History makes them.
func BenchmarkWrite(b *testing.B) {
	x, err := Open(filepath.Join(b.TempDir(), "history.db"))
	require.NoError(b, err)
	defer x.Close()
	price, n := domain.D("50000.05"), uint64(0)
	for b.Loop() {
		var rows projections.Rows
		for range projections.MaxGathered {
			rows.Signals = append(rows.Signals, projections.Numbered[projections.Signal]{N: n, Row: projections.Signal{
				SignalID: fmt.Sprintf("%064x", n*7919), Type: "MARKET_DATA", Instrument: "BANK_NIFTY", Price: &price, Outcome: "accepted", Revision: n,
				Decision: &projections.Decision{Action: domain.ActionMark},
			}})
			n++
		}
		require.NoError(b, x.Write(b.Context(), rows, projections.IndexHead{Portfolio: "main", Version: 1}))
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
	_, _, err = x.Signals(b.Context(), projections.Filter{Notable: true}, nil, 100)
	require.NoError(b, err)
}
