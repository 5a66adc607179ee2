package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pm/projections"
	"pm/projections/tables"
)

const (
	headTable = "head"
	readHead  = "SELECT stream, revision, event_hash, schema_version, fold_version, tables_hash FROM "
	beginRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
	// lockHead waits for a switch that is under way. It stands before the first query, so the view begins after the switch.
	lockHead = "LOCK TABLE head IN ACCESS SHARE MODE; "

	readShape = `SELECT c.relname, a.attname FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') ORDER BY c.relname COLLATE "C", a.attnum`
)

// view is one transaction that reads.
type view struct {
	ctx     context.Context
	conn    *pgconn.PgConn
	head    *projections.SnapshotHead
	headErr error
	empty   bool // nothing of pm is there
}

// Read gives look a view in one transaction.
func (s *Snapshot) Read(ctx context.Context, look func(projections.SnapshotView) error) error {
	v, err := s.view(ctx)
	if err != nil {
		return fmt.Errorf("read %s: %w", s, err)
	}
	defer s.give(v.conn)
	return look(v)
}

// view begins a view. That there is no table head is one look, and what else is there is another, by which time somebody may have made
// the tables: then it begins again. Each round needs a head that came within it, so this ends, at the latest with the context.
func (s *Snapshot) view(ctx context.Context) (*view, error) {
	for {
		conn, results, err := s.begin(ctx, beginRead+lockHead+readHead+headTable)
		if err == nil {
			v := &view{ctx: ctx, conn: conn}
			v.head, v.headErr = headOf(results)
			return v, nil
		}
		if !errors.Is(err, projections.ErrSnapshotDamaged) {
			return nil, err
		}
		if v, came, err := s.viewWithout(ctx, err); !came {
			return v, err
		}
	}
}

// viewWithout begins a view of tables whose head cannot be read, and says whether there is a head that was not there a moment ago.
func (s *Snapshot) viewWithout(ctx context.Context, headErr error) (_ *view, came bool, err error) {
	conn, _, err := s.begin(ctx, beginRead+"SELECT 1")
	if err != nil {
		return nil, false, err
	}
	v := &view{ctx: ctx, conn: conn, headErr: headErr}
	shape, err := v.tables()
	came = err == nil && noSuchTable(headErr) && shape[headTable] != nil
	if err == nil && !came && shape[headTable] == nil {
		v.empty, err = v.neverMade(shape)
	}
	if err != nil || came {
		s.give(conn)
		return nil, came, err
	}
	return v, false, nil
}

// neverMade says whether no migration was ever made: head comes with the first one, in one transaction. Its own table is there before, and
// stays if whoever makes the tables is killed.
func (v *view) neverMade(shape map[string][]string) (bool, error) {
	if shape[migrationsTable] == nil {
		return true, nil // tables of somebody else
	}
	results, err := exec(v.ctx, v.conn, readMigrations)
	return err == nil && len(results[0].Rows) == 0, err
}

// headOf reads the head row from the last of some results.
func headOf(results []*pgconn.Result) (*projections.SnapshotHead, error) {
	rows := results[len(results)-1].Rows
	switch len(rows) {
	case 0:
		return nil, nil
	case 1:
	default:
		return nil, fmt.Errorf("%w: table head has %d rows", projections.ErrSnapshotDamaged, len(rows))
	}
	var h projections.SnapshotHead
	revision, err := strconv.ParseUint(string(rows[0][1]), 10, 64)
	schema, err2 := strconv.Atoi(string(rows[0][3]))
	fold, err3 := strconv.Atoi(string(rows[0][4]))
	if err := errors.Join(err, err2, err3); err != nil {
		return nil, fmt.Errorf("%w: table head: %w", projections.ErrSnapshotDamaged, err)
	}
	h.Stream, h.Revision, h.EventHash = string(rows[0][0]), revision, string(rows[0][2])
	h.SchemaVersion, h.FoldVersion, h.TablesHash = schema, fold, string(rows[0][5])
	return &h, nil
}

// Head is the head row. A missing table head is damage, unless nothing else of pm is there either.
func (v *view) Head() (*projections.SnapshotHead, error) {
	if v.empty {
		return nil, nil
	}
	return v.head, v.headErr
}

// Shape lists the tables of the schema, if it is one of pm.
func (v *view) Shape() (map[string][]string, error) {
	if v.empty {
		return nil, nil
	}
	shape, err := v.tables()
	delete(shape, headTable)
	delete(shape, migrationsTable)
	delete(shape, asideTable)
	return shape, err
}

// tables lists all tables of the schema.
func (v *view) tables() (map[string][]string, error) {
	results, err := exec(v.ctx, v.conn, readShape)
	if err != nil {
		return nil, err
	}
	shape := map[string][]string{}
	for _, row := range results[0].Rows {
		table := string(row[0])
		shape[table] = append(shape[table], string(row[1]))
	}
	return shape, nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func list(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = quote(name)
	}
	return strings.Join(quoted, ", ")
}

// literal writes a text as a constant. Backslashes mean nothing in it: standard_conforming_strings is on.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// literals writes the columns of a line as constants; the server gives each the type of the column it meets.
func literals(b *bytes.Buffer, columns []string) {
	b.WriteByte('(')
	for i, column := range columns {
		if i > 0 {
			b.WriteByte(',')
		}
		if text, null := tables.Value(column); null {
			b.WriteString("NULL")
		} else {
			b.WriteString(literal(text))
		}
	}
	b.WriteByte(')')
}
