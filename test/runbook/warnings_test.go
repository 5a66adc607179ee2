//go:build linux

package runbook

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/postgres/pgtest"
)

var warningDrills = []drill{
	{"SNAPSHOT_MISSING", []string{"look"}, func(t *testing.T, d *run) {
		d.traded()
		d.stop()
		require.NoError(t, os.RemoveAll(d.data("snapshot")))
		d.warns("SNAPSHOT_MISSING")
		require.Contains(t, d.follow(), "SNAPSHOT_MISSING")
		d.healthy(bank)
	}},
	{"SNAPSHOT_OUTDATED", []string{"look"}, func(t *testing.T, d *run) {
		d.vars["SNAPSHOT"] = pgtest.Database(t)
		d.traded()
		d.stop()
		pgtest.Exec(t, d.vars["SNAPSHOT"], "UPDATE head SET fold_version = fold_version - 1")
		d.warns("SNAPSHOT_OUTDATED")
		require.Contains(t, d.follow(), "SNAPSHOT_OUTDATED")
		d.healthy(bank)
	}},
	{"SNAPSHOT_NEWER", []string{"look", "older-stays"}, func(t *testing.T, d *run) {
		d.vars["SNAPSHOT"] = pgtest.Database(t)
		d.traded()
		d.stop()
		pgtest.Exec(t, d.vars["SNAPSHOT"], "UPDATE head SET fold_version = fold_version + 1")
		d.warns("SNAPSHOT_NEWER")
		require.Contains(t, d.follow(), "fold")
		d.follow()
		d.healthy(bank)
		require.Equal(t, [][]string{{"1"}}, pgtest.Exec(t, d.vars["SNAPSHOT"], "SELECT count(*) FROM newer.head"), "what the newer build wrote is kept")
	}},
	{"DB_UNAVAILABLE", []string{"look", "mend"}, func(t *testing.T, d *run) {
		server := pgtest.Start(t)
		d.vars["SNAPSHOT"] = server.Database(t)
		d.traded()
		d.stop()
		server.Stop(t)
		d.warns("DB_UNAVAILABLE")
		require.Contains(t, d.follow(), "DB_UNAVAILABLE")
		server.Restart(t)
		d.follow()
		d.healthy(bank)
	}},
}

// warns starts pm, which must take signals and have said a code.
func (m *machine) warns(code string) {
	m.t.Helper()
	m.start()
	text, err := os.ReadFile(m.at("out"))
	require.NoError(m.t, err)
	require.Contains(m.t, string(text), "WARNING "+code)
	require.Equal(m.t, []string{bank}, m.held())
}
