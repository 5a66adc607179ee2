package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
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
	// openPatience is the same for the opening of the file: whoever starts tries it several times.
	openPatience = time.Second
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
	writer chan *sqlite.Conn // holds the one connection that writes, while nobody does, nil as long as another process keeps it from being opened; no channel when opened for reading
	ready  atomic.Bool       // the connection that writes was opened, and the file is a snapshot
	idle   chan *sqlite.Conn // connections for views that are open and unused
	views  chan struct{}     // as many as there are views
	flags  sqlite.OpenFlags
	wait   time.Duration // busyPatience, or less in a test
	once   sync.Once
	closed chan struct{}
}

func newSnapshotFile(path string, flags sqlite.OpenFlags) *snapshotFile {
	return &snapshotFile{
		path: path, flags: flags, wait: busyPatience, closed: make(chan struct{}),
		idle: make(chan *sqlite.Conn, MaxViews), views: make(chan struct{}, MaxViews),
	}
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
		if f.writer == nil {
			return
		}
		if conn := <-f.writer; conn != nil {
			err = errors.Join(err, conn.Close()) // the last one folds the journal into the file
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
	return f.write(ctx, func(conn *sqlite.Conn) error { return f.transaction(ctx, conn, do) })
}

// write gives the connection that writes to do, once it is open.
func (f *snapshotFile) write(ctx context.Context, do func(*sqlite.Conn) error) (err error) {
	var conn *sqlite.Conn
	select {
	case conn = <-f.writer:
	case <-f.closed:
		return ErrSnapshotClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { f.writer <- conn }()
	if conn == nil {
		if conn, err = f.connect(ctx); err != nil {
			return settled(ctx, err)
		}
	}
	return settled(ctx, do(conn))
}

func (f *snapshotFile) transaction(ctx context.Context, conn *sqlite.Conn, do func(*sqlite.Conn) error) (err error) {
	defer conn.SetInterrupt(conn.SetInterrupt(nil))
	var end func(*error)
	if err := f.patiently(ctx, conn, f.wait, func() (err error) {
		end, err = sqlitex.ImmediateTransaction(conn)
		return err
	}); err != nil {
		return err
	}
	defer end(&err)
	return do(conn)
}

// patiently runs what may have to wait for another process. What comes after it may take as long as the context lasts.
func (f *snapshotFile) patiently(ctx context.Context, conn *sqlite.Conn, wait time.Duration, do func() error) error {
	waiting, stop := context.WithTimeout(ctx, wait)
	defer stop()
	conn.SetInterrupt(waiting.Done())
	defer conn.SetInterrupt(ctx.Done())
	err := do()
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: another process held it for %s: %w", projections.ErrSnapshotUnavailable, wait, err)
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
