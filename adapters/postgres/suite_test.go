package postgres

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/postgres/pgtest"
	"pm/projections"
	"pm/projections/snapshottest"
)

func open(t testing.TB, url string) *Snapshot {
	t.Helper()
	s, err := Open(url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestASnapshotKeepsItsPromises(t *testing.T) {
	snapshottest.Run(t, func(t *testing.T) snapshottest.Place {
		url := pgtest.Database(t)
		return snapshottest.Place{
			Open: func(t *testing.T) projections.Snapshot { return open(t, url) },
			Exec: func(t *testing.T, sql string) { pgtest.Exec(t, url, sql) },
		}
	})
}

// filled writes three plain rows of every table and gives the head.
func filled(t testing.TB, s projections.Snapshot) projections.SnapshotHead {
	t.Helper()
	head := snapshottest.Head(1)
	snapshottest.Filled(t, s, head, snapshottest.Sample(3))
	return head
}

// headOn reads the head row.
func headOn(t testing.TB, s projections.Snapshot) (head *projections.SnapshotHead) {
	t.Helper()
	require.NoError(t, s.Read(t.Context(), func(v projections.SnapshotView) (err error) {
		head, err = v.Head()
		return err
	}))
	return head
}

// onto is a change of the head alone.
func onto(before projections.SnapshotHead, n int) projections.Change {
	return projections.Change{Before: &before, After: snapshottest.Head(n)}
}
