package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"zombiezen.com/go/sqlite"

	"pm/projections"
	"pm/projections/tables"
)

// Write makes a change in one transaction. The first one makes the tables.
func (s *Snapshot) Write(ctx context.Context, change projections.Change) error {
	return s.file.change(ctx, func(conn *sqlite.Conn) error {
		before, err := headIn(conn, s.prefix)
		if err != nil {
			return err
		}
		if !sameHead(before, change.Before) {
			return projections.ErrSnapshotMoved
		}
		if before == nil {
			if err := s.begin(conn); err != nil {
				return err
			}
		}
		for name, rows := range change.State {
			if err := s.replace(conn, name, rows); err != nil {
				return err
			}
		}
		for name, lines := range change.History {
			if err := s.add(conn, name, lines); err != nil {
				return err
			}
		}
		return putHead(conn, s.prefix, change.After)
	})
}

func sameHead(a, b *projections.SnapshotHead) bool {
	return (a == nil) == (b == nil) && (a == nil || *a == *b)
}

// begin makes the tables where none were ever made.
func (s *Snapshot) begin(conn *sqlite.Conn) error {
	shape, err := named(conn, s.prefix)
	if err != nil || len(shape) > 0 {
		return err
	}
	return create(conn, s.prefix)
}

func (s *Snapshot) plan(name string) (plan, error) {
	p, known := plans[s.prefix][name]
	if !known {
		return plan{}, fmt.Errorf("there is no table %s in this build", name)
	}
	return p, nil
}

// replace takes rows away and puts rows in. The old one goes first: INSERT OR REPLACE keeps a journal for each statement, which
// costs more than it saves.
func (s *Snapshot) replace(conn *sqlite.Conn, name string, rows projections.RowChange) error {
	p, err := s.plan(name)
	if err != nil {
		return err
	}
	remove, err := prepared(conn, p.remove)
	if err != nil {
		return fmt.Errorf("table %s: %w", name, err)
	}
	insert, err := prepared(conn, p.insert)
	if err != nil {
		return fmt.Errorf("table %s: %w", name, err)
	}
	for _, key := range rows.Gone {
		if err := p.run(remove, p.Columns[:p.Key], key); err != nil {
			return err
		}
	}
	for _, line := range rows.Put {
		key := line
		if at := ending(line, p.Key); at >= 0 {
			key = line[:at]
		}
		if err := p.run(remove, p.Columns[:p.Key], key); err != nil {
			return err
		}
		if err := p.run(insert, p.Columns, line); err != nil {
			return err
		}
	}
	return nil
}

// ending is where the nth column of a line ends, -1 where it is the last.
func ending(line string, n int) int {
	at := -1
	for range n {
		next := strings.IndexByte(line[at+1:], '\t')
		if next < 0 {
			return -1
		}
		at += 1 + next
	}
	return at
}

// add adds lines of history.
func (s *Snapshot) add(conn *sqlite.Conn, name string, lines []byte) error {
	p, err := s.plan(name)
	if err != nil {
		return err
	}
	insert, err := prepared(conn, p.insert)
	if err != nil {
		return fmt.Errorf("table %s: %w", name, err)
	}
	for line := range bytes.Lines(lines) {
		if err := p.run(insert, p.Columns, string(bytes.TrimSuffix(line, []byte("\n")))); err != nil {
			return err
		}
	}
	return nil
}

// run runs a statement with the columns of a line.
func (p plan) run(stmt *sqlite.Stmt, columns []tables.Column, line string) (err error) {
	defer func() { err = errors.Join(err, stmt.Reset()) }()
	rest, more := line, true
	for c, column := range columns {
		if !more {
			return fmt.Errorf("a row of table %s has %d columns, not %d", p.Name, c, len(columns))
		}
		var value string
		value, rest, more = strings.Cut(rest, "\t")
		if err := bind(stmt, c+1, column, value); err != nil {
			return fmt.Errorf("column %s of table %s: %w", column.Name, p.Name, err)
		}
	}
	if more {
		return fmt.Errorf("a row of table %s has more than %d columns", p.Name, len(columns))
	}
	if _, err = stmt.Step(); err != nil {
		return fmt.Errorf("write a row of table %s: %w", p.Name, err)
	}
	return nil
}

func bind(stmt *sqlite.Stmt, at int, column tables.Column, value string) error {
	text, null := tables.Value(value)
	switch {
	case null && !column.Optional: // SQLite makes up a number for a null key
		return errors.New("it may not be null")
	case null:
		stmt.BindNull(at)
	case column.Kind == tables.Integer:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return err
		}
		stmt.BindInt64(at, n)
	case column.Kind == tables.Bool:
		if text != "t" && text != "f" {
			return fmt.Errorf("%q is neither t nor f", text)
		}
		stmt.BindBool(at, text == "t")
	default:
		stmt.BindText(at, text)
	}
	return nil
}

func putHead(conn *sqlite.Conn, prefix string, h projections.SnapshotHead) error {
	query := "INSERT INTO " + prefix + headTable + " (one, stream, revision, event_hash, schema_version, fold_version, tables_hash) VALUES (1, ?, ?, ?, ?, ?, ?) " +
		"ON CONFLICT (one) DO UPDATE SET stream = excluded.stream, revision = excluded.revision, event_hash = excluded.event_hash, " +
		"schema_version = excluded.schema_version, fold_version = excluded.fold_version, tables_hash = excluded.tables_hash"
	if _, err := prepared(conn, query); err != nil {
		return fmt.Errorf("write the head: %w", err)
	}
	return run(conn, query, h.Stream, int64(h.Revision), h.EventHash, h.SchemaVersion, h.FoldVersion, h.TablesHash)
}
