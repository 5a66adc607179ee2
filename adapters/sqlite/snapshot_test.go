package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/projections"
	"pm/projections/snapshottest"
)

func snapshotAt(t testing.TB, path string) *Snapshot {
	t.Helper()
	s, err := OpenSnapshot(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestTheFileKeepsEveryPromiseOfASnapshot(t *testing.T) {
	snapshottest.Run(t, func(t *testing.T) snapshottest.Place {
		path := filepath.Join(t.TempDir(), "snapshot.db")
		return snapshottest.Place{
			Open: func(t *testing.T) projections.Snapshot { return snapshotAt(t, path) },
			Exec: func(t *testing.T, sql string) { execute(t, path, sql) },
		}
	})
}
