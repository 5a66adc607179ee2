package recovery

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/projections"
)

func TestAnEmbeddedSnapshotThatAnotherProcessHoldsKeepsNobodyFromTrading(t *testing.T) {
	s := embedded(t, plain)
	s.Start()
	s.Signal(bankNifty)
	s.Quiet()
	s.written()
	s.Kill()
	theirs, err := sqlite.OpenConn(filepath.Join(strings.TrimPrefix(s.url, "sqlite://"), "snapshot.db"), sqlite.OpenReadWrite)
	require.NoError(t, err)
	for _, sql := range []string{"PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE", "CREATE TABLE theirs (x)"} {
		require.NoError(t, sqlitex.ExecuteTransient(theirs, sql, nil))
	}

	s.Start()
	require.Contains(t, s.Said(), "1 position open; WARNING DB_UNAVAILABLE: nothing was compared")
	require.Equal(t, "DB_UNAVAILABLE", s.report().Code)
	s.shows(projections.SnapshotUnavailable)
	require.Contains(t, s.log(), "cannot be reached; trying again")
	s.Signal(pyramid) // nobody waits for it
	s.Quiet()

	require.NoError(t, sqlitex.ExecuteTransient(theirs, "ROLLBACK", nil))
	require.NoError(t, theirs.Close())
	s.Until(comparedWithin, "the snapshot was compared and follows", func() bool {
		_, h := s.health()
		return h.Snapshot.Status == projections.SnapshotAgreed && h.Snapshot.Behind == 0 && len(h.Degraded) == 0
	})
	require.Zero(t, s.Stop())
	s.Start()
	require.Contains(t, s.Said(), "agrees at revision")
	require.Zero(t, s.Stop())
}
