package postgres

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/postgres/pgtest"
	"pm/projections"
	"pm/projections/snapshottest"
	"pm/projections/tables"
)

// held is a snapshot of a server that keeps what it confirms, with n open positions.
func held(b *testing.B, n int) (*Snapshot, projections.SnapshotHead, snapshottest.Rows) {
	b.Helper()
	s, head, rows := open(b, pgtest.Start(b, pgtest.Durable...).Database(b)), snapshottest.Head(1), snapshottest.Sample(n)
	snapshottest.Filled(b, s, head, rows)
	return s, head, rows
}

// BenchmarkWrite is what a signal that moves a position costs: five rows of the state, a row of signals and one of fills, and the head,
// with 50 positions in the tables, until the disk has it.
func BenchmarkWrite(b *testing.B) {
	s, head, rows := held(b, 50)
	n := 1
	for b.Loop() {
		n++
		c := projections.Change{Before: &head, After: snapshottest.Head(n), State: map[string]projections.RowChange{}, History: map[string][]byte{}}
		for _, name := range []string{"portfolio_state", "layers", "positions", "pyramiding_state", "markets"} {
			c.State[name] = projections.RowChange{Put: rows[name][n%50 : n%50+1]}
		}
		for _, name := range []string{"signals", "fills"} {
			_, rest, _ := bytes.Cut([]byte(rows[name][0]), []byte("\t"))
			c.History[name] = fmt.Appendf(nil, "%d\t%s\n", 1000+n, rest)
		}
		require.NoError(b, s.Write(b.Context(), c))
		head = c.After
	}
}

// BenchmarkRead is what a start reads: the head, the shape, all state, and the history of so many positions.
func BenchmarkRead(b *testing.B) {
	for _, n := range []int{10, 50, 1000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			s, _, _ := held(b, n)
			for b.Loop() {
				require.NoError(b, s.Read(b.Context(), readAll))
			}
		})
	}
}

// BenchmarkReadOnNewConnection is the same for 50 positions when the server has to be called first, as at every start.
func BenchmarkReadOnNewConnection(b *testing.B) {
	s, _, _ := held(b, 50)
	for b.Loop() {
		require.NoError(b, s.Read(b.Context(), readAll))
		b.StopTimer()
		s.mu.Lock()
		for _, conn := range s.idle {
			hangUp(conn)
		}
		s.idle = nil
		s.mu.Unlock()
		b.StartTimer()
	}
}

func readAll(v projections.SnapshotView) error {
	if _, err := v.Head(); err != nil {
		return err
	}
	if _, err := v.Shape(); err != nil {
		return err
	}
	var state []tables.Table
	for _, t := range tables.All() {
		if t.Class == tables.State {
			state = append(state, t)
			continue
		}
		if err := v.Copy(t, io.Discard); err != nil {
			return err
		}
	}
	_, err := v.Lines(state)
	return err
}

// BenchmarkRebuild writes history as a rebuild does, in chunks of 64 Ki rows of signals, the table with a row for nearly every event.
func BenchmarkRebuild(b *testing.B) {
	current, _, rows := held(b, 1)
	s, err := current.Next(b.Context())
	require.NoError(b, err)
	_, rest, _ := bytes.Cut([]byte(rows["signals"][0]), []byte("\t"))
	var head *projections.SnapshotHead
	const chunk = 1 << 16
	revision, n := 1000, 1
	for b.Loop() {
		b.StopTimer()
		var lines bytes.Buffer
		for range chunk {
			revision++
			fmt.Fprintf(&lines, "%d\t%s\n", revision, bytes.Replace(rest, []byte("signal_id 1"), fmt.Appendf(nil, "%064x", revision*7919), 1))
		}
		n++
		c := projections.Change{Before: head, After: snapshottest.Head(n), History: map[string][]byte{"signals": lines.Bytes()}}
		b.StartTimer()
		require.NoError(b, s.Write(b.Context(), c))
		head = &c.After
	}
	b.ReportMetric(float64(revision-1000)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkSwitch is the moment in which nobody can read.
func BenchmarkSwitch(b *testing.B) {
	s, head, rows := held(b, 50)
	n := 1
	for b.Loop() {
		b.StopTimer()
		n++
		next, err := s.Next(b.Context())
		require.NoError(b, err)
		to := snapshottest.Head(n)
		snapshottest.Filled(b, next, to, rows)
		b.StartTimer()
		require.NoError(b, s.Switch(b.Context(), &head, &to))
		head = to
	}
}
