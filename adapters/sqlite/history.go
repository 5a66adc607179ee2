// Package sqlite keeps two opinions about the log in SQLite files of their own.
//
// Index is the index of the past (projections.Index): every signal, order and closed position as the lists show it, and which events
// are about which of them. Snapshot is the embedded projections.Snapshot: what a start is held against.
//
// Both files can be made again from the log at any time. Therefore a write is not synchronised (a power cut loses the newest rows,
// and the follower writes them again). They differ in what damage means: an index that is damaged, or of another layout, is thrown
// away and begun anew; a snapshot that is damaged is a finding, which the start must tell, so it is left as it is. A file of somebody
// else is never touched.
//
// One History uses one Index: calls are served one after the other. A Snapshot serves views beside its writes.
package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/eventstore"
	"pm/projections"
)

const (
	// applicationID marks the file as an index of pm: "pmhi" in ASCII.
	applicationID = 0x706d6869
	// layout is the version of the tables.
	layout = 1
)

// ErrForeign says that the file is a database, but none of ours: it is left as it is.
var ErrForeign = errors.New("the file is a database of something else")

// schema: doc is the row as the API shows it; what the filters ask for stands beside it.
const schema = `
CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), portfolio TEXT NOT NULL, version INTEGER NOT NULL, next INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;
CREATE TABLE signals (n INTEGER PRIMARY KEY, id TEXT NOT NULL, outcome TEXT NOT NULL, instrument TEXT NOT NULL, type TEXT NOT NULL, notable INTEGER NOT NULL, doc TEXT NOT NULL) STRICT;
CREATE INDEX signals_id ON signals (id);
CREATE INDEX signals_instrument ON signals (instrument, n);
CREATE INDEX signals_rejected ON signals (n) WHERE outcome = 'rejected';
CREATE INDEX signals_notable ON signals (n) WHERE notable = 1;
CREATE TABLE orders (n INTEGER PRIMARY KEY, id TEXT NOT NULL, instrument TEXT NOT NULL, done INTEGER NOT NULL, doc TEXT NOT NULL) STRICT;
CREATE INDEX orders_id ON orders (id);
CREATE INDEX orders_instrument ON orders (instrument, n);
CREATE INDEX orders_open ON orders (n) WHERE done = 0;
CREATE TABLE closed (n INTEGER PRIMARY KEY, id TEXT NOT NULL, instrument TEXT NOT NULL, doc TEXT NOT NULL) STRICT;
CREATE INDEX closed_id ON closed (id);
CREATE INDEX closed_instrument ON closed (instrument, n);
CREATE TABLE touches (id TEXT NOT NULL, rev INTEGER NOT NULL, PRIMARY KEY (id, rev)) STRICT, WITHOUT ROWID;
`

// Index is the file. Its methods may be called from any goroutine.
type Index struct {
	mu   sync.Mutex
	conn *sqlite.Conn
}

// Open opens the file, making it where there is none and anew where it cannot be used.
func Open(path string) (*Index, error) {
	conn, err := open(path)
	if err != nil && !errors.Is(err, ErrForeign) && unusable(err) {
		for _, name := range []string{path, path + "-wal", path + "-shm"} {
			if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, fmt.Errorf("throw the old index away: %w", err)
			}
		}
		conn, err = open(path)
	}
	if err != nil {
		return nil, fmt.Errorf("open the index %s: %w", path, err)
	}
	return &Index{conn: conn}, nil
}

var errLayout = errors.New("the index has another layout")

// unusable says whether a file is to be thrown away: it is ours, or was.
func unusable(err error) bool {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultCorrupt, sqlite.ResultNotADB:
		return true
	}
	return errors.Is(err, errLayout)
}

func open(path string) (_ *sqlite.Conn, err error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite, sqlite.OpenCreate)
	if err != nil {
		return nil, err
	}
	if err := prepare(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func prepare(conn *sqlite.Conn) error {
	app, err := number(conn, "PRAGMA application_id")
	if err != nil {
		return err
	}
	version, err := number(conn, "PRAGMA user_version")
	if err != nil {
		return err
	}
	tables, err := number(conn, "SELECT count(*) FROM sqlite_schema")
	switch {
	case err != nil:
		return err
	case app == applicationID && version == layout:
		return settle(conn)
	case app == applicationID:
		return errLayout
	case app != 0 || tables > 0:
		return ErrForeign
	}
	if err := settle(conn); err != nil {
		return err
	}
	return sqlitex.ExecScript(conn, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", applicationID, layout)+schema)
}

// settle takes a journal that a kill cannot damage, without waiting for the disk at each write.
func settle(conn *sqlite.Conn) error {
	for _, pragma := range []string{"PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", "PRAGMA cache_size = -16384"} {
		if err := sqlitex.ExecuteTransient(conn, pragma, nil); err != nil {
			return err
		}
	}
	return nil
}

func number(conn *sqlite.Conn, query string) (n int64, err error) {
	err = sqlitex.ExecuteTransient(conn, query, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		n = s.ColumnInt64(0)
		return nil
	}})
	return n, err
}

// use runs one call on the connection; the context ends it.
func (x *Index) use(ctx context.Context, do func(*sqlite.Conn) error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.conn == nil {
		return eventstore.ErrClosed
	}
	defer x.conn.SetInterrupt(x.conn.SetInterrupt(ctx.Done()))
	return do(x.conn)
}

// Close ends its use.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.conn == nil {
		return nil
	}
	conn := x.conn
	x.conn = nil
	return conn.Close()
}

// Head says what the rows were made from.
func (x *Index) Head(ctx context.Context) (head projections.IndexHead, err error) {
	err = x.use(ctx, func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, "SELECT portfolio, version, next, hash FROM head", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
			hash, err := eventstore.ParseHash(s.ColumnText(3))
			head = projections.IndexHead{Portfolio: s.ColumnText(0), Version: s.ColumnInt(1), Head: eventstore.Head{Next: uint64(s.ColumnInt64(2)), Hash: hash}}
			return err
		}})
	})
	return head, err
}

// Clear takes every row out, and the head.
func (x *Index) Clear(ctx context.Context) error {
	return x.use(ctx, func(conn *sqlite.Conn) (err error) {
		end, err := sqlitex.ImmediateTransaction(conn) // a savepoint would keep a journal of its own, at half the rate
		if err != nil {
			return err
		}
		defer end(&err)
		for _, table := range []string{"head", "signals", "orders", "closed", "touches"} {
			if err := sqlitex.Execute(conn, "DELETE FROM "+table, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// Write puts rows in and notes the head, in one transaction.
func (x *Index) Write(ctx context.Context, rows projections.Rows, head projections.IndexHead) error {
	return x.use(ctx, func(conn *sqlite.Conn) (err error) {
		end, err := sqlitex.ImmediateTransaction(conn) // a savepoint would keep a journal of its own, at half the rate
		if err != nil {
			return err
		}
		defer end(&err)
		for _, r := range rows.Signals {
			s := &r.Row
			if err := put(conn, "DELETE FROM signals WHERE n = ?", "INSERT INTO signals VALUES (?, ?, ?, ?, ?, ?, ?)", s, int64(r.N), s.SignalID, s.Outcome, s.Instrument, s.Type, s.Notable()); err != nil {
				return err
			}
		}
		for _, r := range rows.Orders {
			o := &r.Row
			if err := put(conn, "DELETE FROM orders WHERE n = ?", "INSERT INTO orders VALUES (?, ?, ?, ?, ?)", o, int64(r.N), o.OrderID, o.Instrument, o.Done()); err != nil {
				return err
			}
		}
		for _, r := range rows.Closed {
			p := &r.Row
			if err := put(conn, "DELETE FROM closed WHERE n = ?", "INSERT INTO closed VALUES (?, ?, ?, ?)", p, int64(r.N), p.PositionID, p.Instrument); err != nil {
				return err
			}
		}
		for _, t := range rows.Touches {
			if err := run(conn, "INSERT OR IGNORE INTO touches VALUES (?, ?)", t.ID, int64(t.Revision)); err != nil {
				return err
			}
		}
		return run(conn, "INSERT OR REPLACE INTO head VALUES (1, ?, ?, ?, ?)", head.Portfolio, head.Version, int64(head.Head.Next), head.Head.Hash.String())
	})
}

func run(conn *sqlite.Conn, query string, args ...any) error {
	return sqlitex.Execute(conn, query, &sqlitex.ExecOptions{Args: args})
}

// put writes a row: its columns, the number first, and behind them the whole of it. The old one goes first: INSERT OR REPLACE keeps a
// journal for each statement, at a third of the rate.
func put(conn *sqlite.Conn, remove, insert string, row any, columns ...any) error {
	doc, err := json.Marshal(row)
	if err != nil {
		return fmt.Errorf("encode a row: %w", err)
	}
	if err := run(conn, remove, columns[0]); err != nil {
		return err
	}
	return run(conn, insert, append(columns, string(doc))...)
}
