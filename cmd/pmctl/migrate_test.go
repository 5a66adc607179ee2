package main

import (
	neturl "net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/postgres/pgtest"
)

var instants = regexp.MustCompile(`\b20[0-9]{2}-[0-9]{2}-[0-9]{2}[ T][0-9:.]+Z?`)

func TestTheTablesOfADatabaseAreMadeByMigrations(t *testing.T) {
	url, dir := pgtest.Database(t), storyLog(t)
	at := []string{"--data", dir, "--snapshot", url}
	out, errs := pmctl(t, exitFinding, append([]string{"migrate", "status"}, at...)...)
	goldenRun(t, "migrate-status-missing.txt", out)
	require.Contains(t, errs, "pmctl migrate up makes them")
	out, _ = pmctl(t, exitFine, append([]string{"migrate", "up"}, at...)...)
	goldenRun(t, "migrate-up.txt", instants.ReplaceAllString(out, "<instant>"))
	out, _ = pmctl(t, exitFine, append([]string{"migrate", "status", "-o", "json"}, at...)...)
	goldenRun(t, "migrate-status.json", instants.ReplaceAllString(out, "<instant>"))
	out, _ = pmctl(t, exitFine, append([]string{"migrate", "up"}, at...)...)
	require.Contains(t, out, "0 migrations made")

	out, _ = pmctl(t, exitFine, append([]string{"verify"}, at...)...)
	require.Contains(t, out, "WARNING SNAPSHOT_MISSING", "tables without rows are no snapshot")
	pmctl(t, exitFine, append([]string{"rebuild"}, at...)...)
	out, _ = pmctl(t, exitFine, append([]string{"verify"}, at...)...)
	require.Contains(t, out, "agrees at revision 46")
	pgtest.Exec(t, url, "UPDATE portfolio_state SET total_risk_amount = 999999.99")
	out, errs = pmctl(t, exitFinding, append([]string{"verify"}, at...)...)
	require.Contains(t, errs, "VALIDATION_FAILED: Risk amount mismatch: DB=999999.99, Calculated=")
	u, err := neturl.Parse(url)
	require.NoError(t, err)
	password, has := u.User.Password()
	require.True(t, has)
	require.NotContains(t, out+errs, password)

	pgtest.Exec(t, url, "INSERT INTO pm_migrations (version_id, is_applied) VALUES (99, true)")
	out, _ = pmctl(t, exitFine, append([]string{"migrate", "status"}, at...)...)
	require.Regexp(t, `(?m)^ +99 +not known to this build`, out)
	_, errs = pmctl(t, exitFailed, append([]string{"migrate", "up"}, at...)...)
	require.Contains(t, errs, "SNAPSHOT_NEWER: a newer build has migrated these tables")
}

func TestADatabaseThatIsNotThereCannotBeMigratedAndItsPasswordIsNotShown(t *testing.T) {
	for _, verb := range [][]string{{"migrate", "up"}, {"migrate", "status"}, {"snapshot", "show"}} {
		out, errs := pmctl(t, exitFailed, append(verb, "--data", storyLog(t), "--snapshot", server)...)
		require.Contains(t, errs, "pmctl: DB_UNAVAILABLE: ")
		require.NotContains(t, out+errs, "hunter2")
	}
}
