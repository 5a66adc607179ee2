package paper

import (
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// mended opens the book anew after a write that failed. Whether the disk has that write, nobody knows before: the file is read as after a
// crash, and what it says then is made durable, so that a later power cut cannot say otherwise. Until all of it succeeds the book stays
// broken, and the next use tries again. The caller holds the turn.
func (b *Broker) mended() error {
	if b.broken == nil {
		return nil
	}
	_ = b.shut() // whatever it says, the file decides
	// The reader first: it creates nothing. An empty book in the place of one that has gone away would prove every order absent.
	read, err := OpenReader(b.dir)
	if err != nil {
		return err
	}
	conn, err := openWriter(b.dir)
	if err != nil {
		return errors.Join(err, read.Close())
	}
	if err := decide(conn); err != nil {
		return errors.Join(err, read.Close(), conn.Close())
	}
	b.read, b.conn, b.broken = read, conn, nil
	return nil
}

// shut closes what is open.
func (b *Broker) shut() (err error) {
	if b.read != nil {
		err = b.read.Close()
	}
	if b.conn != nil {
		err = errors.Join(err, b.conn.Close())
	}
	b.read, b.conn = nil, nil
	return err
}

// decide moves all that is committed from the journal into the file, with its sync, and empties the journal: a commit that failed half
// way may stand there still, unseen by who is at work and seen after the next crash.
func decide(conn *sqlite.Conn) error {
	held := false
	err := sqlitex.ExecuteTransient(conn, "PRAGMA wal_checkpoint(TRUNCATE)", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		held = s.ColumnInt(0) != 0
		return nil
	}})
	if err == nil && held {
		err = errors.New("another process is reading it")
	}
	if err != nil {
		return fmt.Errorf("paper broker: making the book durable: %w", err)
	}
	return nil
}
