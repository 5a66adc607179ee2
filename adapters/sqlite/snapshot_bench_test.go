package sqlite

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/projections"
	"pm/projections/snapshottest"
	"pm/projections/tables"
)

// BenchmarkSnapshotWrite is one write of a follower: five rows of a book of fifty positions, one of history, and the head.
func BenchmarkSnapshotWrite(b *testing.B) {
	s := snapshotAt(b, filepath.Join(b.TempDir(), "snapshot.db"))
	before := snapshottest.Head(1)
	snapshottest.Filled(b, s, before, snapshottest.Sample(50))
	rows := snapshottest.Sample(50)
	n := 50
	for b.Loop() {
		n++
		after := snapshottest.Head(n)
		c := projections.Change{Before: &before, After: after, State: map[string]projections.RowChange{
			"portfolio_state": {Put: rows["portfolio_state"][:1]}, "markets": {Put: rows["markets"][:1]},
			"positions": {Put: rows["positions"][:1]}, "layers": {Put: rows["layers"][:2]},
		}, History: map[string][]byte{"signals": bars(n, 1)}}
		require.NoError(b, s.Write(b.Context(), c))
		before = after
	}
}

// bars are rows of signals, which are nearly all of a long history.
func bars(from, n int) []byte {
	var lines bytes.Buffer
	for i := range n {
		fmt.Fprintf(&lines, "%d\t2026-01-05 09:15:00.%06d+00\t%064x\t%s\tMARKET_DATA\tBANK_NIFTY\t%s\taccepted\t50000.05\t%s\t200.5\t0.82\t2026-01-05 09:15:00+00\t2026-01-05 09:15:00.5+00\t%s\n",
			from+i, (from+i)%1000000, (from+i)*7919, tables.Null, tables.Null, tables.Null, tables.Null)
	}
	return lines.Bytes()
}

// BenchmarkSnapshotRebuild writes history in chunks as large as a rebuild makes them.
func BenchmarkSnapshotRebuild(b *testing.B) {
	const chunk = 20_000
	s := snapshotAt(b, filepath.Join(b.TempDir(), "snapshot.db"))
	next, err := s.Next(b.Context())
	require.NoError(b, err)
	var before *projections.SnapshotHead
	n := 0
	for b.Loop() {
		b.StopTimer()
		lines, after := bars(n, chunk), snapshottest.Head(n+1)
		n += chunk
		b.StartTimer()
		require.NoError(b, next.Write(b.Context(), projections.Change{Before: before, After: after, History: map[string][]byte{"signals": lines}}))
		before = &after
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkSnapshotCopy reads history as the comparison does.
func BenchmarkSnapshotCopy(b *testing.B) {
	const rows = 50_000
	s := snapshotAt(b, filepath.Join(b.TempDir(), "snapshot.db"))
	require.NoError(b, s.Write(b.Context(), projections.Change{After: snapshottest.Head(1), History: map[string][]byte{"signals": bars(0, rows)}}))
	signals, _ := tables.Named("signals")
	for b.Loop() {
		require.NoError(b, s.Read(b.Context(), func(v projections.SnapshotView) error { return v.Copy(signals, io.Discard) }))
	}
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkSnapshotLines reads the state of fifty positions as a start does, with the opening of the file.
func BenchmarkSnapshotLines(b *testing.B) {
	path := filepath.Join(b.TempDir(), "snapshot.db")
	s := snapshotAt(b, path)
	snapshottest.Filled(b, s, snapshottest.Head(1), snapshottest.Sample(50))
	require.NoError(b, s.Close())
	for b.Loop() {
		s, err := OpenSnapshot(path)
		require.NoError(b, err)
		require.NoError(b, s.Read(b.Context(), func(v projections.SnapshotView) error {
			if _, err := v.Head(); err != nil {
				return err
			}
			_, err := v.Lines(tables.All())
			return err
		}))
		require.NoError(b, s.Close())
	}
}
