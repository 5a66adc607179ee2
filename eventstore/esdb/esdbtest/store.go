package esdbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// fileName is the database in the server's folder.
const fileName = "streams.db"

// readConns is how many readings run at the same time.
const readConns = 8

const schema = `
CREATE TABLE IF NOT EXISTS events (
  pos INTEGER PRIMARY KEY, stream TEXT NOT NULL, rev INTEGER NOT NULL, id BLOB NOT NULL, type TEXT NOT NULL, content TEXT NOT NULL,
  data BLOB NOT NULL, meta BLOB NOT NULL, created INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS by_stream ON events (stream, rev);
CREATE TABLE IF NOT EXISTS tombstones (stream TEXT PRIMARY KEY) STRICT;
`

// Event is one event as the server keeps it. Data and Meta come back byte for byte.
type Event struct {
	ID         uuid.UUID
	Rev        uint64
	Position   uint64 // in the order of all streams
	Type       string
	Content    string // application/json or application/octet-stream
	Data, Meta []byte
	Created    string // 100 ns since 1970, as text: what the wire carries
}

// store keeps streams in a file.
type store struct {
	mu      sync.Mutex // one append at a time
	conn    *sqlite.Conn
	readers *sqlitex.Pool

	watch sync.Mutex
	grown chan struct{} // closed and replaced by every append
}

func openStore(dir string) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	name := filepath.Join(dir, fileName)
	conn, err := sqlite.OpenConn(name, sqlite.OpenReadWrite, sqlite.OpenCreate, sqlite.OpenWAL)
	if err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(5 * time.Second)
	err = sqlitex.ExecuteTransient(conn, "PRAGMA synchronous = FULL", nil)
	if err == nil {
		err = sqlitex.ExecScript(conn, schema)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	readers, err := sqlitex.NewPool(name, sqlitex.PoolOptions{Flags: sqlite.OpenReadOnly, PoolSize: readConns})
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &store{conn: conn, readers: readers, grown: make(chan struct{})}, nil
}

func (s *store) close() error { return errors.Join(s.readers.Close(), s.conn.Close()) }

// changed is closed by the next append.
func (s *store) changed() <-chan struct{} {
	s.watch.Lock()
	defer s.watch.Unlock()
	return s.grown
}

func (s *store) announce() {
	s.watch.Lock()
	defer s.watch.Unlock()
	close(s.grown)
	s.grown = make(chan struct{})
}

// next is the revision that the next event of a stream gets.
func next(conn *sqlite.Conn, stream string) (n uint64, err error) {
	err = sqlitex.Execute(conn, "SELECT rev FROM events WHERE stream = ? ORDER BY rev DESC LIMIT 1", &sqlitex.ExecOptions{
		Args: []any{stream}, ResultFunc: func(row *sqlite.Stmt) error { n = uint64(row.ColumnInt64(0)) + 1; return nil },
	})
	return n, err
}

func tombstoned(conn *sqlite.Conn, stream string) (dead bool, err error) {
	err = sqlitex.Execute(conn, "SELECT 1 FROM tombstones WHERE stream = ?", &sqlitex.ExecOptions{
		Args: []any{stream}, ResultFunc: func(*sqlite.Stmt) error { dead = true; return nil },
	})
	return dead, err
}

// append stores events behind a revision that the caller has checked under the same lock, in one transaction.
func (s *store) append(stream string, at uint64, events []Event) (position uint64, err error) {
	end, err := sqlitex.ImmediateTransaction(s.conn)
	if err != nil {
		return 0, err
	}
	defer func() {
		end(&err)
		if err == nil {
			s.announce()
		}
	}()
	stmt, err := s.conn.Prepare("INSERT INTO events (stream, rev, id, type, content, data, meta, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return 0, err
	}
	created := time.Now().UnixNano() / 100
	for i := range events {
		e := &events[i]
		stmt.BindText(1, stream)
		stmt.BindInt64(2, int64(at)+int64(i))
		stmt.BindBytes(3, e.ID[:])
		stmt.BindText(4, e.Type)
		stmt.BindText(5, e.Content)
		stmt.BindBytes(6, e.Data)
		stmt.BindBytes(7, e.Meta)
		stmt.BindInt64(8, created)
		if _, err := stmt.Step(); err != nil {
			return 0, fmt.Errorf("insert: %w", err)
		}
		if err := stmt.Reset(); err != nil {
			return 0, err
		}
	}
	return uint64(s.conn.LastInsertRowID()), nil
}

const columns = "SELECT rev, pos, id, type, content, data, meta, created FROM events WHERE stream = ?"

// forward reads up to n events from a revision on; backward reads them towards the beginning.
func (s *store) forward(stream string, from uint64, n int) ([]Event, error) {
	return s.query(columns+" AND rev >= ? ORDER BY rev LIMIT ?", stream, from, n)
}

func (s *store) backward(stream string, from uint64, n int) ([]Event, error) {
	return s.query(columns+" AND rev <= ? ORDER BY rev DESC LIMIT ?", stream, from, n)
}

func (s *store) query(query, stream string, from uint64, n int) ([]Event, error) {
	events := make([]Event, 0, min(n, pageSize))
	err := s.read(func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, query, &sqlitex.ExecOptions{
			Args: []any{stream, int64(min(from, 1<<62)), n}, ResultFunc: func(row *sqlite.Stmt) error {
				events = append(events, scan(row))
				return nil
			},
		})
	})
	return events, err
}

func scan(row *sqlite.Stmt) Event {
	e := Event{Rev: uint64(row.ColumnInt64(0)), Position: uint64(row.ColumnInt64(1)), Type: row.ColumnText(3), Content: row.ColumnText(4), Created: row.ColumnText(7)}
	row.ColumnBytes(2, e.ID[:])
	e.Data, e.Meta = make([]byte, row.ColumnLen(5)), make([]byte, row.ColumnLen(6))
	row.ColumnBytes(5, e.Data)
	row.ColumnBytes(6, e.Meta)
	return e
}

func (s *store) read(do func(*sqlite.Conn) error) error {
	conn, err := s.readers.Take(context.Background())
	if err != nil {
		return err
	}
	defer s.readers.Put(conn)
	return do(conn)
}

// rewrite replaces the bytes of one event, as damage or a forger would.
func (s *store) rewrite(stream string, rev uint64, data, meta []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sqlitex.Execute(s.conn, "UPDATE events SET data = ?, meta = ? WHERE stream = ? AND rev = ?", &sqlitex.ExecOptions{Args: []any{data, meta, stream, int64(rev)}})
}

// cut removes the events of a stream from a revision on, as a restored backup would.
func (s *store) cut(stream string, from uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sqlitex.Execute(s.conn, "DELETE FROM events WHERE stream = ? AND rev >= ?", &sqlitex.ExecOptions{Args: []any{stream, int64(from)}})
}

// remove takes one event out.
func (s *store) remove(stream string, rev uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sqlitex.Execute(s.conn, "DELETE FROM events WHERE stream = ? AND rev = ?", &sqlitex.ExecOptions{Args: []any{stream, int64(rev)}})
}
