package recovery

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pm/projections"
	"pm/test/programs"
)

// older is this source as it was before its last migration.
func older(t *testing.T) string {
	t.Helper()
	pm, _ := programs.Build(t, "older", "-X pm/projections/tables.limited=1")
	return pm
}

func TestAnOlderAndANewerBuildStartOnTheSameDatabaseInTurn(t *testing.T) {
	for kind, build := range stores {
		t.Run(kind, func(t *testing.T) {
			s := build(t, plain)
			s.Program = older(t)
			s.Start()
			s.Signal(bankNifty)
			s.Quiet()
			s.written()
			require.Zero(t, s.Stop())

			s.Program = ""
			s.Start()
			require.Contains(t, s.Said(), "1 position open; WARNING SNAPSHOT_OUTDATED: nothing was compared")
			s.Signal(pyramid) // while the tables are rebuilt
			s.Quiet()
			s.written()
			require.Zero(t, s.Stop())

			s.Program = older(t)
			s.Start()
			require.Contains(t, s.Said(), "2 positions open; WARNING SNAPSHOT_NEWER: nothing was compared")
			s.shows(projections.SnapshotNewer)
			s.Signal(exitAll, "BANK_NIFTY", "51000")
			s.Quiet()
			require.Zero(t, s.Stop())

			s.Program = ""
			s.Start()
			r := s.report()
			require.Equal(t, projections.SnapshotAgreed, r.Snapshot, "the older build has left it as it was")
			require.Less(t, r.Compared.Revision, r.HeadRevision)
			require.Empty(t, held(s.positions("open")))
			s.written()
			require.Zero(t, s.Stop())
		})
	}
}
