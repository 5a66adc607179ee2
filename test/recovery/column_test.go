package recovery

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/adapters/postgres"
	index "pm/adapters/sqlite"
	"pm/eventstore"
	"pm/eventstore/sqlite"
	"pm/projections"
	"pm/projections/snapshottest"
	"pm/projections/tables"
)

// started is every how many columns the program itself is started; between them recovery is called in this process.
const started = 40

// codes are what the head row's columns end in; every other column of every table ends in VALIDATION_FAILED. "" means that the start
// warns and goes on.
var codes = map[string]string{
	"head.stream": "DATA_CORRUPT", "head.revision": "DATA_CORRUPT", "head.event_hash": "DATA_CORRUPT", "head.tables_hash": "VALIDATION_FAILED",
	"head.schema_version": "", "head.fold_version": "",
}

// notToday are the tables that have no row before midnight: nothing in them can be changed, but a row can be put in.
var notToday = []string{"daily_pnl_closed", "equity_curve_closed"}

// rowOf is a statement that puts a row into a table.
func rowOf(name string) string {
	table, _ := tables.Named(name)
	values := make([]string, len(table.Columns))
	for i, c := range table.Columns {
		values[i] = map[tables.Kind]string{tables.Text: "'by hand'", tables.Integer: "1", tables.Decimal: "'1'", tables.Bool: "TRUE",
			tables.Time: "'2001-02-03 04:05:06+00'", tables.Date: "'2001-02-03'"}[c.Kind]
	}
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", name, strings.Join(table.Names(), ", "), strings.Join(values, ", "))
}

func codeOf(x snapshottest.Tamper) string {
	if x.Table == snapshottest.HeadTable {
		return codes[x.Table+"."+x.Column]
	}
	return projections.CodeValidationFailed
}

func TestAChangeOfAnyColumnOfAnyTableByHandIsFound(t *testing.T) {
	for kind, build := range stores {
		t.Run(kind, func(t *testing.T) {
			s := yard(t, build)
			s.backup()
			compare := s.recovery()
			agreed, err := compare()
			require.NoError(t, err)
			require.Equal(t, projections.SnapshotAgreed, agreed.Report.Snapshot)
			require.Equal(t, agreed.Head.Next, agreed.Agreed.Revision+1, "the whole log is compared")
			undo := ""
			for n, x := range snapshottest.Tampers() {
				if slices.Contains(notToday, x.Table) {
					continue
				}
				s.exec(undo + x.SQL)
				undo = restored(x.Table)
				r, err := compare()
				requireFound(t, x, r, err)
				if codeOf(x) != "" && (n%started == 0 || x.Table == snapshottest.HeadTable || os.Getenv("PM_E2E") == "full") {
					said, _ := s.halts(codeOf(x))
					require.Equal(t, err.Error(), said, "the program says the same")
				}
			}
			for _, table := range notToday {
				s.exec(undo + rowOf(table))
				undo = restored(table)
				_, err = compare()
				require.ErrorContains(t, err, "Row "+table)
			}
			s.exec(undo)
			r, err := compare()
			require.NoError(t, err, "what was put back agrees again")
			require.Equal(t, projections.SnapshotAgreed, r.Report.Snapshot)
			s.goesOnWithNewer()
		})
	}
}

// requireFound wants the code of a change and its place named.
func requireFound(t *testing.T, x snapshottest.Tamper, r *projections.Recovery, err error) {
	t.Helper()
	if codeOf(x) == "" {
		require.NoError(t, err, x.SQL)
		require.Equal(t, projections.SnapshotNewer, r.Report.Snapshot, x.SQL)
		return
	}
	var h *projections.Halt
	require.ErrorAs(t, err, &h, x.SQL)
	require.Equal(t, codeOf(x), h.Code, x.SQL)
	if x.Table == snapshottest.HeadTable {
		return
	}
	table, _ := tables.Named(x.Table)
	named := false // the change of a key is that of a whole row
	for _, d := range h.Report.Divergences {
		named = named || strings.HasPrefix(d.Path, x.Table) && (strings.HasSuffix(d.Path, "."+x.Column) || slices.Contains(table.Names()[:table.Key], x.Column))
	}
	require.True(t, named, "%s: %v", x.SQL, h.Report.Divergences)
}

// recovery holds the service's log against its snapshot in this process, as often as it is called.
func (s *service) recovery() func() (*projections.Recovery, error) {
	s.T.Helper()
	log, err := sqlite.OpenReader(s.LogFolder())
	require.NoError(s.T, err)
	var snapshot projections.Snapshot
	if dir, isFile := strings.CutPrefix(s.url, "sqlite://"); isFile {
		snapshot, err = index.OpenSnapshotReader(dir + "/snapshot.db")
	} else {
		snapshot, err = postgres.Open(s.url)
	}
	require.NoError(s.T, err)
	s.T.Cleanup(func() {
		require.NoError(s.T, snapshot.Close())
		require.NoError(s.T, log.Close())
	})
	return func() (*projections.Recovery, error) { return recoverFrom(s.T.Context(), log, snapshot) }
}

func recoverFrom(ctx context.Context, log eventstore.Log, snapshot projections.Snapshot) (*projections.Recovery, error) {
	return projections.Recover(ctx, log, projections.RecoverOptions{Snapshot: snapshot, Instance: "test", Build: "test", Waits: []time.Duration{}})
}

// goesOnWithNewer changes the versions of the head row for the program itself: it warns, trades, and neither compares nor writes.
func (s *service) goesOnWithNewer() {
	s.T.Helper()
	for _, column := range []string{"schema_version", "fold_version"} {
		s.exec("UPDATE head SET " + column + " = " + column + " + 1")
		s.Start()
		require.Contains(s.T, s.Said(), "WARNING SNAPSHOT_NEWER: nothing was compared", column)
		s.shows(projections.SnapshotNewer)
		s.Kill()
		s.exec(restored("head"))
	}
	s.Start()
	require.Contains(s.T, s.Said(), "agrees at revision", "nothing was written meanwhile")
	s.Kill()
}
