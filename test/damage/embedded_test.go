package damage_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	driver "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/eventstore"
	"pm/eventstore/logtest"
	"pm/eventstore/sqlite"
)

const (
	logFile = "events.db"
	walFile = "events.db-wal"
)

// embedded is the file of the embedded log after a stop. open is how it is opened: by a reader, or by a start.
func embedded(name string, open func(dir string) (*sqlite.Log, error)) Store {
	return Store{
		Name: name,
		Image: func(t testing.TB, recs []eventstore.Record) []byte {
			dir := scratch(t)
			defer os.RemoveAll(dir)
			conn := emptyLog(t, dir)
			insert(t, conn, recs)
			require.NoError(t, conn.Close())
			return content(t, filepath.Join(dir, logFile))
		},
		Reader: func(t testing.TB, remembered Memory) Reader {
			dir := scratch(t)
			return func(ctx context.Context, image []byte) ([]eventstore.Record, bool, error) {
				if err := lay(dir, map[string][]byte{logFile: image}); err != nil {
					return nil, false, harness{err}
				}
				recs, err := readEmbedded(ctx, dir, open, remembered.Head)
				return recs, false, err
			}
		},
	}
}

// killed is the embedded log after a kill: what was appended stands in the write-ahead log beside the file, which is damaged.
func killed() Store {
	var file []byte
	return Store{
		Name: "write-ahead log after a kill",
		Image: func(t testing.TB, recs []eventstore.Record) []byte {
			dir := scratch(t)
			conn := emptyLog(t, dir)
			defer conn.Close()
			require.NoError(t, sqlitex.ExecuteTransient(conn, "PRAGMA wal_autocheckpoint = 0", nil))
			for len(recs) > 0 {
				n := min(len(recs), 10)
				insert(t, conn, recs[:n])
				recs = recs[n:]
			}
			file = content(t, filepath.Join(dir, logFile))
			return content(t, filepath.Join(dir, walFile))
		},
		Reader: func(t testing.TB, remembered Memory) Reader {
			dir := scratch(t)
			return func(ctx context.Context, image []byte) ([]eventstore.Record, bool, error) {
				if err := lay(dir, map[string][]byte{logFile: file, walFile: image}); err != nil {
					return nil, false, harness{err}
				}
				recs, err := readEmbedded(ctx, dir, sqlite.OpenReader, remembered.Head)
				return recs, false, err
			}
		},
	}
}

// openAsAStart takes the lock and may write, as pm does.
func openAsAStart(dir string) (*sqlite.Log, error) {
	return sqlite.Open(dir, logtest.Portfolio, "damage")
}

// scratch is a folder in memory where the system has one: a million cases need no disk.
func scratch(t testing.TB) string {
	t.Helper()
	root := ""
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		root = "/dev/shm"
	}
	dir, err := os.MkdirTemp(root, "pm-damage-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// emptyLog makes a log without records and opens its file behind its back: the checks of Append would refuse what is not sound.
func emptyLog(t testing.TB, dir string) *driver.Conn {
	t.Helper()
	log, err := sqlite.Open(dir, logtest.Portfolio, "damage")
	require.NoError(t, err)
	require.NoError(t, log.Close())
	conn, err := driver.OpenConn(filepath.Join(dir, logFile), driver.OpenReadWrite)
	require.NoError(t, err)
	return conn
}

// insert stores records as they are, in one transaction.
func insert(t testing.TB, conn *driver.Conn, recs []eventstore.Record) {
	t.Helper()
	require.NoError(t, sqlitex.Execute(conn, "BEGIN IMMEDIATE", nil))
	for _, r := range recs {
		require.NoError(t, sqlitex.Execute(conn, "INSERT INTO events (rev, meta, data, hash) VALUES (?, ?, ?, ?)",
			&sqlitex.ExecOptions{Args: []any{int64(r.Rev), r.Meta, r.Data, r.Hash[:]}}))
	}
	require.NoError(t, sqlitex.Execute(conn, "COMMIT", nil))
}

func content(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return text
}

// lay puts files into a folder in place of what the reading before left there.
func lay(dir string, files map[string][]byte) error {
	for _, name := range []string{logFile + "-journal", logFile + "-shm", walFile} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// readEmbedded is what a start does before it writes: everything is read and checked, and the log must still have the head that was
// pinned. Records are checked as they are read, once, because this runs for each of a million cases.
func readEmbedded(ctx context.Context, dir string, open func(string) (*sqlite.Log, error), pinned eventstore.Head) (recs []eventstore.Record, err error) {
	log, err := open(dir)
	if errors.Is(err, sqlite.ErrNoLog) {
		return nil, errors.Join(errRemembered, &eventstore.Corrupt{Reason: "a head was pinned, and there is no log"})
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	check := eventstore.NewAuditor(log.Portfolio())
	recs = make([]eventstore.Record, 0, events)
	err = log.Read(ctx, 0, func(chunk []eventstore.Record) error {
		for _, r := range chunk {
			if _, err := check.Check(r); err != nil {
				return err
			}
		}
		recs = append(recs, chunk...)
		return nil
	})
	if err != nil || check.Head() == pinned {
		return recs, err
	}
	if err := eventstore.Holds(ctx, log, pinned); err != nil {
		return nil, errors.Join(errRemembered, err)
	}
	return recs, nil
}
