package sqlite

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/projections"
	"pm/projections/tables"
)

// Read gives look a view of this moment.
func (s *Snapshot) Read(ctx context.Context, look func(projections.SnapshotView) error) error {
	f := s.file
	if err := f.alive(ctx); err != nil {
		return err
	}
	select {
	case f.views <- struct{}{}:
	case <-f.closed:
		return ErrSnapshotClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-f.views }()
	conn, err := f.viewer()
	if err != nil {
		return err
	}
	defer func() { f.idle <- conn }()
	defer conn.SetInterrupt(conn.SetInterrupt(ctx.Done()))
	return settled(ctx, inView(conn, func() error { return look(&snapshotView{conn, s.prefix}) }))
}

// viewer takes a connection for a view.
func (f *snapshotFile) viewer() (*sqlite.Conn, error) {
	select {
	case conn := <-f.idle:
		return conn, nil
	default:
	}
	conn, err := sqlite.OpenConn(f.path, f.flags)
	if err != nil {
		return nil, fault(err)
	}
	conn.SetBusyTimeout(busyPatience)
	return conn, nil
}

// inView runs do in a transaction that begins with a question, so that the moment of the view is now.
func inView(conn *sqlite.Conn, do func() error) (err error) {
	if err := sqlitex.Execute(conn, "BEGIN", nil); err != nil {
		return err
	}
	defer func() {
		conn.SetInterrupt(nil) // also a view whose context has ended is given back
		if end := sqlitex.Execute(conn, "ROLLBACK", nil); err == nil && !conn.AutocommitEnabled() {
			err = end
		}
	}()
	if _, err := exists(conn, headTable); err != nil {
		return err
	}
	return do()
}

type snapshotView struct {
	conn   *sqlite.Conn
	prefix string
}

func (v *snapshotView) Head() (*projections.SnapshotHead, error) {
	head, err := headIn(v.conn, v.prefix)
	return head, fault(err)
}

func (v *snapshotView) Shape() (map[string][]string, error) {
	shape, err := named(v.conn, v.prefix)
	delete(shape, headTable)
	return shape, fault(err)
}

func (v *snapshotView) Lines(of []tables.Table) (map[string][]string, error) {
	all := map[string][]string{}
	for _, t := range of {
		var lines []string
		err := v.each(planOf(v.prefix, t).read, t, func(line []byte) error {
			lines = append(lines, string(line[:len(line)-1]))
			return nil
		})
		if err != nil {
			return nil, err
		}
		slices.Sort(lines)
		all[t.Name] = lines
	}
	return all, nil
}

func (v *snapshotView) Copy(t tables.Table, to io.Writer) error {
	return v.each(planOf(v.prefix, t).inOrder, t, func(line []byte) error {
		_, err := to.Write(line)
		return err
	})
}

// each reads the rows of a query as lines with their ends; a line is good until the next.
func (v *snapshotView) each(query string, t tables.Table, use func(line []byte) error) error {
	if _, err := prepared(v.conn, query); err != nil {
		return fmt.Errorf("read table %s: %w", t.Name, fault(err))
	}
	var line []byte
	err := sqlitex.Execute(v.conn, query, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		line = line[:0]
		for c, column := range t.Columns {
			line = append(appendColumn(line, s, c, column.Kind), '\t')
		}
		line[len(line)-1] = '\n'
		return use(line)
	}})
	if err != nil {
		return fmt.Errorf("read table %s: %w", t.Name, fault(err))
	}
	return nil
}

// appendColumn writes a value as a column of a line. A value that no write of pm can have made is shown as it is, for the comparison
// to find.
func appendColumn(b []byte, s *sqlite.Stmt, c int, kind tables.Kind) []byte {
	switch {
	case s.ColumnIsNull(c):
		return append(b, tables.Null...)
	case kind == tables.Integer:
		return strconv.AppendInt(b, s.ColumnInt64(c), 10)
	case kind == tables.Bool:
		switch n := s.ColumnInt64(c); n {
		case 0:
			return append(b, 'f')
		case 1:
			return append(b, 't')
		default:
			return strconv.AppendInt(b, n, 10)
		}
	default:
		return append(b, tables.Escape(s.ColumnText(c))...)
	}
}
