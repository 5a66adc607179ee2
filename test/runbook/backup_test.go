//go:build linux

package runbook

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/postgres/pgtest"
)

var backupDrills = []drill{
	{"Backup", []string{"running", "check"}, func(t *testing.T, d *run) {
		d.vars["SNAPSHOT"] = pgtest.Database(t)
		d.traded()
		d.follow()
		d.one("log-*.ndjson")
		d.one("snapshot-*.dump")
		require.Contains(t, d.follow(), "verif")
		d.healthy(bank)
	}},
	{"Backup", []string{"stopped"}, func(t *testing.T, d *run) {
		d.traded()
		d.follow()
		d.healthy(bank)
		require.Contains(t, d.do(`pmctl verify --data "$BACKUP/data" --snapshot "sqlite://$BACKUP/data/snapshot"`), "agrees")
	}},
	{"The whole folder", []string{"folder"}, func(t *testing.T, d *run) {
		d.traded()
		d.also("Backup", "stopped")
		d.buy("GOLD_MINI")
		require.NoError(t, os.WriteFile(d.data("log", "events.db"), []byte("lost"), 0o600))
		d.follow()
		d.healthy(bank)
	}},
	{"From an export, on a new machine", []string{"machine"}, func(t *testing.T, d *run) {
		d.traded()
		d.agreed() // the first start makes the tables: a backup of half of them is one of nothing
		d.also("Backup", "running")
		d.stop()
		broker := d.at("paper") // as a real one, it does not stand on the machine that is lost
		require.NoError(t, os.Rename(d.data("paper"), broker))
		require.NoError(t, os.RemoveAll(d.data()))
		d.vars["EXPORT"] = d.one("log-*.ndjson")
		require.NoError(t, os.Mkdir(d.data(), 0o700))
		require.NoError(t, os.Rename(broker, d.data("paper")))
		d.follow()
		d.healthy(bank)
	}},
	{"The tables of PostgreSQL", []string{"tables"}, func(t *testing.T, d *run) {
		d.vars["SNAPSHOT"] = pgtest.Database(t)
		d.traded()
		d.agreed() // the first start makes the tables: a backup of half of them is one of nothing
		d.also("Backup", "running")
		d.buy("GOLD_MINI")
		d.vars["DUMP"] = d.one("snapshot-*.dump")
		d.follow()
		d.healthy(bank, "GOLD_MINI-1-Long_1")
	}},
	{"An older log, on purpose", []string{"older-log"}, func(t *testing.T, d *run) {
		d.vars["SNAPSHOT"] = pgtest.Database(t)
		d.traded()
		d.agreed() // the first start makes the tables: a backup of half of them is one of nothing
		d.also("Backup", "running")
		d.vars["EXPORT"] = d.one("log-*.ndjson")
		d.do(`pmctl capital deposit 1000 --server "$SERVER"`) // what is lost
		d.stop()
		require.NoError(t, os.Rename(d.data("log"), d.at("gone")))
		d.do(`pmctl log import "$EXPORT" --to "$DATA/log" --unsigned`)
		d.halts("DATA_CORRUPT")
		d.follow()
		require.FileExists(t, d.data("head.pin.aside"))
		d.healthy(bank)
	}},
}

// one gives the one file of the backup that a pattern finds.
func (m *machine) one(pattern string) string {
	m.t.Helper()
	files, err := filepath.Glob(m.at("backup", pattern))
	require.NoError(m.t, err)
	require.Len(m.t, files, 1, pattern)
	return files[0]
}
