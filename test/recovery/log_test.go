package recovery

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/postgres/pgtest"
	"pm/eventstore"
	"pm/eventstore/sqlite"
	"pm/projections"
)

// twoDays is a service that stopped twice: after a base, when a copy of its log was made, and after a pyramid.
func twoDays(t *testing.T, build func(testing.TB, string) *service) (s *service, older string) {
	t.Helper()
	s = build(t, plain)
	s.Start()
	s.Signal(bankNifty)
	s.Quiet()
	s.written()
	require.Zero(t, s.Stop())
	older = filepath.Join(t.TempDir(), "older")
	require.NoError(t, os.CopyFS(older, os.DirFS(s.LogFolder())))
	s.backup()
	s.Start()
	s.Signal(pyramid)
	s.Quiet()
	s.written()
	require.Zero(t, s.Stop())
	return s, older
}

// put takes a log's folder in place of the service's own, which it keeps beside.
func (s *service) put(log string) (own string) {
	s.T.Helper()
	own = filepath.Join(s.T.(*testing.T).TempDir(), "own")
	require.NoError(s.T, os.Rename(s.LogFolder(), own))
	require.NoError(s.T, os.CopyFS(s.LogFolder(), os.DirFS(log)))
	return own
}

func TestALogThatEndsBeforeTheSnapshotIsNotStartedOn(t *testing.T) {
	for kind, build := range stores {
		t.Run(kind, func(t *testing.T) {
			s, older := twoDays(t, build)
			own := s.put(older)
			for _, log := range []string{"an older copy of it", "the log without its last event"} {
				said, hint := s.halts("DATA_CORRUPT")
				require.Contains(t, said, "the log was truncated, or an older copy of it was restored", log)
				require.Contains(t, hint, "--accept-older-log", log)
				require.NoError(t, os.RemoveAll(s.LogFolder()))
				cut(t, own, s.LogFolder())
			}
			require.NoError(t, os.RemoveAll(s.LogFolder()))
			require.NoError(t, os.CopyFS(s.LogFolder(), os.DirFS(own)))
			s.Start()
			require.Contains(t, s.Said(), "2 positions open; the snapshot")
			require.Contains(t, s.Said(), "agrees at revision")
			require.Zero(t, s.Stop())
		})
	}
}

// cut makes a log of all records but the last: sound in every respect but that it lost its end.
func cut(t *testing.T, from, to string) {
	t.Helper()
	log, err := sqlite.OpenReader(from)
	require.NoError(t, err)
	defer log.Close()
	var all []eventstore.Record
	require.NoError(t, log.Read(t.Context(), 0, func(recs []eventstore.Record) error {
		all = append(all, recs...)
		return nil
	}))
	shorter, err := sqlite.Open(to, log.Portfolio(), "test")
	require.NoError(t, err)
	require.NoError(t, shorter.Append(t.Context(), eventstore.Empty(log.Portfolio()), all[:len(all)-1]))
	require.NoError(t, shorter.Close())
}

func TestANewLogBesideAnOldSnapshotIsNotStartedOn(t *testing.T) {
	s := onPostgres(t, plain)
	s.Start()
	s.Signal(bankNifty)
	s.Quiet()
	s.written()
	require.Zero(t, s.Stop())
	said, _ := at(t, s.url, plain).halts("DATA_CORRUPT")
	require.Contains(t, said, "the log ends at")
	said, _ = at(t, s.url, strings.Replace(plain, "portfolio:\n", "portfolio:\n  id: another\n", 1)).halts("DATA_CORRUPT")
	require.Contains(t, said, "the snapshot is of stream portfolio-main, the log of portfolio-another")
}

func TestASnapshotThatWasRestoredFromABackupIsComparedWhereItEndsAndFollows(t *testing.T) {
	for kind, build := range stores {
		t.Run(kind, func(t *testing.T) {
			s, _ := twoDays(t, build)
			for _, table := range allTables() {
				s.exec(restored(table))
			}
			s.Start()
			require.Contains(t, s.Said(), "2 positions open; the snapshot")
			r := s.report()
			require.Equal(t, projections.SnapshotAgreed, r.Snapshot)
			require.Less(t, r.Compared.Revision, r.HeadRevision-3, "compared at the end of the backup")
			s.written()
			require.Zero(t, s.Stop())
			s.Start()
			require.Equal(t, s.report().HeadRevision, s.report().Compared.Revision)
			require.Zero(t, s.Stop())
		})
	}
}

func TestASnapshotThatIsGoneIsBuiltAgainWhilePMTrades(t *testing.T) {
	s, _ := twoDays(t, onPostgres)
	fresh := pgtest.Database(t)
	s.url, s.Env = fresh, []string{"PM_SNAPSHOT_URL=" + fresh}
	s.Start()
	require.Contains(t, s.Said(), "2 positions open; WARNING SNAPSHOT_MISSING: nothing was compared")
	s.written()
	require.Zero(t, s.Stop())
	s.Start()
	require.Contains(t, s.Said(), "agrees at revision")
	require.Zero(t, s.Stop())
}
