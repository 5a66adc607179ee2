package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/projections"
)

const (
	// snapshotID marks the file as a snapshot of pm: "pmsn" in ASCII.
	snapshotID = 0x706d736e
	// MaxViews is how many views may be open at one time in one process; one more waits for its context.
	MaxViews = 8
	// busyPatience is how long a call waits until another process lets it begin.
	busyPatience = 5 * time.Second
)

var (
	// ErrReadOnly says that the snapshot was opened for reading.
	ErrReadOnly = errors.New("the snapshot was opened for reading")
	// ErrSnapshotClosed says that the snapshot was closed.
	ErrSnapshotClosed = errors.New("the snapshot is closed")
)

// Snapshot is a projections.Snapshot in one SQLite file. Its methods may be called from any goroutine: writes go one after the other,
// views run beside them.
//
// What is there now stands under the names of package tables, so that a person may ask with any SQLite shell, also while pm runs.
// What is being built stands under next_..., what was there before the last switch under previous_... . All tables of the file belong
// to pm, and a switch moves them; views that a person made stay, and read what is there now.
//
// Integers and booleans (0 and 1) are INTEGER; texts, decimals, times and days are TEXT, as they stand in a line. Nothing is rounded.
type Snapshot struct {
	file   *snapshotFile
	prefix string // of the tables: "" or nextPrefix
}

// snapshotFile is what a snapshot and the one being built beside it share.
type snapshotFile struct {
	path   string
	writer chan *sqlite.Conn // holds the one connection that writes, while nobody does; nil when opened for reading
	idle   chan *sqlite.Conn // connections for views that are open and unused
	views  chan struct{}     // as many as there are views
	flags  sqlite.OpenFlags
	wait   time.Duration // busyPatience, or less in a test
	once   sync.Once
	closed chan struct{}
}

// OpenSnapshot opens the file for writing and reading and makes it where there is none. A database of somebody else is refused with
// ErrForeign, and one that is damaged with projections.ErrSnapshotDamaged; both are left as they are: a snapshot that cannot be read
// is a finding, and only a person throws it away.
func OpenSnapshot(path string) (*Snapshot, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite, sqlite.OpenCreate)
	if err != nil {
		return nil, fmt.Errorf("open the snapshot %s: %w", path, fault(err))
	}
	if err := prepareSnapshot(conn); err != nil {
		return nil, fmt.Errorf("open the snapshot %s: %w", path, errors.Join(fault(err), conn.Close()))
	}
	f := newSnapshotFile(path, sqlite.OpenReadWrite)
	f.writer = make(chan *sqlite.Conn, 1)
	f.writer <- conn
	return &Snapshot{file: f}, nil
}

// OpenSnapshotReader opens a file that is there for reading only, beside a process that writes it or without one. Without a file the
// error is os.ErrNotExist.
func OpenSnapshotReader(path string) (*Snapshot, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open the snapshot: %w", err)
	}
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	if err != nil {
		return nil, fmt.Errorf("open the snapshot %s: %w", path, fault(err))
	}
	if _, err := ours(conn); err != nil {
		return nil, fmt.Errorf("open the snapshot %s: %w", path, errors.Join(fault(err), conn.Close()))
	}
	f := newSnapshotFile(path, sqlite.OpenReadOnly)
	f.idle <- conn
	return &Snapshot{file: f}, nil
}

func newSnapshotFile(path string, flags sqlite.OpenFlags) *snapshotFile {
	return &snapshotFile{
		path: path, flags: flags, wait: busyPatience, closed: make(chan struct{}),
		idle: make(chan *sqlite.Conn, MaxViews), views: make(chan struct{}, MaxViews),
	}
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

// fault names what an error of SQLite means to whoever uses a snapshot.
func fault(err error) error {
	if err == nil {
		return nil
	}
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultCorrupt, sqlite.ResultNotADB:
		return fmt.Errorf("%w: %w", projections.ErrSnapshotDamaged, err)
	case sqlite.ResultBusy, sqlite.ResultLocked, sqlite.ResultIOErr, sqlite.ResultCantOpen, sqlite.ResultFull, sqlite.ResultReadOnly, sqlite.ResultPerm, sqlite.ResultAuth:
		return fmt.Errorf("%w: %w", projections.ErrSnapshotUnavailable, err)
	}
	return err
}

// String names the file.
func (s *Snapshot) String() string { return s.file.path }

// Close ends its use and that of what is being built beside it, after the write and the views that are under way.
func (s *Snapshot) Close() (err error) {
	f := s.file
	if s.prefix != "" {
		return nil // it ends with the snapshot that it is a part of
	}
	f.once.Do(func() {
		close(f.closed)
		for range MaxViews {
			f.views <- struct{}{}
		}
		close(f.idle)
		for conn := range f.idle {
			err = errors.Join(err, conn.Close())
		}
		if f.writer != nil {
			err = errors.Join(err, (<-f.writer).Close()) // the last one folds the journal into the file
		}
	})
	return err
}

// alive says whether a call may begin.
func (f *snapshotFile) alive(ctx context.Context) error {
	select {
	case <-f.closed:
		return ErrSnapshotClosed
	default:
		return ctx.Err()
	}
}

// change runs one transaction that writes.
func (f *snapshotFile) change(ctx context.Context, do func(*sqlite.Conn) error) error {
	if err := f.alive(ctx); err != nil {
		return err
	}
	if f.writer == nil {
		return ErrReadOnly
	}
	var conn *sqlite.Conn
	select {
	case conn = <-f.writer:
	case <-f.closed:
		return ErrSnapshotClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { f.writer <- conn }()
	return settled(ctx, f.transaction(ctx, conn, do))
}

func (f *snapshotFile) transaction(ctx context.Context, conn *sqlite.Conn, do func(*sqlite.Conn) error) (err error) {
	defer conn.SetInterrupt(conn.SetInterrupt(nil))
	var end func(*error)
	if err := f.patiently(ctx, conn, func() (err error) {
		end, err = sqlitex.ImmediateTransaction(conn)
		return err
	}); err != nil {
		return err
	}
	defer end(&err)
	return do(conn)
}

// patiently runs what may have to wait for another process. What comes after it may take as long as the context lasts.
func (f *snapshotFile) patiently(ctx context.Context, conn *sqlite.Conn, do func() error) error {
	waiting, stop := context.WithTimeout(ctx, f.wait)
	defer stop()
	conn.SetInterrupt(waiting.Done())
	defer conn.SetInterrupt(ctx.Done())
	err := do()
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: another process held it for %s: %w", projections.ErrSnapshotUnavailable, f.wait, err)
	}
	return err
}

// settled tells an error of the store from the end of the context, which makes the store fail.
func settled(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return fault(err)
}
