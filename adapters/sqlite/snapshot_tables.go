package sqlite

import (
	"fmt"
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/projections"
	"pm/projections/tables"
)

// The names of tables that are not in force. No table of pm may begin with one of them.
const (
	nextPrefix     = "next_"
	previousPrefix = "previous_"
	headTable      = "head"
)

// plan is the SQL of one table under one prefix.
type plan struct {
	tables.Table
	insert, remove, read, inOrder string
}

// plans are the tables of this build, by prefix and name.
var plans = map[string]map[string]plan{"": plansOf(""), nextPrefix: plansOf(nextPrefix)}

func plansOf(prefix string) map[string]plan {
	all := map[string]plan{}
	for _, t := range tables.All() {
		all[t.Name] = planOf(prefix, t)
	}
	return all
}

func planOf(prefix string, t tables.Table) plan {
	name, key := prefix+t.Name, t.Names()[:t.Key]
	read := fmt.Sprintf("SELECT %s FROM %s", quoted(t.Names()), name)
	return plan{
		Table:   t,
		insert:  fmt.Sprintf("INSERT INTO %s (%s) VALUES (?%s)", name, quoted(t.Names()), strings.Repeat(", ?", len(t.Columns)-1)),
		remove:  fmt.Sprintf("DELETE FROM %s WHERE (%s) = (?%s)", name, quoted(key), strings.Repeat(", ?", t.Key-1)),
		read:    read,
		inOrder: read + " ORDER BY " + quoted(key), // texts by their bytes: SQLite's own order
	}
}

// quoted lists names in brackets. Double quotes would depend on how SQLite was built: it may take a name in them that is no column for
// a text, and a column that is gone would read as its own name.
func quoted(names []string) string { return "[" + strings.Join(names, "], [") + "]" }

// create makes the tables of this build, without rows.
func create(conn *sqlite.Conn, prefix string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE %s%s (one INTEGER PRIMARY KEY DEFAULT 1 CHECK (one = 1), stream TEXT NOT NULL, revision INTEGER NOT NULL, "+
		"event_hash TEXT NOT NULL, schema_version INTEGER NOT NULL, fold_version INTEGER NOT NULL, tables_hash TEXT NOT NULL) STRICT;\n", prefix, headTable)
	for _, t := range tables.All() {
		fmt.Fprintf(&b, "CREATE TABLE %s%s (", prefix, t.Name)
		for _, c := range t.Columns {
			fmt.Fprintf(&b, "[%s] %s%s, ", c.Name, typeOf(c.Kind), notNull(c))
		}
		fmt.Fprintf(&b, "PRIMARY KEY (%s)) STRICT%s;\n", quoted(t.Names()[:t.Key]), withoutRowID(t))
	}
	return script(conn, b.String())
}

// withoutRowID keeps a table in the order of its key. A single number is the row id itself.
func withoutRowID(t tables.Table) string {
	if t.Key == 1 && t.Columns[0].Kind == tables.Integer {
		return ""
	}
	return ", WITHOUT ROWID"
}

func typeOf(k tables.Kind) string {
	if k == tables.Integer || k == tables.Bool {
		return "INTEGER"
	}
	return "TEXT"
}

func notNull(c tables.Column) string {
	if c.Optional {
		return ""
	}
	return " NOT NULL"
}

// script runs statements inside the transaction that is open.
func script(conn *sqlite.Conn, text string) error {
	for statement := range strings.SplitSeq(text, ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if err := sqlitex.ExecuteTransient(conn, statement, nil); err != nil {
			return err
		}
	}
	return nil
}

// named lists the tables with a prefix and their columns, by their names without it. Without a prefix: those in force.
func named(conn *sqlite.Conn, prefix string) (map[string][]string, error) {
	shape := map[string][]string{}
	query := "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY t.name, c.cid"
	err := sqlitex.ExecuteTransient(conn, query, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		name, found := strings.CutPrefix(s.ColumnText(0), prefix)
		if found && (prefix != "" || !strings.HasPrefix(name, nextPrefix) && !strings.HasPrefix(name, previousPrefix)) {
			shape[name] = append(shape[name], s.ColumnText(1))
		}
		return nil
	}})
	return shape, err
}

// fits says whether tables are those of this build.
func fits(shape map[string][]string) bool {
	for _, t := range tables.All() {
		if !slices.Equal(shape[t.Name], t.Names()) {
			return false
		}
	}
	return shape[headTable] != nil
}

// headIn reads the head row, nil where there is none.
func headIn(conn *sqlite.Conn, prefix string) (head *projections.SnapshotHead, err error) {
	there, err := exists(conn, prefix+headTable)
	if err != nil || !there {
		return nil, err
	}
	query := "SELECT stream, revision, event_hash, schema_version, fold_version, tables_hash FROM " + prefix + headTable
	if _, err := prepared(conn, query); err != nil {
		return nil, fmt.Errorf("read the head: %w", err)
	}
	return head, sqlitex.Execute(conn, query, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		head = &projections.SnapshotHead{
			Stream: s.ColumnText(0), Revision: uint64(s.ColumnInt64(1)), EventHash: s.ColumnText(2),
			SchemaVersion: s.ColumnInt(3), FoldVersion: s.ColumnInt(4), TablesHash: s.ColumnText(5),
		}
		return nil
	}})
}

func exists(conn *sqlite.Conn, table string) (there bool, err error) {
	err = sqlitex.Execute(conn, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", &sqlitex.ExecOptions{
		Args: []any{table}, ResultFunc: func(*sqlite.Stmt) error { there = true; return nil },
	})
	return there, err
}

// prepared compiles a statement, once for each connection. The statements are fixed, so one that SQLite cannot compile names a table
// or a column that is not there.
func prepared(conn *sqlite.Conn, query string) (*sqlite.Stmt, error) {
	stmt, err := conn.Prepare(query)
	if sqlite.ErrCode(err) == sqlite.ResultError {
		err = fmt.Errorf("%w: %w", projections.ErrSnapshotDamaged, err)
	}
	return stmt, err
}
