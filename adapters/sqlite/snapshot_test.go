package sqlite

import (
	"context"
	"errors"
	"io"
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
	"pm/projections/tables"
)

func snapshotAt(t testing.TB, path string) *Snapshot {
	t.Helper()
	s, err := OpenSnapshot(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestTheFileKeepsEveryPromiseOfASnapshot(t *testing.T) {
	snapshottest.Run(t, func(t *testing.T) snapshottest.Place {
		path := filepath.Join(t.TempDir(), "snapshot.db")
		return snapshottest.Place{
			Open: func(t *testing.T) projections.Snapshot { return snapshotAt(t, path) },
			Exec: func(t *testing.T, sql string) { execute(t, path, sql) },
		}
	})
}

// filled makes a snapshot with three plain rows in each table and closes it.
func filled(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "snapshot.db")
	s := snapshotAt(t, path)
	snapshottest.Filled(t, s, snapshottest.Head(1), snapshottest.Sample(3))
	require.NoError(t, s.Close())
	return path
}

func headOf(t *testing.T, s *Snapshot) (head *projections.SnapshotHead) {
	t.Helper()
	require.NoError(t, s.Read(t.Context(), func(v projections.SnapshotView) (err error) {
		head, err = v.Head()
		return err
	}))
	return head
}

func TestASnapshotThatIsNoDatabaseIsDamagedAndLeftAsItIs(t *testing.T) {
	path, text := filepath.Join(t.TempDir(), "snapshot.db"), strings.Repeat("this is not a database ", 50)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	_, err := OpenSnapshot(path)
	require.ErrorIs(t, err, projections.ErrSnapshotDamaged)
	_, err = OpenSnapshotReader(path)
	require.ErrorIs(t, err, projections.ErrSnapshotDamaged)
	left, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, text, string(left))
}

func TestPagesThatAreOverwrittenAreDamage(t *testing.T) {
	path := filled(t)
	size := ask(t, path, "PRAGMA page_size")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, table := range tables.All() {
		root := ask(t, path, "SELECT rootpage FROM sqlite_schema WHERE name = '"+table.Name+"'")
		for i := (root - 1) * size; i < root*size; i++ {
			data[i] ^= 0x5a
		}
	}
	require.NoError(t, os.WriteFile(path, data, 0o600))
	s := snapshotAt(t, path)
	for _, table := range tables.All() {
		require.ErrorIs(t, s.Read(t.Context(), func(v projections.SnapshotView) error { return v.Copy(table, io.Discard) }), projections.ErrSnapshotDamaged, table.Name)
	}
}

func TestASnapshotIsNotOpenedOverADatabaseOfSomebodyElse(t *testing.T) {
	theirs, index := filepath.Join(t.TempDir(), "theirs.db"), filepath.Join(t.TempDir(), "history.db")
	execute(t, theirs, "CREATE TABLE theirs (x)")
	require.NoError(t, opened(t, index).Close())
	for _, path := range []string{theirs, index} {
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		_, err = OpenSnapshot(path)
		require.ErrorIs(t, err, ErrForeign)
		_, err = OpenSnapshotReader(path)
		require.ErrorIs(t, err, ErrForeign)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, before, after)
	}
}

func TestAReaderReadsBesideTheWriterAndAfterIt(t *testing.T) {
	path := filled(t)
	reader := func() *Snapshot {
		r, err := OpenSnapshotReader(path)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, r.Close()) })
		return r
	}
	alone := reader()
	require.Equal(t, snapshottest.Head(1), *headOf(t, alone), "without a writer")
	s, before := snapshotAt(t, path), snapshottest.Head(1)
	beside := reader()
	require.NoError(t, s.Write(t.Context(), projections.Change{Before: &before, After: snapshottest.Head(2)}))
	require.Equal(t, snapshottest.Head(2), *headOf(t, beside), "beside a writer that has its journal open")
	require.Equal(t, snapshottest.Head(2), *headOf(t, alone))
	require.ErrorIs(t, beside.Write(t.Context(), projections.Change{}), ErrReadOnly)
	require.ErrorIs(t, beside.Discard(t.Context()), ErrReadOnly)
	_, err := beside.Next(t.Context())
	require.ErrorIs(t, err, ErrReadOnly)
	require.ErrorIs(t, beside.Switch(t.Context(), nil, nil), ErrReadOnly)
}

func TestAReaderOfNoFileSaysSoAndMakesNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot.db")
	_, err := OpenSnapshotReader(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoFileExists(t, path)
}

func TestWhatAKilledWriterLeftIsReadWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot.db")
	s := snapshotAt(t, path)
	snapshottest.Filled(t, s, snapshottest.Head(1), snapshottest.Sample(3))
	left := filepath.Join(t.TempDir(), "snapshot.db") // the files as a kill leaves them: the journal not folded in
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + suffix)
		require.NoError(t, err)
		require.NotEmpty(t, data)
		require.NoError(t, os.WriteFile(left+suffix, data, 0o600))
	}
	r, err := OpenSnapshotReader(left)
	require.NoError(t, err)
	require.Equal(t, snapshottest.Head(1), *headOf(t, r))
	require.NoError(t, r.Close())
	require.Equal(t, snapshottest.Head(1), *headOf(t, snapshotAt(t, left)))
}

func TestAViewThatAPersonMadeReadsWhatASwitchHasPutThere(t *testing.T) {
	path := filled(t)
	execute(t, path, "CREATE VIEW theirs AS SELECT max(revision) AS n FROM signals")
	s, from, to := snapshotAt(t, path), snapshottest.Head(1), snapshottest.Head(2)
	for range 3 { // the second switch drops what the first has kept
		next, err := s.Next(t.Context())
		require.NoError(t, err)
		snapshottest.Filled(t, next, to, snapshottest.Sample(5))
		require.NoError(t, s.Switch(t.Context(), &from, &to))
		from, to = to, snapshottest.Head(int(to.Revision/100)+1)
	}
	require.Equal(t, []int64{5, 3}, []int64{ask(t, path, "SELECT n FROM theirs"), ask(t, path, "SELECT count(*) FROM previous_signals") - 2})
}

func ask(t *testing.T, path, query string) int64 {
	t.Helper()
	conn, err := sqlite.OpenConn(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	n, err := number(conn, query)
	require.NoError(t, err)
	return n
}

func TestASwitchKeepsWhatWasThereBeforeItOnce(t *testing.T) {
	path := filled(t)
	s, from, to := snapshotAt(t, path), snapshottest.Head(1), snapshottest.Head(2)
	next, err := s.Next(t.Context())
	require.NoError(t, err)
	snapshottest.Filled(t, next, to, snapshottest.Sample(5))
	require.NoError(t, s.Switch(t.Context(), &from, &to))
	require.Equal(t, int64(3), ask(t, path, "SELECT count(*) FROM previous_signals"))
	require.Equal(t, int64(from.Revision), ask(t, path, "SELECT revision FROM previous_head"))
	require.Zero(t, ask(t, path, `SELECT count(*) FROM sqlite_schema WHERE name LIKE 'next\_%' ESCAPE '\'`))
}

func TestNothingIsBuiltBesideWhatIsBeingBuilt(t *testing.T) {
	s := snapshotAt(t, filepath.Join(t.TempDir(), "snapshot.db"))
	next, err := s.Next(t.Context())
	require.NoError(t, err)
	_, err = next.Next(t.Context())
	require.ErrorIs(t, err, errBeside)
	require.ErrorIs(t, next.Switch(t.Context(), nil, nil), errBeside)
	require.NoError(t, next.Close(), "it ends with the snapshot that it is a part of")
	snapshottest.Filled(t, next, snapshottest.Head(1), snapshottest.Sample(1))
}

func TestAWriteWaitsForOneOfAnotherProcessAsLongAsItsContextAndItsPatience(t *testing.T) {
	path := filled(t)
	s := snapshotAt(t, path)
	conn, err := sqlite.OpenConn(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	require.NoError(t, sqlitex.ExecuteTransient(conn, "BEGIN IMMEDIATE", nil))
	before := snapshottest.Head(1)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	require.ErrorIs(t, s.Write(ctx, projections.Change{Before: &before, After: snapshottest.Head(2)}), context.DeadlineExceeded)
	s.file.wait = 20 * time.Millisecond
	ctx, stop = context.WithTimeout(t.Context(), busyPatience)
	defer stop()
	require.ErrorIs(t, s.Write(ctx, projections.Change{Before: &before, After: snapshottest.Head(2)}), projections.ErrSnapshotUnavailable)
	require.NoError(t, sqlitex.ExecuteTransient(conn, "ROLLBACK", nil))
	require.Equal(t, before, *headOf(t, s))
	require.NoError(t, s.Write(t.Context(), projections.Change{Before: &before, After: snapshottest.Head(2)}))
}

func TestOneViewMoreThanTheLimitWaits(t *testing.T) {
	s := snapshotAt(t, filled(t))
	begun, end := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	for range MaxViews {
		go func() {
			done <- s.Read(context.Background(), func(projections.SnapshotView) error {
				begun <- struct{}{}
				<-end
				return nil
			})
		}()
	}
	for range MaxViews {
		<-begun
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	require.ErrorIs(t, s.Read(ctx, func(projections.SnapshotView) error { return nil }), context.DeadlineExceeded)
	close(end)
	for range MaxViews {
		require.NoError(t, <-done)
	}
	require.Equal(t, snapshottest.Head(1), *headOf(t, s))
}

func TestAFlagThatIsNoneIsShownAsItIs(t *testing.T) {
	path := filled(t)
	execute(t, path, "UPDATE layers SET kept = 7")
	layers, _ := tables.Named("layers")
	require.NoError(t, snapshotAt(t, path).Read(t.Context(), func(v projections.SnapshotView) error {
		lines, err := v.Lines([]tables.Table{layers})
		require.NoError(t, err)
		require.Equal(t, "7", tables.Split(lines["layers"][0])[7])
		return nil
	}))
}

func TestARebuildMendsAHeadThatCannotBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot.db")
	s, err := OpenSnapshot(path)
	require.NoError(t, err)
	defer s.Close()
	snapshottest.Filled(t, s, snapshottest.Head(1), snapshottest.Sample(1))
	next, err := s.Next(t.Context())
	require.NoError(t, err)
	head := snapshottest.Head(2)
	snapshottest.Filled(t, next, head, snapshottest.Sample(2))
	execute(t, path, "ALTER TABLE head RENAME COLUMN tables_hash TO x")
	require.NoError(t, s.Switch(t.Context(), nil, &head))
}

// The first write makes the tables and fills them in one transaction: who reads meanwhile sees none of it, and a program that is killed
// in the middle leaves nothing to mend.
func TestTablesInTheMakingAreSeenByNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot.db")
	s := snapshotAt(t, path)
	reader, err := OpenSnapshotReader(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, reader.Close()) })
	killed := errors.New("killed")
	require.ErrorIs(t, s.file.change(t.Context(), func(conn *sqlite.Conn) error {
		require.NoError(t, create(conn, ""))
		for _, other := range []*Snapshot{s, reader} {
			require.NoError(t, other.Read(t.Context(), func(v projections.SnapshotView) error {
				head, err := v.Head()
				require.NoError(t, err)
				require.Nil(t, head)
				shape, err := v.Shape()
				require.Empty(t, shape)
				return err
			}))
		}
		return killed
	}), killed)
	require.Nil(t, headOf(t, reader))
	head := snapshottest.Head(1)
	snapshottest.Filled(t, s, head, snapshottest.Sample(3))
	require.Equal(t, &head, headOf(t, reader))
}
