package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// OpenSnapshot opens the file for writing and reading and makes it where there is none. A database of somebody else is refused with
// ErrForeign, and one that is damaged with projections.ErrSnapshotDamaged; both are left as they are: a snapshot that cannot be read
// is a finding, and only a person throws it away. One that another process has for itself is no finding: as with a server that is away,
// the first call meets it, waits a while, and answers projections.ErrSnapshotUnavailable, and so does each later one until it is free.
func OpenSnapshot(path string) (*Snapshot, error) {
	f := newSnapshotFile(path, sqlite.OpenReadWrite)
	f.writer = make(chan *sqlite.Conn, 1)
	conn, err := f.openWriter(func(conn *sqlite.Conn) error {
		conn.SetBusyTimeout(0)
		defer conn.SetBlockOnBusy() // as usual: until the call is interrupted
		return prepareSnapshot(conn)
	})
	if err != nil && !held(err) {
		return nil, fmt.Errorf("open the snapshot %s: %w", path, fault(err))
	}
	f.writer <- conn
	return &Snapshot{file: f}, nil
}

// held says of an error that another process has the file.
func held(err error) bool {
	code := sqlite.ErrCode(err).ToPrimary()
	return code == sqlite.ResultBusy || code == sqlite.ResultLocked
}

// openWriter opens the connection that writes and lets prepare do what may meet another process. nil with each error.
func (f *snapshotFile) openWriter(prepare func(*sqlite.Conn) error) (*sqlite.Conn, error) {
	conn, err := sqlite.OpenConn(f.path, sqlite.OpenReadWrite, sqlite.OpenCreate)
	if err != nil {
		return nil, err
	}
	if err := prepare(conn); err != nil {
		_ = conn.Close() // nothing was written
		return nil, err
	}
	f.ready.Store(true)
	return conn, nil
}

// connect opens the connection that writes, which another process kept from being opened before. Whoever calls it holds its place.
func (f *snapshotFile) connect(ctx context.Context) (*sqlite.Conn, error) {
	return f.openWriter(func(conn *sqlite.Conn) error {
		defer conn.SetInterrupt(nil)
		return f.patiently(ctx, conn, min(openPatience, f.wait), func() error { return prepareSnapshot(conn) })
	})
}

// prepared makes sure before a view that the file was seen to be a snapshot.
func (f *snapshotFile) prepared(ctx context.Context) error {
	if f.writer == nil || f.ready.Load() {
		return nil
	}
	return f.write(ctx, func(*sqlite.Conn) error { return nil })
}

// OpenSnapshotReader opens a file that is there for reading only, beside a process that writes it or without one. Without a file the
// error is os.ErrNotExist, and projections.ErrSnapshotUnavailable where another process has it for itself.
func OpenSnapshotReader(path string) (*Snapshot, error) { return openReader(path, openPatience) }

func openReader(path string, patience time.Duration) (*Snapshot, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open the snapshot: %w", err)
	}
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	if err != nil {
		return nil, fmt.Errorf("open the snapshot %s: %w", path, fault(err))
	}
	conn.SetBusyTimeout(patience)
	_, err = ours(conn)
	conn.SetBlockOnBusy()
	if err != nil {
		return nil, fmt.Errorf("open the snapshot %s: %w", path, errors.Join(fault(err), conn.Close()))
	}
	f := newSnapshotFile(path, sqlite.OpenReadOnly)
	f.idle <- conn
	return &Snapshot{file: f}, nil
}

// ours says whether the file is marked as a snapshot. An empty one may become one.
func ours(conn *sqlite.Conn) (marked bool, err error) {
	app, err := number(conn, "PRAGMA application_id")
	if err != nil {
		return false, err
	}
	tables, err := number(conn, "SELECT count(*) FROM sqlite_schema")
	switch {
	case err != nil:
		return false, err
	case app == snapshotID:
		return true, nil
	case app != 0 || tables > 0:
		return false, ErrForeign
	}
	return false, nil
}

// prepareSnapshot takes the journal of the index: a kill cannot damage it, and it does not wait for the disk at each write. A power
// cut may lose the newest writes, never half of one; the snapshot is then older than the log, and the follower writes them again.
func prepareSnapshot(conn *sqlite.Conn) error {
	marked, err := ours(conn)
	if err != nil {
		return err
	}
	if err := settle(conn); err != nil {
		return err
	}
	// The old way to rename: views keep the names that they were written with, and so read what a switch has put there.
	if err := sqlitex.ExecuteTransient(conn, "PRAGMA legacy_alter_table = ON", nil); err != nil || marked {
		return err
	}
	return sqlitex.ExecuteTransient(conn, fmt.Sprintf("PRAGMA application_id = %d", snapshotID), nil)
}
