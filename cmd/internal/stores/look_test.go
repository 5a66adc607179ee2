package stores

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/sqlite"
	"pm/cmd/internal/config"
	"pm/projections"
)

func TestAReaderMakesNoFileAndWritesNone(t *testing.T) {
	where := config.Snapshot{Dir: filepath.Join(t.TempDir(), "snapshot")}
	_, err := SnapshotReader(where)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoDirExists(t, where.Dir)
	s, err := Snapshot(where)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	r, err := SnapshotReader(where)
	require.NoError(t, err)
	require.ErrorIs(t, r.Write(t.Context(), projections.Change{}), sqlite.ErrReadOnly)
	require.NoError(t, r.Close())
}

func TestWhereNoneIsConfiguredNoneIsOpened(t *testing.T) {
	s, err := SnapshotReader(config.Snapshot{})
	require.NoError(t, err)
	require.NotContains(t, fmt.Sprintf("%T", s), "*", "also no interface around nothing")
}

func TestOnlyADatabaseServerHasMigrations(t *testing.T) {
	where := config.Snapshot{Dir: t.TempDir()}
	require.ErrorIs(t, Migrate(t.Context(), where), ErrNoMigrations)
	_, err := Migrations(t.Context(), where)
	require.ErrorIs(t, err, ErrNoMigrations)
	away := config.Snapshot{Server: true, Postgres: config.NewSecret("postgres://pm:hunter2@127.0.0.1:1/pm")}
	for _, err := range []error{Migrate(t.Context(), away), func() error { _, err := Migrations(t.Context(), away); return err }()} {
		require.ErrorIs(t, err, projections.ErrSnapshotUnavailable)
		require.NotContains(t, err.Error(), "hunter2")
	}
}
