package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/projections"
	"pm/projections/snapshottest"
)

// hold takes a file for another process alone until letGo, as a restore or a person with sqlite3 does.
func hold(t *testing.T, path string, pragmas ...string) (letGo func()) {
	t.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	require.NoError(t, err)
	for _, sql := range append(pragmas, "BEGIN EXCLUSIVE", "CREATE TABLE theirs (x)") {
		require.NoError(t, sqlitex.ExecuteTransient(conn, sql, nil))
	}
	return func() {
		t.Helper()
		require.NoError(t, sqlitex.ExecuteTransient(conn, "ROLLBACK", nil))
		require.NoError(t, conn.Close())
	}
}

// impatient opens a snapshot whose calls do not wait for another process.
func impatient(t *testing.T, path string) *Snapshot {
	t.Helper()
	s := snapshotAt(t, path)
	s.file.wait = time.Millisecond
	return s
}

func TestASnapshotThatAnotherProcessHoldsIsOpenedWithItsFirstUse(t *testing.T) {
	for name, pragmas := range map[string][]string{
		"in exclusive mode":        {"PRAGMA locking_mode = EXCLUSIVE"},
		"with a journal of theirs": {"PRAGMA journal_mode = DELETE"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t)
			letGo := hold(t, path, pragmas...)
			s := impatient(t, path)
			read := func() error {
				return s.Read(t.Context(), func(v projections.SnapshotView) error { _, err := v.Head(); return err })
			}
			before := snapshottest.Head(1)
			for range 2 {
				require.ErrorIs(t, read(), projections.ErrSnapshotUnavailable)
				require.ErrorIs(t, s.Write(t.Context(), projections.Change{Before: &before, After: snapshottest.Head(2)}), projections.ErrSnapshotUnavailable)
			}
			letGo()
			s.file.wait = busyPatience
			require.NoError(t, read())
			require.Equal(t, before, *headOf(t, s))
			require.NoError(t, s.Write(t.Context(), projections.Change{Before: &before, After: snapshottest.Head(2)}))
			require.Equal(t, "wal", textOf(t, path, "PRAGMA journal_mode"), "it is set up as any other")
		})
	}
}

func TestASnapshotThatWasHeldAndIsNewIsMarkedWithItsFirstUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot.db")
	execute(t, path, "PRAGMA user_version = 0")
	letGo := hold(t, path, "PRAGMA locking_mode = EXCLUSIVE")
	s := impatient(t, path)
	letGo()
	s.file.wait = busyPatience
	require.Nil(t, headOf(t, s))
	require.Equal(t, int64(snapshotID), ask(t, path, "PRAGMA application_id"))
}

func TestASnapshotThatIsHeldAndDamagedIsDamagedWhenItCanBeRead(t *testing.T) {
	path := filled(t)
	letGo := hold(t, path, "PRAGMA locking_mode = EXCLUSIVE")
	s := impatient(t, path)
	letGo()
	s.file.wait = busyPatience
	for _, beside := range []string{"-wal", "-shm"} {
		_ = os.Remove(path + beside) // they are there or not
	}
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("this is not a database ", 500)), 0o600))
	err := s.Read(t.Context(), func(projections.SnapshotView) error { return nil })
	require.ErrorIs(t, err, projections.ErrSnapshotDamaged)
	require.NotErrorIs(t, err, projections.ErrSnapshotUnavailable)
}

func TestAReaderThatMeetsAHeldSnapshotSaysThatItCannotBeReached(t *testing.T) {
	path := filled(t)
	letGo := hold(t, path, "PRAGMA locking_mode = EXCLUSIVE")
	defer letGo()
	_, err := openReader(path, time.Millisecond)
	require.ErrorIs(t, err, projections.ErrSnapshotUnavailable)
}

func TestACallOnAHeldSnapshotEndsWithItsContextAndWithTheSnapshot(t *testing.T) {
	path := filled(t)
	letGo := hold(t, path, "PRAGMA locking_mode = EXCLUSIVE")
	defer letGo()
	s, err := OpenSnapshot(path)
	require.NoError(t, err)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	require.ErrorIs(t, s.Read(ctx, func(projections.SnapshotView) error { return nil }), context.DeadlineExceeded)
	require.NoError(t, s.Close(), "what was never opened needs no end")
	require.ErrorIs(t, s.Read(t.Context(), func(projections.SnapshotView) error { return nil }), ErrSnapshotClosed)
}

// textOf reads one text behind the snapshot's back.
func textOf(t *testing.T, path, query string) (text string) {
	t.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	require.NoError(t, sqlitex.ExecuteTransient(conn, query, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		text = s.ColumnText(0)
		return nil
	}}))
	return text
}
