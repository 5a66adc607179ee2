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
	conn, _, err := s.begin(ctx, beginSwitch)
	if err != nil {
		return err
	}
	defer s.give(conn)
	w := switching{ctx: ctx, conn: conn, current: schema, next: schema + nextSuffix, previous: schema + previousSuffix}
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
}

// check locks both heads and compares them. The lock of the current one is the first: see the package comment.
func (w *switching) check(from, to *projections.SnapshotHead) error {
	for _, side := range []struct {
		schema   string
		believed *projections.SnapshotHead
	}{{w.current, from}, {w.next, to}} {
		head := quote(side.schema) + "." + headTable
		results, err := exec(w.ctx, w.conn, "SELECT to_regclass("+literal(head)+")")
		if err != nil {
			return err
		}
		var found *projections.SnapshotHead
		if results[0].Rows[0][0] != nil {
			results, err := exec(w.ctx, w.conn, "LOCK TABLE "+head+" IN ACCESS EXCLUSIVE MODE; "+readHead+head)
			if err != nil {
				return err
			}
			if found, err = headOf(results); err != nil {
				return err
			}
		}
		if !same(found, side.believed) {
			return moved(found, side.believed)
		}
	}
	return nil
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
	here, err := w.relations(w.current)
	if err != nil {
		return err
	}
	here = slices.DeleteFunc(here, func(r relation) bool { return !ours(r.name) && !slices.Contains(there, r) })
	grants, err := w.grants(here, there)
	if err != nil {
		return err
	}
	views, err := w.views(here)
	if err != nil {
		return err
	}
	sql := []string{"DROP SCHEMA IF EXISTS " + quote(w.previous) + " CASCADE", "CREATE SCHEMA " + quote(w.previous)}
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

// ours says whether a name in the schema belongs to pm, whatever is in the next version.
func ours(name string) bool {
	_, known := tables.Named(name)
	return known || name == headTable || name == migrationsTable
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
