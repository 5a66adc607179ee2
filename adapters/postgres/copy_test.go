package postgres

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/postgres/pgtest"
	"pm/projections"
	"pm/projections/snapshottest"
	"pm/projections/tables"
)

func TestADecimalIsReadWithoutTheZerosBehindItsPoint(t *testing.T) {
	table := tables.Table{Columns: []tables.Column{{Kind: tables.Text}, {Kind: tables.Decimal}, {Kind: tables.Time}, {Kind: tables.Decimal}, {Kind: tables.Text}}}
	is := decimals(table)
	require.Equal(t, []bool{false, true, false, true}, is)
	for row, want := range map[string]string{
		"1.00\t100000.00\t10:00\t0.50\t2.00\n": "1.00\t100000\t10:00\t0.5\t2.00\n",
		"\t100\t\t-0.0\t\n":                    "\t100\t\t-0\t\n",
		"a\t1.05\tb\t\\N\tc\n":                 "a\t1.05\tb\t\\N\tc\n",
		"a\t\tb\t7.10\t0\n":                    "a\t\tb\t7.1\t0\n",
	} {
		require.Equal(t, want, string(trimmed([]byte(row), is)))
	}
	table.Columns = table.Columns[:4] // the last column is one
	require.Equal(t, "a\t0.1\tb\t0.2\n", string(trimmed([]byte("a\t0.100\tb\t0.200\n"), decimals(table))))
	require.Empty(t, decimals(tables.Table{Columns: table.Columns[:1]}))
}

// A table that somebody holds must not hold a start beyond its context, and the session goes on with another connection.
func TestACopyThatIsGivenUpEndsWithItsContext(t *testing.T) {
	url := pgtest.Database(t)
	s, other := open(t, url), open(t, url)
	head := filled(t, s)
	fills, _ := tables.Named("fills")
	layers, _ := tables.Named("layers")
	for _, read := range []func(projections.SnapshotView) error{
		func(v projections.SnapshotView) error { return v.Copy(fills, io.Discard) },
		func(v projections.SnapshotView) error { _, err := v.Lines([]tables.Table{layers, fills}); return err },
	} {
		holder, _, err := other.begin(t.Context(), beginWrite+"LOCK TABLE fills IN ACCESS EXCLUSIVE MODE")
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Read(ctx, read) }()
		waiting(t, url, 1)
		cancel()
		err = <-ended
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, projections.ErrSnapshotUnavailable)
		other.give(holder)
		require.Equal(t, &head, headOn(t, s))
	}
}

// then does something when the first bytes of a copy have come.
type then struct{ do func() }

func (w *then) Write(b []byte) (int, error) {
	if w.do != nil {
		w.do()
		w.do = nil
	}
	return len(b), nil
}

func TestACopyAfterTheEndOfItsContextIsNone(t *testing.T) {
	url := pgtest.Database(t)
	s := open(t, url)
	head := filled(t, s)
	trades, _ := tables.Named("trades")
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Read(ctx, func(v projections.SnapshotView) error {
		require.NoError(t, v.Copy(trades, &then{cancel}), "all rows were there before")
		return v.Copy(trades, io.Discard)
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, &head, headOn(t, s))
}

// refusing is a writer that takes nothing.
type refusing struct{ err error }

func (r refusing) Write([]byte) (int, error) { return 0, r.err }

func TestACopyOfNothingWritesNothing(t *testing.T) {
	s := open(t, pgtest.Database(t))
	require.NoError(t, s.Write(t.Context(), projections.Change{After: snapshottest.Head(1)}))
	require.NoError(t, s.Read(t.Context(), func(v projections.SnapshotView) error { return v.Copy(tables.All()[0], refusing{io.EOF}) }))
}

// More rows than are handed on at once: the reader has enough of them, or the connection is cut among them.
func TestACopyThatEndsAmongItsRowsLeavesNothingBehind(t *testing.T) {
	url := pgtest.Database(t)
	s := open(t, url)
	head := filled(t, s)
	pgtest.Exec(t, url, "INSERT INTO refusals SELECT 1000 + n, 0, now(), repeat('x', 1000), 'code', NULL, NULL FROM generate_series(1, 30000) n")
	refusals, _ := tables.Named("refusals")
	var whole strings.Builder
	require.NoError(t, s.Read(t.Context(), func(v projections.SnapshotView) error { return v.Copy(refusals, &whole) }))
	require.Equal(t, 30_003, strings.Count(whole.String(), "\n"))
	enough := errors.New("seen enough")
	for range 2 * MaxIdle { // nothing of the rows that nobody took may answer a later question
		require.ErrorIs(t, s.Read(t.Context(), func(v projections.SnapshotView) error { return v.Copy(refusals, refusing{enough}) }), enough)
		require.Equal(t, &head, headOn(t, s))
	}
	err := s.Read(t.Context(), func(v projections.SnapshotView) error {
		return v.Copy(refusals, &then{func() {
			pgtest.Exec(t, url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pm' AND datname = current_database()")
		}})
	})
	require.ErrorIs(t, err, projections.ErrSnapshotUnavailable)
	require.NoError(t, s.Read(t.Context(), nothing))
}
