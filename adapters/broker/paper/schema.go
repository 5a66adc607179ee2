package paper

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

const (
	fileName = "paper.db"
	// applicationID marks the file as a paper broker's book ("pmpb"), so that no other database is taken for one.
	applicationID = 0x706d7062
	schemaVersion = 1
	// BusyWait is how long a write waits for another process that holds the book.
	BusyWait = 5 * time.Second
)

var (
	// ErrNoBook says that the folder holds no paper broker's book.
	ErrNoBook = errors.New("paper broker: no book in this folder")
	// ErrNotABook says that the file is a database of something else, or of a newer build.
	ErrNotABook = errors.New("paper broker: not a book that this build can read")
)

// schema: decimals are text, times are nanoseconds since 1970. The partial indexes hold orders that have not ended, so an
// order that fills at once costs no index.
const schema = `
CREATE TABLE book (one INTEGER PRIMARY KEY CHECK (one = 1), sends INTEGER NOT NULL);
INSERT INTO book VALUES (1, 0);
CREATE TABLE orders (
	n INTEGER PRIMARY KEY,
	tag TEXT NOT NULL, exchange TEXT NOT NULL, contract TEXT NOT NULL, side TEXT NOT NULL, type TEXT NOT NULL,
	product TEXT NOT NULL, quantity INTEGER NOT NULL, lot_size INTEGER NOT NULL, limit_price TEXT,
	status TEXT NOT NULL, text TEXT NOT NULL, placed_at INTEGER NOT NULL,
	price TEXT NOT NULL, rate TEXT NOT NULL, part INTEGER NOT NULL, step INTEGER NOT NULL, due INTEGER,
	ends TEXT NOT NULL, ends_after INTEGER NOT NULL
);
CREATE INDEX orders_open ON orders(n) WHERE status = 'open';
CREATE INDEX orders_due ON orders(due) WHERE due IS NOT NULL;
CREATE TABLE fills (
	n INTEGER NOT NULL, k INTEGER NOT NULL, quantity INTEGER NOT NULL, price TEXT NOT NULL, fee TEXT NOT NULL,
	at INTEGER NOT NULL, PRIMARY KEY (n, k)
) WITHOUT ROWID;
CREATE TABLE net (contract TEXT PRIMARY KEY, units INTEGER NOT NULL) WITHOUT ROWID;
`

// openWriter opens DIR/paper.db for reading and writing and creates what is missing.
func openWriter(dir string) (_ *sqlite.Conn, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("paper broker: %w", err)
	}
	path := filepath.Join(dir, fileName)
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite, sqlite.OpenCreate)
	if err != nil {
		return nil, fmt.Errorf("paper broker: %w", err)
	}
	conn.SetBusyTimeout(BusyWait)
	if err := errors.Join(prepare(conn), syncDir(dir)); err != nil {
		return nil, errors.Join(fmt.Errorf("paper broker: %s: %w", path, err), conn.Close())
	}
	return conn, nil
}

// prepare makes an empty file a book, and any other file durable; a file that is no book is left as it is.
func prepare(conn *sqlite.Conn) error {
	tables, err := count(conn, "SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return err
	}
	if tables > 0 {
		if err := recognize(conn); err != nil {
			return err
		}
	}
	if err := durable(conn); err != nil {
		return err
	}
	return create(conn)
}

// durable asks for WAL with a sync at each commit and makes sure that it is what the file got: some file systems
// silently give another journal.
func durable(conn *sqlite.Conn) error {
	if err := sqlitex.ExecuteTransient(conn, "PRAGMA synchronous = FULL", nil); err != nil {
		return err
	}
	mode, err := pragma(conn, "journal_mode = WAL")
	if err == nil && mode != "wal" {
		err = fmt.Errorf("journal mode is %q, want wal: is the folder on a network file system?", mode)
	}
	return err
}

// create makes the tables, unless they are there: another process may have opened the same empty folder.
func create(conn *sqlite.Conn) (err error) {
	end, err := sqlitex.ImmediateTransaction(conn)
	if err != nil {
		return err
	}
	defer end(&err)
	tables, err := count(conn, "SELECT count(*) FROM sqlite_schema")
	if err != nil || tables > 0 {
		return err
	}
	for _, sql := range []string{
		fmt.Sprintf("PRAGMA application_id = %d", applicationID), fmt.Sprintf("PRAGMA user_version = %d", schemaVersion),
	} {
		if err := sqlitex.ExecuteTransient(conn, sql, nil); err != nil {
			return err
		}
	}
	return sqlitex.ExecuteScript(conn, schema, nil)
}

// recognize fails unless the file is a book that this build reads.
func recognize(conn *sqlite.Conn) error {
	id, err := pragma(conn, "application_id")
	if err != nil {
		return err
	}
	version, err := pragma(conn, "user_version")
	if err != nil {
		return err
	}
	if id != fmt.Sprint(applicationID) || version != fmt.Sprint(schemaVersion) {
		return fmt.Errorf("%w: application id %s, version %s; want %d, %d", ErrNotABook, id, version, applicationID, schemaVersion)
	}
	return nil
}

func pragma(conn *sqlite.Conn, name string) (value string, err error) {
	err = sqlitex.ExecuteTransient(conn, "PRAGMA "+name, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		value = s.ColumnText(0)
		return nil
	}})
	return value, err
}

func count(conn *sqlite.Conn, sql string, args ...any) (n int64, err error) {
	err = sqlitex.Execute(conn, sql, &sqlitex.ExecOptions{Args: args, ResultFunc: func(s *sqlite.Stmt) error {
		n = s.ColumnInt64(0)
		return nil
	}})
	return n, err
}

// syncDir makes the name of a new file as durable as its content.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("paper broker: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}
