package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/domain"
	"pm/eventstore"
)

const (
	// FileName is the database of a log in its folder.
	FileName = "events.db"
	// rowsAtOnce is how many records of a large append go into one statement: to bind and step each alone costs half as much again.
	rowsAtOnce = 16
)

// care is how a file is written.
type care struct {
	synchronous int // PRAGMA synchronous, as SQLite numbers it
	pageSize    int // bytes, of a file that is made; one that is there keeps its own
}

var (
	// truth syncs each commit: FULL. Its pages are small, because an append of a few records writes whole ones and waits for them.
	truth = care{synchronous: 2, pageSize: 4 << 10}
	// opinion syncs when the write-ahead log is folded into the file: NORMAL. A power cut may take its newest records, never a part of an append.
	// It is filled by the hundred thousand, and each page costs three writes and a read on its way into the file: few and large.
	opinion = care{synchronous: 1, pageSize: 16 << 10}
)

// Log is a log in a folder: a writer from Open, or a reader from OpenReader.
type Log struct {
	portfolio domain.PortfolioID
	check     func(domain.PortfolioID, eventstore.Head, []eventstore.Record) error // of an append
	readers   *sqlitex.Pool
	closed    chan struct{}
	once      sync.Once
	closeErr  error
	reading   sync.WaitGroup // readings under way; Close waits for them
	gate      sync.Mutex     // between a reading's start and Close
	writer    *writer        // nil: read-only
}

var _ eventstore.Log = (*Log)(nil)

// writer is the one connection that appends.
type writer struct {
	mu     sync.Mutex
	conn   *sqlite.Conn
	lock   *os.File
	head   eventstore.Head
	broken error         // of the first write that failed
	grown  chan struct{} // closed and replaced by every append
}

// OtherPortfolio says that the folder holds the log of another portfolio.
type OtherPortfolio struct{ Owner, Wanted domain.PortfolioID }

// Error names both.
func (e *OtherPortfolio) Error() string {
	return fmt.Sprintf("it is the log of portfolio %q, not of %q", e.Owner, e.Wanted)
}

// Open opens or makes the log of a portfolio in a folder, for writing. instance is for people: it stands in the lock file.
// It returns *Locked if another writer has the folder, and *OtherPortfolio if the log there is another portfolio's.
func Open(dir string, p domain.PortfolioID, instance string) (*Log, error) {
	return open(dir, p, instance, truth, eventstore.CheckBatch)
}

// OpenCopy does what Open does for a log whose records can be fetched again from another one, which has judged them. Append does not wait for
// the disk: after a power cut the newest records may be gone, and what is there is a whole number of appends. It checks bytes against hashes
// and the chain, and leaves the rest to the readers. A file that either function has made can be opened with the other.
func OpenCopy(dir string, p domain.PortfolioID, instance string) (*Log, error) {
	return open(dir, p, instance, opinion, func(_ domain.PortfolioID, at eventstore.Head, recs []eventstore.Record) error {
		if len(recs) == 0 {
			return errors.New("an append of no records")
		}
		return eventstore.NewLinks(at).Check(recs)
	})
}

func open(dir string, p domain.PortfolioID, instance string, c care, check func(domain.PortfolioID, eventstore.Head, []eventstore.Record) error) (*Log, error) {
	if p == "" {
		return nil, errors.New("open the log: a portfolio must be named")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	held, err := lock(dir, instance)
	if err != nil {
		return nil, err
	}
	l, err := openWriter(dir, p, held, c)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the log in %s: %w", dir, err), held.Close())
	}
	l.check = check
	return l, nil
}

func openWriter(dir string, p domain.PortfolioID, held *os.File, c care) (*Log, error) {
	name := filepath.Join(dir, FileName)
	if err := makePrivate(name); err != nil {
		return nil, err
	}
	conn, err := sqlite.OpenConn(name, sqlite.OpenReadWrite, sqlite.OpenCreate)
	if err != nil {
		return nil, damaged(err, 0)
	}
	head, err := prepareWriter(conn, dir, p, c)
	if err != nil {
		return nil, errors.Join(damaged(err, 0), conn.Close())
	}
	readers, err := openReaders(name)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	w := &writer{conn: conn, lock: held, head: head, grown: make(chan struct{})}
	return &Log{portfolio: p, readers: readers, closed: make(chan struct{}), writer: w}, nil
}

// prepareWriter makes the tables where there are none and finds the head.
func prepareWriter(conn *sqlite.Conn, dir string, p domain.PortfolioID, c care) (head eventstore.Head, err error) {
	conn.SetBusyTimeout(busyTimeout)
	if err := durable(conn, c); err != nil {
		return head, err
	}
	owner, err := inspect(conn)
	if errors.Is(err, ErrNoLog) {
		if err := create(conn, p); err != nil {
			return head, err
		}
		// The file is durable by SQLite's own care; that it and its folder can be found again is ours.
		if err := syncDirs(dir, filepath.Dir(filepath.Clean(dir))); err != nil {
			return head, err
		}
		owner, err = p, nil
	}
	if err != nil {
		return head, err
	}
	if owner != p {
		return head, &OtherPortfolio{Owner: owner, Wanted: p}
	}
	return headOf(conn, p)
}

// durable sets the connection to sync as it is to and makes sure that SQLite took it: where it cannot have WAL it says
// nothing and goes on without.
func durable(conn *sqlite.Conn, c care) error {
	for _, set := range []string{fmt.Sprintf("PRAGMA page_size = %d", c.pageSize), fmt.Sprintf("PRAGMA synchronous = %d", c.synchronous)} {
		if err := sqlitex.ExecuteTransient(conn, set, nil); err != nil {
			return err
		}
	}
	mode := ""
	err := sqlitex.ExecuteTransient(conn, "PRAGMA journal_mode = WAL", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		mode = s.ColumnText(0)
		return nil
	}})
	if err != nil {
		return err
	}
	sync, err := number(conn, "PRAGMA synchronous")
	if err == nil && (mode != "wal" || sync != int64(c.synchronous)) {
		err = fmt.Errorf("the file system gives no write-ahead log with sync (journal mode %s, synchronous %d)", mode, sync)
	}
	return err
}

// syncDirs makes the entries of folders durable.
func syncDirs(dirs ...string) error {
	for _, dir := range dirs {
		d, err := os.Open(dir)
		if err != nil {
			return err
		}
		if err = errors.Join(d.Sync(), d.Close()); err != nil {
			return fmt.Errorf("sync the folder %s: %w", dir, err)
		}
	}
	return nil
}

// Append stores the records in one transaction and returns after its fsync; that of OpenCopy does not wait for one.
func (l *Log) Append(ctx context.Context, at eventstore.Head, recs []eventstore.Record) error {
	if l.writer == nil {
		return eventstore.ErrReadOnly
	}
	if err := l.check(l.portfolio, at, recs); err != nil {
		return err
	}
	return l.writer.append(ctx, l.closed, at, recs)
}

func (w *writer) append(ctx context.Context, closed <-chan struct{}, at eventstore.Head, recs []eventstore.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-closed:
		return eventstore.ErrClosed
	default:
	}
	if w.broken != nil {
		return w.broken
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if w.head != at {
		return &eventstore.WrongHead{Expected: at, Actual: w.head}
	}
	if err := w.insert(recs); err != nil {
		w.broken = w.overtaken(at, err)
		return w.broken
	}
	w.head = recs[len(recs)-1].After()
	close(w.grown)
	w.grown = make(chan struct{})
	return nil
}

// overtaken tells a revision that is taken already from a write that failed: somebody else has written to this log, past the lock of the
// folder. Nothing was written then, and it is no matter of the disk.
func (w *writer) overtaken(at eventstore.Head, err error) error {
	if sqlite.ErrCode(err).ToPrimary() != sqlite.ResultConstraint {
		return err
	}
	actual, readErr := headOf(w.conn, "") // it is not empty: a revision is taken
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	return &eventstore.WrongHead{Expected: at, Actual: actual}
}

// insert writes one transaction. From here on the context has no say: an interrupted commit would be neither done nor undone.
func (w *writer) insert(recs []eventstore.Record) error {
	if err := sqlitex.Execute(w.conn, "BEGIN IMMEDIATE", nil); err != nil {
		return fmt.Errorf("%w: begin: %w", eventstore.ErrBroken, err)
	}
	if err := w.rows(recs); err != nil {
		// Whether the rollback works does not matter: without a commit the records are not in the log.
		_ = sqlitex.Execute(w.conn, "ROLLBACK", nil)
		return fmt.Errorf("%w: insert: %w", eventstore.ErrBroken, err)
	}
	if err := sqlitex.Execute(w.conn, "COMMIT", nil); err != nil {
		return fmt.Errorf("%w: commit: %w: %w", eventstore.ErrBroken, eventstore.ErrOutcomeUnknown, err)
	}
	return nil
}

var (
	insertOne  = "INSERT INTO events (rev, meta, data, hash) VALUES (?, ?, ?, ?)"
	insertMany = insertOne + strings.Repeat(", (?, ?, ?, ?)", rowsAtOnce-1)
)

// rows inserts the records, many at once as long as there are that many.
func (w *writer) rows(recs []eventstore.Record) error {
	for len(recs) > 0 {
		query, n := insertOne, 1
		if len(recs) >= rowsAtOnce {
			query, n = insertMany, rowsAtOnce
		}
		stmt, err := w.conn.Prepare(query) // once compiled it is kept
		if err != nil {
			return err
		}
		for i := range recs[:n] {
			r, param := &recs[i], 4*i
			stmt.BindInt64(param+1, int64(r.Rev))
			stmt.BindBytes(param+2, r.Meta)
			stmt.BindBytes(param+3, r.Data)
			stmt.BindBytes(param+4, r.Hash[:])
		}
		if _, err := stmt.Step(); err != nil {
			return err
		}
		if err := stmt.Reset(); err != nil {
			return err
		}
		recs = recs[n:]
	}
	return nil
}

// close ends the writing and frees the folder.
func (w *writer) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.conn.Close(), w.lock.Close())
}
