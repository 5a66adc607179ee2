package sqlite

import (
	"context"
	"errors"
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
	if err := f.prepared(ctx); err != nil {
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
	return settled(ctx, f.inView(ctx, conn, func() error { return look(&snapshotView{conn, s.prefix}) }))
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
	return conn, nil
}

// inView runs do in a transaction that begins with a question, so that the moment of the view is now.
func (f *snapshotFile) inView(ctx context.Context, conn *sqlite.Conn, do func() error) (err error) {
	defer func() {
		conn.SetInterrupt(nil) // also a view whose context has ended is given back
		if !conn.AutocommitEnabled() {
			err = errors.Join(err, sqlitex.Execute(conn, "ROLLBACK", nil))
		}
	}()
	if err := f.patiently(ctx, conn, f.wait, func() error {
		if err := sqlitex.Execute(conn, "BEGIN", nil); err != nil {
			return err
		}
		_, err := exists(conn, headTable)
		return err
	}); err != nil {
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
	r := rowReader{text: make([]byte, 256)}
	err := sqlitex.Execute(v.conn, query, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		r.line = r.line[:0]
		for c, column := range t.Columns {
			r.column(s, c, column.Kind)
			r.line = append(r.line, '\t')
		}
		r.line[len(r.line)-1] = '\n'
		return use(r.line)
	}})
	if err != nil {
		return fmt.Errorf("read table %s: %w", t.Name, fault(err))
	}
	return nil
}

// rowReader makes lines of rows without an allocation for each value.
type rowReader struct {
	line []byte
	text []byte // room for one value
}

// column adds a value as a column of the line. A value that no write of pm can have made is shown as it is, for the comparison to
// find.
func (r *rowReader) column(s *sqlite.Stmt, c int, kind tables.Kind) {
	switch {
	case s.ColumnIsNull(c):
		r.line = append(r.line, tables.Null...)
	case kind == tables.Integer:
		r.line = strconv.AppendInt(r.line, s.ColumnInt64(c), 10)
	case kind == tables.Bool:
		r.flag(s.ColumnInt64(c))
	default:
		n := s.ColumnBytes(c, r.text)
		if n == len(r.text) { // there may be more of it
			r.text = make([]byte, 2*s.ColumnLen(c)+n)
			n = s.ColumnBytes(c, r.text)
		}
		text := r.text[:n]
		if kind == tables.Decimal {
			text = tables.TrimScale(text)
		}
		r.escape(text)
	}
}

func (r *rowReader) flag(n int64) {
	switch n {
	case 0:
		r.line = append(r.line, 'f')
	case 1:
		r.line = append(r.line, 't')
	default:
		r.line = strconv.AppendInt(r.line, n, 10)
	}
}

func (r *rowReader) escape(text []byte) {
	for _, c := range text {
		if c < ' ' || c == '\\' {
			r.line = append(r.line, tables.Escape(string(text))...)
			return
		}
	}
	r.line = append(r.line, text...)
}
