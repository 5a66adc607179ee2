package sqlite

import (
	"errors"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/domain"
	"pm/eventstore"
)

const (
	// applicationID marks the file as a log of pm: "pml1" in ASCII.
	applicationID = 0x706d6c31
	// layout is the version of the tables. It changes with the tables, not with the events in them.
	layout = 1
	// busyTimeout bounds the wait for another connection, for example one that recovers the file after a kill.
	busyTimeout = 5 * time.Second
)

// ErrNoLog says that the folder holds no log.
var ErrNoLog = errors.New("there is no log here")

const schema = `
CREATE TABLE log (portfolio TEXT NOT NULL) STRICT;
CREATE TABLE events (rev INTEGER PRIMARY KEY, meta BLOB NOT NULL, data BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
`

// create makes the tables of an empty file, all or none.
func create(conn *sqlite.Conn, p domain.PortfolioID) (err error) {
	end, err := sqlitex.ImmediateTransaction(conn)
	if err != nil {
		return err
	}
	defer end(&err)
	if err := sqlitex.ExecScript(conn, schema); err != nil {
		return err
	}
	if err := sqlitex.Execute(conn, "INSERT INTO log (portfolio) VALUES (?)", &sqlitex.ExecOptions{Args: []any{string(p)}}); err != nil {
		return err
	}
	if err := sqlitex.ExecuteTransient(conn, fmt.Sprintf("PRAGMA application_id = %d", applicationID), nil); err != nil {
		return err
	}
	return sqlitex.ExecuteTransient(conn, fmt.Sprintf("PRAGMA user_version = %d", layout), nil)
}

// inspect says whose log the file is; ErrNoLog for one that was never written.
func inspect(conn *sqlite.Conn) (domain.PortfolioID, error) {
	app, err := pragma(conn, "application_id")
	if err != nil {
		return "", err
	}
	version, err := pragma(conn, "user_version")
	if err != nil {
		return "", err
	}
	tables, err := number(conn, "SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return "", err
	}
	ours, err := number(conn, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('log', 'events')")
	switch {
	case err != nil:
		return "", err
	case app == 0 && version == 0 && tables == 0:
		return "", ErrNoLog
	case app != applicationID && ours < 2:
		return "", fmt.Errorf("the file is a database, but no log of pm (application id %#x)", app)
	case app != applicationID:
		return "", &eventstore.Corrupt{Reason: fmt.Sprintf("the file has the tables of a log, and application id %#x in its header where a log has %#x", app, applicationID)}
	case version < layout:
		return "", &eventstore.Corrupt{Reason: fmt.Sprintf("the file has layout %d in its header, which no build has written", version)}
	case version > layout:
		// A damaged number cannot be told from that of a build to come, and neither may be started on.
		return "", &eventstore.Corrupt{Reason: fmt.Sprintf("the file has layout %d in its header, and this build knows layout %d: if a newer build "+
			"wrote it, start that one; if none did, the header is damaged", version, layout)}
	}
	portfolio := ""
	err = sqlitex.Execute(conn, "SELECT portfolio FROM log", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		portfolio = s.ColumnText(0)
		return nil
	}})
	if err == nil && portfolio == "" {
		err = &eventstore.Corrupt{Reason: "the file does not say whose log it is"}
	}
	return domain.PortfolioID(portfolio), err
}

// pragma reads one number of the file's header.
func pragma(conn *sqlite.Conn, name string) (int64, error) { return number(conn, "PRAGMA "+name) }

func number(conn *sqlite.Conn, query string) (n int64, err error) {
	err = sqlitex.ExecuteTransient(conn, query, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		n = s.ColumnInt64(0)
		return nil
	}})
	return n, err
}

// headOf reads the end of the log.
func headOf(conn *sqlite.Conn, p domain.PortfolioID) (eventstore.Head, error) {
	head := eventstore.Empty(p)
	err := sqlitex.Execute(conn, "SELECT rev, hash FROM events ORDER BY rev DESC LIMIT 1", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		rev := s.ColumnInt64(0)
		if n := s.ColumnLen(1); rev < 0 || n != len(head.Hash) {
			return &eventstore.Corrupt{Rev: uint64(rev), Reason: fmt.Sprintf("a hash of %d bytes", n)}
		}
		head.Next = uint64(rev) + 1
		s.ColumnBytes(1, head.Hash[:])
		return nil
	}})
	return head, err
}
