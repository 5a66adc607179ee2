package postgres

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/adapters/postgres/pgtest"
	"pm/projections/tables"
)

func TestTheStatusOfMigrationsChangesNothing(t *testing.T) {
	url := pgtest.Database(t)
	want := []Migration{{Version: 1, Name: "0001_snapshot.sql"}, {Version: 2, Name: "0002_daily_results.sql"}}
	status, err := MigrationStatus(t.Context(), url)
	require.NoError(t, err)
	require.Equal(t, want, status)
	require.Equal(t, "0", pgtest.Exec(t, url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")[0][0])
}

func TestMigrationsAreNotedAndMadeOnce(t *testing.T) {
	url := pgtest.Database(t)
	require.NoError(t, Migrate(t.Context(), url))
	status, err := MigrationStatus(t.Context(), url)
	require.NoError(t, err)
	require.Len(t, status, tables.Version())
	for i, m := range status {
		require.Equal(t, i+1, m.Version)
		require.WithinDuration(t, time.Now(), *m.AppliedAt, time.Minute)
	}
	filled(t, open(t, url))
	require.NoError(t, Migrate(t.Context(), url))
	again, err := MigrationStatus(t.Context(), url)
	require.NoError(t, err)
	require.Equal(t, status, again)
	require.Equal(t, "3", pgtest.Exec(t, url, "SELECT count(*) FROM layers")[0][0])
}

func TestAMigrationOfANewerBuildIsListedWithoutAName(t *testing.T) {
	url := pgtest.Database(t)
	require.NoError(t, Migrate(t.Context(), url))
	pgtest.Exec(t, url, "INSERT INTO pm_migrations (version_id, is_applied) VALUES (4711, true)")
	status, err := MigrationStatus(t.Context(), url)
	require.NoError(t, err)
	require.Len(t, status, tables.Version()+1)
	last := status[len(status)-1]
	require.Equal(t, 4711, last.Version)
	require.Empty(t, last.Name)
	require.NotNil(t, last.AppliedAt)
}

// Down is for whoever develops a migration: it must leave nothing behind, or the next Up fails in its middle.
func TestEveryMigrationCanBeTakenBack(t *testing.T) {
	url := pgtest.Database(t)
	s := open(t, url)
	require.NoError(t, s.migrate(t.Context()))
	provider, closeAll, err := s.provider()
	require.NoError(t, err)
	defer func() { require.NoError(t, closeAll()) }()
	_, err = provider.DownTo(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, [][]string{{"pm_migrations"}}, pgtest.Exec(t, url, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')"))
	require.NoError(t, s.migrate(t.Context()))
	filled(t, s)
}
