package sqlite_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	driver "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/logtest"
	"pm/eventstore/sqlite"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir))
	}
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, dir string) *sqlite.Log {
	t.Helper()
	log, err := sqlite.Open(dir, logtest.Portfolio, "test")
	require.NoError(t, err)
	return log
}

// execute changes the file behind the log's back.
func execute(t *testing.T, dir, query string, args ...any) {
	t.Helper()
	conn, err := driver.OpenConn(filepath.Join(dir, "events.db"), driver.OpenReadWrite)
	require.NoError(t, err)
	require.NoError(t, sqlitex.Execute(conn, query, &sqlitex.ExecOptions{Args: args}))
	require.NoError(t, conn.Close())
}

func TestTheEmbeddedLogKeepsThePromisesOfTheLog(t *testing.T) {
	dirs := map[eventstore.Log]string{}
	at := func(t *testing.T, dir string) eventstore.Log {
		log := open(t, dir)
		dirs[log] = dir
		return log
	}
	logtest.Run(t, logtest.Store{
		Open: func(t *testing.T) eventstore.Log { return at(t, t.TempDir()) },
		Reopen: func(t *testing.T, log eventstore.Log) eventstore.Log {
			require.NoError(t, log.Close())
			return at(t, dirs[log])
		},
		Reader: func(t *testing.T, log eventstore.Log) eventstore.Log {
			reader, err := sqlite.OpenReader(dirs[log])
			require.NoError(t, err)
			return reader
		},
		Spoil: func(t *testing.T, log eventstore.Log, rev uint64, change func(*eventstore.Record)) {
			r := logtest.All(t, log, rev)[0]
			change(&r)
			execute(t, dirs[log], "UPDATE events SET meta = ?, data = ?, hash = ? WHERE rev = ?", r.Meta, r.Data, r.Hash[:], int64(rev))
		},
	})
}

func TestALogKeepsItsBytesThroughEveryStore(t *testing.T) {
	first := eventstore.NewMemory(logtest.Portfolio)
	at := eventstore.Empty(logtest.Portfolio)
	require.NoError(t, first.Append(t.Context(), at, logtest.NewStream().Next(t, 1500)))
	var texts [3]bytes.Buffer
	want, err := eventstore.Export(t.Context(), first, &texts[0])
	require.NoError(t, err)
	stored := open(t, t.TempDir())
	second := eventstore.NewMemory(logtest.Portfolio)
	for i, target := range []eventstore.Log{stored, second} {
		head, err := eventstore.Import(t.Context(), bytes.NewReader(texts[i].Bytes()), func(domain.PortfolioID) (eventstore.Log, error) { return target, nil })
		require.NoError(t, err)
		require.Equal(t, want, head)
		_, err = eventstore.Export(t.Context(), target, &texts[i+1])
		require.NoError(t, err)
		require.Equal(t, texts[0].String(), texts[i+1].String())
		require.NoError(t, target.Close())
	}
}

func TestASecondWriterLearnsWhoHoldsTheFolder(t *testing.T) {
	dir := t.TempDir()
	log := open(t, dir)
	_, err := sqlite.Open(dir, logtest.Portfolio, "second")
	var locked *sqlite.Locked
	require.ErrorAs(t, err, &locked)
	require.Equal(t, os.Getpid(), locked.Holder.PID)
	require.Equal(t, "test", locked.Holder.Instance)
	require.NotEmpty(t, locked.Holder.Host)
	require.ErrorContains(t, err, dir)
	require.ErrorContains(t, err, "instance test")
	require.Equal(t, err, sqlite.InUse(dir), "whoever only asks is told the same")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "LOCK"), []byte("{half a na"), 0o644))
	_, err = sqlite.Open(dir, logtest.Portfolio, "second")
	require.ErrorContains(t, err, "in use by another process", "a torn lock file still locks")
	require.NoError(t, log.Close())
	require.NoError(t, sqlite.InUse(dir))
	require.NoError(t, open(t, dir).Close(), "a closed log frees its folder, and nobody who asked keeps it")
	require.NoError(t, sqlite.InUse(filepath.Join(dir, "none")))
	require.NoDirExists(t, filepath.Join(dir, "none"))
}

func TestAWriterThatWasOvertakenLearnsWhereTheLogEndsAndWritesNoMore(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	stream := logtest.NewStream()
	empty := eventstore.Empty(logtest.Portfolio)
	records := stream.Next(t, 3)
	end := records[len(records)-1].After()
	require.NoError(t, os.Remove(filepath.Join(dir, "LOCK")), "somebody took the lock for a leftover")
	second := open(t, dir)
	require.NoError(t, second.Append(t.Context(), empty, records))
	for range 2 {
		var wrong *eventstore.WrongHead
		require.ErrorAs(t, first.Append(t.Context(), empty, records[:1]), &wrong)
		require.Equal(t, eventstore.WrongHead{Expected: empty, Actual: end}, *wrong)
	}
	require.NoError(t, second.Append(t.Context(), end, stream.Next(t, 1)), "the one that was faster is not disturbed")
	require.NoError(t, first.Close())
	require.NoError(t, second.Close())
}

func TestALogIsOpenedForItsOwnPortfolioOnly(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, open(t, dir).Close())
	_, err := sqlite.Open(dir, "another", "test")
	require.ErrorContains(t, err, `it is the log of portfolio "logtest", not of "another"`)
	_, err = sqlite.Open(dir, "", "test")
	require.ErrorContains(t, err, "a portfolio must be named")
	reader, err := sqlite.OpenReader(dir)
	require.NoError(t, err)
	require.Equal(t, logtest.Portfolio, reader.Portfolio())
	require.NoError(t, reader.Close())
	require.NoError(t, open(t, dir).Close(), "a refused opening leaves no lock")
}

func TestAReaderMakesNoLogWhereThereIsNone(t *testing.T) {
	dir := t.TempDir()
	_, err := sqlite.OpenReader(dir)
	require.ErrorIs(t, err, sqlite.ErrNoLog)
	_, err = sqlite.OpenReader(filepath.Join(dir, "absent"))
	require.ErrorIs(t, err, sqlite.ErrNoLog)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "events.db"), nil, 0o644))
	_, err = sqlite.OpenReader(dir)
	require.ErrorIs(t, err, sqlite.ErrNoLog, "a start that was cut off leaves an empty file")
	require.NoError(t, open(t, dir).Close(), "and the next start makes the log")
}

func TestAReaderAppendsNothing(t *testing.T) {
	dir := t.TempDir()
	log := open(t, dir)
	defer func() { require.NoError(t, log.Close()) }()
	reader, err := sqlite.OpenReader(dir)
	require.NoError(t, err)
	at := eventstore.Empty(logtest.Portfolio)
	require.ErrorIs(t, reader.Append(t.Context(), at, logtest.Chain(t, at, 1)), eventstore.ErrReadOnly)
	require.NoError(t, reader.Close())
}

func TestFilesOfOtherBuildsAndOtherProgramsAreRefusedByName(t *testing.T) {
	var corrupt *eventstore.Corrupt
	for want, pragma := range map[string]string{
		"layout 2 in its header, and this build knows layout 1: if a newer build wrote it": "PRAGMA user_version = 2",
		"layout 0 in its header, which no build has written":                               "PRAGMA user_version = 0",
		"application id 0x7 in its header where a log has":                                 "PRAGMA application_id = 7",
		"does not say whose log":                                                           "DELETE FROM log",
	} {
		dir := t.TempDir()
		require.NoError(t, open(t, dir).Close())
		execute(t, dir, pragma)
		_, err := sqlite.Open(dir, logtest.Portfolio, "test")
		require.ErrorContains(t, err, want)
		require.ErrorAs(t, err, &corrupt)
		_, err = sqlite.OpenReader(dir)
		require.ErrorContains(t, err, want)
		require.ErrorAs(t, err, &corrupt)
	}
	dir := t.TempDir()
	require.NoError(t, open(t, dir).Close())
	execute(t, dir, "DROP TABLE log")
	execute(t, dir, "PRAGMA application_id = 7")
	_, err := sqlite.OpenReader(dir)
	require.ErrorContains(t, err, "a database, but no log of pm (application id 0x7)")
	dir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "events.db"), []byte("this is no database, and long enough to be read as one"), 0o644))
	_, err = sqlite.OpenReader(dir)
	require.ErrorAs(t, err, &corrupt)
}

func TestAMissingRecordIsCorruptionAtItsRevision(t *testing.T) {
	for rev, cut := range map[uint64]string{
		3: "DELETE FROM events WHERE rev = 3",
		0: "DELETE FROM events WHERE rev = 0",
		5: "UPDATE events SET hash = x'00' WHERE rev = 5",
	} {
		dir := t.TempDir()
		log := open(t, dir)
		logtest.Fill(t, log, 8)
		execute(t, dir, cut)
		_, err := eventstore.Replay(t.Context(), log, 0, func(domain.Recorded, eventstore.Hash) error { return nil })
		var corrupt *eventstore.Corrupt
		require.ErrorAs(t, err, &corrupt)
		require.Equal(t, rev, corrupt.Rev)
		require.NoError(t, log.Close())
	}
}

func TestAFileThatWasCutIsADamagedLogForWriterAndReader(t *testing.T) {
	dir := t.TempDir()
	log := open(t, dir)
	logtest.Fill(t, log, 50)
	require.NoError(t, log.Close())
	name := filepath.Join(dir, "events.db")
	whole, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, whole[:len(whole)/2], 0o600))
	var corrupt *eventstore.Corrupt
	_, err = sqlite.Open(dir, logtest.Portfolio, "test")
	require.ErrorAs(t, err, &corrupt)
	_, err = sqlite.OpenReader(dir)
	require.ErrorAs(t, err, &corrupt)
	require.NoError(t, os.WriteFile(name, whole, 0o600))
	require.NoError(t, open(t, dir).Close(), "nothing was written over what could not be read")
}

func TestASchemaThatWasDamagedIsADamagedLog(t *testing.T) {
	for name, change := range map[string]string{
		"a column that is gone":   "ALTER TABLE events RENAME COLUMN rev TO sev",
		"a table that is gone":    "ALTER TABLE events RENAME TO fvents",
		"the owner's name":        "DELETE FROM log",
		"the table of the owner":  "ALTER TABLE log RENAME TO mog",
		"the column of the owner": "ALTER TABLE log RENAME COLUMN portfolio TO qortfolio",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			log := open(t, dir)
			logtest.Fill(t, log, 5)
			require.NoError(t, log.Close())
			execute(t, dir, change)
			var corrupt *eventstore.Corrupt
			_, err := sqlite.Open(dir, logtest.Portfolio, "test")
			require.ErrorAs(t, err, &corrupt)
			reader, err := sqlite.OpenReader(dir)
			if err == nil {
				_, err = reader.Head(t.Context())
				require.NoError(t, reader.Close())
			}
			require.ErrorAs(t, err, &corrupt)
		})
	}
}

func TestANewLogIsItsOwnersAlone(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "data", "log")
	log, err := sqlite.Open(dir, logtest.Portfolio, "test")
	require.NoError(t, err)
	defer log.Close()
	logtest.Fill(t, log, 3)
	require.NoError(t, filepath.WalkDir(filepath.Join(base, "data"), func(name string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		require.Equal(t, want, info.Mode().Perm(), name)
		return nil
	}))
	require.FileExists(t, filepath.Join(dir, "events.db-wal"), "the side files have the rights of the database")
}
