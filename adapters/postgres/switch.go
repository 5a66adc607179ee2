package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"pm/projections"
	"pm/projections/tables"
)

var beginSwitch = beginWrite + "SET LOCAL lock_timeout = " + strconv.FormatInt(SwitchWait.Milliseconds(), 10)

// Switch puts what Next holds in the place of this. All tables: they change schemas, so nothing is copied and who reads sees the old
// ones until the commit and the new ones after it. Some tables: their rows are copied, and the rest stays.
func (s *Snapshot) Switch(ctx context.Context, from, to *projections.SnapshotHead, names ...string) error {
	schema, err := s.schema(ctx)
	if err != nil {
		return err
	}
	next, err := s.besides(schema)
	if err == nil && len(names) == 0 {
		err = next.makeIndexes(ctx)
	}
	if err != nil {
		return err
	}
	conn, _, err := s.begin(ctx, beginSwitch+"; "+lockMaking)
	if err != nil {
		return err
	}
	defer s.give(conn)
	version, err := s.version(ctx) // while nobody makes tables here
	if err != nil {
		return err
	}
	w := switching{ctx: ctx, conn: conn, current: schema, next: schema + nextSuffix, previous: schema + previousSuffix, version: version}
	if err := w.check(from, to); err != nil {
		return fmt.Errorf("switch %s: %w", s, err)
	}
	if len(names) > 0 {
		err = w.copy(to, names)
	} else {
		err = w.move()
	}
	if err != nil {
		return fmt.Errorf("switch %s: %w", s, err)
	}
	_, err = exec(ctx, conn, "COMMIT")
	return err
}

// switching is one transaction that switches.
type switching struct {
	ctx                     context.Context
	conn                    *pgconn.PgConn
	current, next, previous string
	version                 int // of the current tables
}

// check locks both heads and compares them. The lock of the current one is the first: see the package comment. A current head that
// cannot be read counts as none, since what is damaged is what a switch is to mend.
func (w *switching) check(from, to *projections.SnapshotHead) error {
	here, err := w.head(w.current)
	if errors.Is(err, projections.ErrSnapshotDamaged) {
		here, err = nil, nil
	}
	if err != nil {
		return err
	}
	if !same(here, from) {
		return moved(here, from)
	}
	there, err := w.head(w.next)
	if err == nil && !same(there, to) {
		err = moved(there, to)
	}
	return err
}

// head locks and reads a head row. An error leaves the transaction as it was.
func (w *switching) head(schema string) (*projections.SnapshotHead, error) {
	head := quote(schema) + "." + headTable
	results, err := exec(w.ctx, w.conn, "SELECT to_regclass("+literal(head)+")")
	if err != nil || results[0].Rows[0][0] == nil {
		return nil, err
	}
	if _, err := exec(w.ctx, w.conn, "LOCK TABLE "+head+" IN ACCESS EXCLUSIVE MODE; SAVEPOINT look"); err != nil {
		return nil, err
	}
	if results, err = exec(w.ctx, w.conn, readHead+head); err == nil {
		return headOf(results)
	}
	_, undone := exec(w.ctx, w.conn, "ROLLBACK TO look")
	return nil, errors.Join(err, undone)
}

// copy takes over the rows of some tables.
func (w *switching) copy(to *projections.SnapshotHead, names []string) error {
	if to == nil {
		return errors.New("some tables cannot be taken over from nothing")
	}
	var sql strings.Builder
	for _, name := range names {
		t, ok := tables.Named(name)
		if !ok {
			return fmt.Errorf("%q is no table", name)
		}
		here, there := quote(w.current)+"."+quote(name), quote(w.next)+"."+quote(name)
		sql.WriteString("DELETE FROM " + here + "; INSERT INTO " + here + " (" + list(t.Names()) + ") SELECT " + list(t.Names()) + " FROM " + there + ";\n")
	}
	head := quote(w.current) + "." + headTable
	sql.WriteString("DELETE FROM " + head + "; INSERT INTO " + head + " SELECT * FROM " + quote(w.next) + "." + headTable)
	_, err := exec(w.ctx, w.conn, sql.String())
	return err
}

// move moves the tables and views: current to previous, next to current.
func (w *switching) move() error {
	there, err := w.relations(w.next)
	if err != nil {
		return err
	}
	if len(there) == 0 {
		return fmt.Errorf("%w: the schema %s holds nothing", projections.ErrSnapshotMoved, w.next)
	}
	here, err := w.ours(there)
	if err != nil {
		return err
	}
	grants, err := w.grants(here, there)
	if err != nil {
		return err
	}
	views, err := w.views(here)
	if err != nil {
		return err
	}
	aside, err := w.indexes(here)
	if err != nil {
		return err
	}
	sql := append(aside, "DROP SCHEMA IF EXISTS "+quote(w.previous)+" CASCADE", "CREATE SCHEMA "+quote(w.previous))
	for _, r := range here {
		sql = append(sql, r.to(w.current, w.previous))
	}
	for _, r := range there {
		sql = append(sql, r.to(w.next, w.current))
	}
	sql = append(append(append(sql, grants...), views...), "DROP SCHEMA "+quote(w.next)+" CASCADE")
	_, err = exec(w.ctx, w.conn, strings.Join(sql, ";\n"))
	return err
}

// ours lists what of the current schema is to go: the tables that its version had, and views that the next version has too. A table of
// somebody else that has the name of a new one of ours stays, and the server's error names it.
func (w *switching) ours(there []relation) ([]relation, error) {
	here, err := w.relations(w.current)
	return slices.DeleteFunc(here, func(r relation) bool {
		if r.kind == "VIEW" {
			return !slices.Contains(there, r)
		}
		t, declared := tables.Named(r.name)
		return r.name != headTable && r.name != migrationsTable && (!declared || t.Since > w.version)
	}), err
}

// indexes are the statements that give other names to indexes which have the name of a new one and stay: those of a table of ours that
// somebody has renamed to keep it.
func (w *switching) indexes(here []relation) ([]string, error) {
	results, err := exec(w.ctx, w.conn, `SELECT format('ALTER INDEX %I.%I RENAME TO %I', `+literal(w.current)+`::text, c.relname, left(c.relname, 50) || '_' || c.oid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
WHERE c.relnamespace = `+oid(w.current)+` AND t.relname NOT IN (`+names(here)+`)
AND c.relname IN (SELECT relname FROM pg_class WHERE relnamespace = `+oid(w.next)+`) ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, row := range results[0].Rows {
		out = append(out, string(row[0]))
	}
	return out, nil
}

// relation is a table or a view.
type relation struct {
	name string
	kind string // TABLE or VIEW
}

func (r relation) to(from, to string) string {
	return "ALTER " + r.kind + " " + quote(from) + "." + quote(r.name) + " SET SCHEMA " + quote(to)
}

// relations lists the tables and views of a schema, head first.
func (w *switching) relations(schema string) ([]relation, error) {
	results, err := exec(w.ctx, w.conn, `SELECT c.relname, CASE WHEN c.relkind = 'v' THEN 'VIEW' ELSE 'TABLE' END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = `+literal(schema)+` AND c.relkind IN ('r', 'p', 'v') ORDER BY c.relname <> 'head', c.relname`)
	if err != nil {
		return nil, err
	}
	var out []relation
	for _, row := range results[0].Rows {
		out = append(out, relation{string(row[0]), string(row[1])})
	}
	return out, nil
}
