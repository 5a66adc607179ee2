//go:build linux

package runbook

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/postgres/pgtest"
)

var entriesDrills = []drill{
	{"late_divergence", []string{"look", "mend"}, func(t *testing.T, d *run) {
		server := pgtest.Start(t)
		d.vars["SNAPSHOT"] = server.Database(t)
		d.traded()
		d.stop()
		pgtest.Exec(t, d.vars["SNAPSHOT"], "UPDATE portfolio_state SET total_risk_amount = 999999.99")
		server.Stop(t)
		d.warns("DB_UNAVAILABLE")
		server.Restart(t)
		d.reducing("late_divergence")
		require.Contains(t, d.follow(), "999999.99")
		d.follow()
		d.healthy(bank)
	}},
	{"disk_full", []string{"look", "mend"}, func(_ *testing.T, d *run) {
		disk := d.smallDisk()
		d.traded()
		disk.fill(500 << 10)
		d.reducing("disk_full")
		d.follow()
		disk.free()
		d.follow()
		d.healthy(bank)
	}},
	{"broker_difference", []string{"look", "accept"}, func(t *testing.T, d *run) {
		d.traded()
		d.stop()
		d.bought("BANKNIFTY-FUT", 30)
		d.start()
		d.reducing("broker_difference")
		d.vars["DIFFERENCE"] = d.portfolio().Differences[0].ID
		require.Contains(t, d.follow(), d.vars["DIFFERENCE"])
		d.follow()
		require.True(t, d.silent("broker_difference"))
		d.healthy(bank)
	}},
	{"REDUCING", []string{"mend"}, func(_ *testing.T, d *run) {
		d.traded()
		d.do(`pmctl reduce --server "$SERVER" --reason "a look at the limits"`)
		d.stop()
		d.start()
		d.reducing("a look at the limits")
		d.follow()
		d.healthy(bank)
	}},
	{"HALTED", []string{"look", "mend"}, func(t *testing.T, d *run) {
		d.traded()
		d.do(`pmctl halt --server "$SERVER" --reason "odd prices"`)
		d.leave("BANK_NIFTY")
		d.alarm("exit_held_back")
		require.Contains(t, d.follow(), bank)
		require.Equal(t, []string{bank}, d.held())
		d.follow()
		d.quiet()
		require.True(t, d.silent("exit_held_back"))
		d.healthy()
	}},
}
