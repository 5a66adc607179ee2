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
