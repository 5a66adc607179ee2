package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"pm/projections"
	"pm/projections/tables"
)

const beginWrite = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; "

// Write makes the change: one round trip to lock the head, one for each table of history that grows, and one for all the rest. The
// first write of all makes the tables.
func (s *Snapshot) Write(ctx context.Context, change projections.Change) error {
	sql, err := stateSQL(change.State)
	if err != nil {
		return err
	}
	conn, found, err := s.lock(ctx, change.Before == nil)
	if err != nil {
		return fmt.Errorf("write to %s: %w", s, err)
	}
	defer s.give(conn)
	if !same(found, change.Before) {
		return moved(found, change.Before)
	}
	if err := appendHistory(ctx, conn, change.History); err != nil {
		return fmt.Errorf("write to %s: %w", s, err)
	}
	headSQL(sql, found != nil, change.After)
	sql.WriteString("COMMIT")
	if _, err := conn.Exec(ctx, sql.String()).ReadAll(); err != nil {
		return fmt.Errorf("write to %s: %w", s, written(err))
	}
	return nil
}

// lock begins to write and locks the head row. Where nothing was ever written it first makes the tables, if it may: all of them, or those
// that are missing because whoever made them was killed.
func (s *Snapshot) lock(ctx context.Context, mayMake bool) (*pgconn.PgConn, *projections.SnapshotHead, error) {
	conn, head, err := s.lockHead(ctx)
	if head != nil || s.beside || err != nil && !noSuchTable(err) {
		return conn, head, err
	}
	if err == nil {
		s.give(conn)
	}
	applied, err := s.applied(ctx)
	if err != nil {
		return nil, nil, err
	}
	_, whole := applied[tables.Version()]
	switch {
	case len(applied) == 0 && !mayMake:
		return nil, nil, fmt.Errorf("%w: nothing is there", projections.ErrSnapshotMoved)
	case !whole && mayMake:
		if err := s.migrate(ctx); err != nil {
			return nil, nil, err
		}
	}
	return s.lockHead(ctx)
}

// lockHead begins to write and locks the head row.
func (s *Snapshot) lockHead(ctx context.Context) (*pgconn.PgConn, *projections.SnapshotHead, error) {
	conn, results, err := s.begin(ctx, beginWrite+readHead+headTable+" FOR UPDATE")
	if err != nil {
		return nil, nil, err
	}
	head, err := headOf(results)
	if err != nil {
		s.give(conn)
		return nil, nil, err
	}
	return conn, head, nil
}

func same(a, b *projections.SnapshotHead) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func moved(found, believed *projections.SnapshotHead) error {
	say := func(h *projections.SnapshotHead) string {
		if h == nil {
			return "no head"
		}
		return h.String()
	}
	return fmt.Errorf("%w: expected %s, found %s", projections.ErrSnapshotMoved, say(believed), say(found))
}

// written tells a first head that somebody else wrote at the same time from other errors.
func written(err error) error {
	var told *pgconn.PgError
	if errors.As(err, &told) && told.Code == "23505" && told.TableName == headTable {
		return fmt.Errorf("%w: %w", projections.ErrSnapshotMoved, err)
	}
	return classify(err)
}

func known(name string, class tables.Class) (tables.Table, error) {
	t, ok := tables.Named(name)
	if !ok || t.Class != class {
		return t, fmt.Errorf("%q is no such table", name)
	}
	return t, nil
}

// appendHistory hands the lines to the server as they are.
func appendHistory(ctx context.Context, conn *pgconn.PgConn, history map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(history)) {
		t, err := known(name, tables.History)
		if err != nil {
			return err
		}
		if _, err := conn.CopyFrom(ctx, bytes.NewReader(history[name]), "COPY "+quote(name)+" ("+list(t.Names())+") FROM STDIN"); err != nil {
			return classify(err)
		}
	}
	return nil
}

// stateSQL is what brings the rows of the state up to date, as one text of statements.
func stateSQL(state map[string]projections.RowChange) (*bytes.Buffer, error) {
	b := &bytes.Buffer{}
	for _, name := range slices.Sorted(maps.Keys(state)) {
		t, err := known(name, tables.State)
		if err != nil {
			return nil, err
		}
		if err := deleteSQL(b, t, state[name].Gone); err != nil {
			return nil, err
		}
		if err := putSQL(b, t, state[name].Put); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func deleteSQL(b *bytes.Buffer, t tables.Table, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	b.WriteString("DELETE FROM " + quote(t.Name) + " WHERE (" + list(t.Names()[:t.Key]) + ") IN (")
	if err := rows(b, t, t.Key, keys); err != nil {
		return err
	}
	b.WriteString(");\n")
	return nil
}

func putSQL(b *bytes.Buffer, t tables.Table, lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	b.WriteString("INSERT INTO " + quote(t.Name) + " (" + list(t.Names()) + ") VALUES ")
	if err := rows(b, t, len(t.Columns), lines); err != nil {
		return err
	}
	var set []string
	for _, name := range t.Names()[t.Key:] {
		set = append(set, quote(name)+" = excluded."+quote(name))
	}
	b.WriteString(" ON CONFLICT (" + list(t.Names()[:t.Key]) + ") DO UPDATE SET " + strings.Join(set, ", ") + ";\n")
	return nil
}

// rows writes lines as constants, each of which must have so many columns.
func rows(b *bytes.Buffer, t tables.Table, width int, lines []string) error {
	for i, line := range lines {
		columns := tables.Split(line)
		if len(columns) != width {
			return fmt.Errorf("a line of table %s has %d columns instead of %d", t.Name, len(columns), width)
		}
		if i > 0 {
			b.WriteByte(',')
		}
		literals(b, columns)
	}
	return nil
}

// headSQL writes the head row. Where there was none it is added: two who both found none cannot both succeed.
func headSQL(b *bytes.Buffer, there bool, h projections.SnapshotHead) {
	values := []string{
		literal(h.Stream), strconv.FormatUint(h.Revision, 10), literal(h.EventHash), strconv.Itoa(h.SchemaVersion), strconv.Itoa(h.FoldVersion),
		literal(h.TablesHash),
	}
	const columns = "(stream, revision, event_hash, schema_version, fold_version, tables_hash)"
	if there {
		b.WriteString("UPDATE head SET " + columns + " = (" + strings.Join(values, ", ") + ");\n")
		return
	}
	b.WriteString("INSERT INTO head " + columns + " VALUES (" + strings.Join(values, ", ") + ");\n")
}
