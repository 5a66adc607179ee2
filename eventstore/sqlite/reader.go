package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/domain"
	"pm/eventstore"
)

const (
	// readerConns is how many readings of one Log run at the same time; more wait for their turn, chunk by chunk.
	readerConns = 4
	// pollEvery is how long a follower in another process waits before it looks again; in the writer's process appends wake it.
	pollEvery = 200 * time.Millisecond
)

// OpenReader opens the log in a folder for reading, whoever writes to it. It returns ErrNoLog, and leaves the folder as it is,
// where there is none.
func OpenReader(dir string) (*Log, error) {
	name := filepath.Join(dir, FileName)
	if info, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNoLog, dir)
	} else if err != nil {
		return nil, fmt.Errorf("open the log for reading: %w", err)
	}
	readers, err := openReaders(name)
	if err != nil {
		return nil, fmt.Errorf("open the log in %s for reading: %w", dir, err)
	}
	l := &Log{readers: readers, closed: make(chan struct{})}
	err = l.use(context.Background(), func(conn *sqlite.Conn) (err error) {
		l.portfolio, err = inspect(conn)
		return damaged(err, 0)
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the log in %s for reading: %w", dir, err), l.Close())
	}
	return l, nil
}

func openReaders(name string) (*sqlitex.Pool, error) {
	return sqlitex.NewPool(name, sqlitex.PoolOptions{Flags: sqlite.OpenReadOnly, PoolSize: readerConns, PrepareConn: func(c *sqlite.Conn) error {
		c.SetBusyTimeout(busyTimeout)
		return nil
	}})
}

// use runs one short reading on a connection. Close waits for it.
func (l *Log) use(ctx context.Context, do func(*sqlite.Conn) error) error {
	l.gate.Lock()
	select {
	case <-l.closed:
		l.gate.Unlock()
		return eventstore.ErrClosed
	default:
	}
	l.reading.Add(1)
	l.gate.Unlock()
	defer l.reading.Done()
	if err := ctx.Err(); err != nil {
		return err
	}
	conn, err := l.readers.Take(ctx)
	if err != nil {
		return fmt.Errorf("wait for a connection: %w", err)
	}
	defer l.readers.Put(conn)
	if err := do(conn); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("read the log: %w", err)
	}
	return nil
}

// damaged names a file that SQLite itself finds broken what it is: a corrupt log, found when reading from a revision on.
func damaged(err error, from uint64) error {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultError:
		// The code also stands for every error that is not SQLite's own. The statements of this package are fixed, so one that SQLite
		// no longer compiles (no such table, no such column, unsupported file format) says that the schema was damaged.
		if !strings.Contains(err.Error(), sqlite.ResultError.Message()+": ") {
			return err
		}
	case sqlite.ResultCorrupt, sqlite.ResultNotADB:
	default:
		return err
	}
	return &eventstore.Corrupt{Rev: from, Reason: fmt.Sprintf("the file cannot be read from here on: %v", err)}
}

// Portfolio is whose log this is.
func (l *Log) Portfolio() domain.PortfolioID { return l.portfolio }

// Head is the end of the log now.
func (l *Log) Head(ctx context.Context) (head eventstore.Head, err error) {
	err = l.use(ctx, func(conn *sqlite.Conn) error {
		head, err = headOf(conn, l.portfolio)
		return damaged(err, 0)
	})
	return head, err
}

// Read hands out the records from a revision on, up to the head now. Between two chunks it holds nothing open.
func (l *Log) Read(ctx context.Context, from uint64, each func([]eventstore.Record) error) error {
	head, err := l.Head(ctx)
	if err != nil {
		return err
	}
	_, err = l.read(ctx, from, head.Next, each)
	return err
}

// read hands out [from, until) and says where it stopped.
func (l *Log) read(ctx context.Context, from, until uint64, each func([]eventstore.Record) error) (uint64, error) {
	for from < until {
		var chunk []eventstore.Record
		err := l.use(ctx, func(conn *sqlite.Conn) (err error) {
			chunk, err = readChunk(conn, from, until)
			return damaged(err, from)
		})
		if err != nil {
			return from, err
		}
		if len(chunk) == 0 {
			return from, &eventstore.Corrupt{Rev: from, Reason: fmt.Sprintf("it is missing, though the log ends at revision %d", until-1)}
		}
		if err := each(chunk); err != nil {
			return from, err
		}
		from = chunk[len(chunk)-1].Rev + 1
	}
	return from, nil
}

// selectChunk has its limit written out: SQLite would compile the statement anew for each value bound to it.
var selectChunk = fmt.Sprintf("SELECT rev, meta, data, hash FROM events WHERE rev >= ? AND rev < ? ORDER BY rev LIMIT %d", eventstore.ChunkRecords)

// readChunk reads the next records into one piece of memory.
func readChunk(conn *sqlite.Conn, from, until uint64) ([]eventstore.Record, error) {
	stmt, err := conn.Prepare(selectChunk)
	if err != nil {
		return nil, err
	}
	defer func() { _ = stmt.Reset() }() // what went wrong the last step has said
	stmt.BindInt64(1, int64(from))
	stmt.BindInt64(2, int64(until))
	n := min(until-from, eventstore.ChunkRecords)
	chunk, mem, size := make([]eventstore.Record, 0, n), memory{}, 0
	for size < eventstore.ChunkBytes {
		row, err := stmt.Step()
		if err != nil {
			return nil, err
		}
		if !row {
			break
		}
		r := eventstore.Record{Rev: uint64(stmt.ColumnInt64(0))}
		if got := stmt.ColumnLen(3); got != len(r.Hash) {
			return nil, &eventstore.Corrupt{Rev: r.Rev, Reason: fmt.Sprintf("a hash of %d bytes", got)}
		}
		stmt.ColumnBytes(3, r.Hash[:])
		r.Meta, r.Data = mem.column(stmt, 1), mem.column(stmt, 2)
		size += r.Size()
		chunk = append(chunk, r)
	}
	return chunk, nil
}

// memoryPiece is how much is allocated at once for the bytes of a chunk.
const memoryPiece = 64 << 10

// memory cuts small byte slices from large pieces: a chunk is a handful of allocations, not a thousand.
type memory struct{ rest []byte }

func (m *memory) column(stmt *sqlite.Stmt, col int) []byte {
	n := stmt.ColumnLen(col)
	if n > len(m.rest) {
		m.rest = make([]byte, max(n, memoryPiece))
	}
	b := m.rest[:n:n]
	m.rest = m.rest[n:]
	stmt.ColumnBytes(col, b)
	return b
}

// Follow does what Read does and goes on with later appends.
func (l *Log) Follow(ctx context.Context, from uint64, each func([]eventstore.Record) error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		grown := l.grown()
		head, err := l.Head(ctx)
		if err != nil {
			return err
		}
		if from, err = l.read(ctx, from, head.Next, each); err != nil {
			return err
		}
		select {
		case <-grown:
		case <-tick.C:
		case <-l.closed:
			return eventstore.ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// grown is closed by the next append of this Log; a reader's never is.
func (l *Log) grown() <-chan struct{} {
	if l.writer == nil {
		return nil
	}
	l.writer.mu.Lock()
	defer l.writer.mu.Unlock()
	return l.writer.grown
}

// Close waits for the readings and the append under way, then frees the folder. A second Close does nothing.
func (l *Log) Close() error {
	l.once.Do(func() {
		l.gate.Lock()
		close(l.closed)
		l.gate.Unlock()
		l.reading.Wait()
		l.closeErr = l.readers.Close()
		if l.writer != nil {
			l.closeErr = errors.Join(l.closeErr, l.writer.close())
		}
	})
	return l.closeErr
}
