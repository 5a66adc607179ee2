package snapshottest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/projections"
	"pm/projections/tables"
)

var errNoHead = errors.New("the head was gone")

// Tamper is a change of one column of one table by hand: of one row, or of the few that share the first column of the lowest key.
type Tamper struct {
	Table, Column string
	Kind          tables.Kind
	SQL           string
}

// Tampers lists a change for each column of every table and of the head row. Each is valid for PostgreSQL and SQLite, keeps the kind
// of its column, and changes a stored value wherever there is a row that does not hold the new one by chance.
func Tampers() []Tamper {
	var all []Tamper
	for _, t := range tables.All() {
		first := t.Columns[0].Name
		for _, c := range t.Columns {
			all = append(all, Tamper{t.Name, c.Name, c.Kind, fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s = (SELECT min(%s) FROM %s)",
				t.Name, c.Name, other(c), first, first, t.Name)})
		}
	}
	for _, c := range []struct {
		name, value string
		kind        tables.Kind
	}{
		{"stream", "stream || '-other'", tables.Text}, {"revision", "revision + 1", tables.Integer}, {"event_hash", sixtyFour('f'), tables.Text},
		{"schema_version", "schema_version + 1", tables.Integer}, {"fold_version", "fold_version + 1", tables.Integer}, {"tables_hash", sixtyFour('e'), tables.Text},
	} {
		all = append(all, Tamper{HeadTable, c.name, c.kind, fmt.Sprintf("UPDATE %s SET %s = %s", HeadTable, c.name, c.value)})
	}
	return all
}

func sixtyFour(digit byte) string { return "'" + strings.Repeat(string(digit), 64) + "'" }

// other is an expression of SQL for a value of a column that it does not hold.
func other(c tables.Column) string {
	switch c.Kind {
	case tables.Integer:
		return fmt.Sprintf("coalesce(%s, 0) + 1000000007", c.Name) // far from every other row's, as a key must be
	case tables.Decimal:
		return "999999.99"
	case tables.Bool:
		return fmt.Sprintf("coalesce(NOT %s, TRUE)", c.Name)
	case tables.Time:
		return "'2001-02-03 04:05:06.000007+00'"
	case tables.Date:
		return "'2001-02-03'"
	default:
		return fmt.Sprintf("coalesce(%s, '') || ' tampered'", c.Name)
	}
}

// tampered makes every change behind the back of an open session. What was whole before differs in that table after it and in no
// other, and where rows are compared by their columns, in that column alone.
func tampered(t *testing.T, p Place) {
	s, _ := begun(t, p)
	was := look(t, s)
	for _, x := range Tampers() {
		p.Exec(t, x.SQL)
		is := look(t, s)
		require.Equal(t, x.Table == HeadTable, *was.Head != *is.Head, x.SQL)
		for _, table := range tables.All() {
			changed := fmt.Sprint(was.State[table.Name]) != fmt.Sprint(is.State[table.Name]) || was.History[table.Name] != is.History[table.Name]
			require.Equal(t, table.Name == x.Table, changed, "%s: table %s", x.SQL, table.Name)
			if changed && table.Class == tables.State {
				require.Equal(t, []string{x.Column}, columnsChanged(table, was.State[x.Table], is.State[x.Table]), x.SQL)
			}
		}
		was = is
	}
}

// columnsChanged names the columns whose values, taken over all rows, are others.
func columnsChanged(t tables.Table, was, is []string) []string {
	var names []string
	for c, column := range t.Columns {
		values := map[string]int{}
		for _, line := range was {
			values[tables.Split(line)[c]]++
		}
		for _, line := range is {
			values[tables.Split(line)[c]]--
		}
		for _, n := range values {
			if n != 0 {
				names = append(names, column.Name)
				break
			}
		}
	}
	return names
}

// zeros writes every decimal as a person does who restores one, over whole tables.
func zeros(t *testing.T, p Place) {
	s, rows := begun(t, p)
	for _, form := range []struct{ written, value string }{
		{"'100000.00'", "100000"}, {"'0.00'", "0"}, {"'12.50'", "12.5"}, {"'-7.0700'", "-7.07"}, {"'500.05'", "500.05"}, {"100.0", "100"}, {"1000", "1000"},
	} {
		for _, table := range tables.All() {
			for c, column := range table.Columns {
				if column.Kind != tables.Decimal {
					continue
				}
				p.Exec(t, fmt.Sprintf("UPDATE %s SET %s = %s", table.Name, column.Name, form.written))
				for i, line := range rows[table.Name] {
					columns := tables.Split(line)
					columns[c] = form.value
					rows[table.Name][i] = tables.Join(columns)
				}
			}
		}
		require.Equal(t, wanted(Head(1), rows), look(t, s), form.written)
	}
}

func rowsByHand(t *testing.T, p Place) {
	s, rows := begun(t, p)
	for _, table := range tables.All() {
		first := table.Columns[0].Name
		p.Exec(t, fmt.Sprintf("DELETE FROM %s WHERE %s = (SELECT min(%s) FROM %s)", table.Name, first, first, table.Name))
		rows[table.Name] = rows[table.Name][1:]
		require.Equal(t, wanted(Head(1), rows), look(t, s), table.Name)
	}
	p.Exec(t, "INSERT INTO alarms (code, subject, raised_at, revision) VALUES ('by', 'hand', '2026-01-05 09:15:00+00', 7)")
	rows["alarms"] = append(rows["alarms"], "by\thand\t2026-01-05 09:15:00+00\t7")
	require.Equal(t, wanted(Head(1), rows), look(t, s))
	p.Exec(t, "DELETE FROM "+HeadTable)
	require.Nil(t, headOf(t, s))
}

// mended takes over a version that was built beside one whose head and some tables are lost.
func mended(t *testing.T, p Place) {
	s, _ := begun(t, p)
	p.Exec(t, "DELETE FROM "+HeadTable)
	p.Exec(t, "DROP TABLE alarms") // no view reads it
	p.Exec(t, "ALTER TABLE trades RENAME COLUMN revision TO put_aside")
	to := Head(50)
	Filled(t, beside(t, s), to, Sample(4))
	require.NoError(t, s.Switch(t.Context(), nil, &to))
	require.Equal(t, wanted(to, Sample(4)), look(t, s))
	must(t, s, state(Filling(&to, Head(51), Sample(4))))
}

func notThere(t *testing.T, p Place) {
	s, _ := begun(t, p)
	for _, table := range tables.All() {
		last := table.Columns[len(table.Columns)-1].Name
		// Another name, because a view of the store may forbid to drop them.
		p.Exec(t, fmt.Sprintf("ALTER TABLE %s RENAME COLUMN %s TO put_aside", table.Name, last))
		damaged(t, s, table, last)
		p.Exec(t, fmt.Sprintf("ALTER TABLE %s RENAME TO %s_put_aside", table.Name, table.Name))
		damaged(t, s, table, "")
	}
}

// damaged reads a table that lacks a column, or is not there at all.
func damaged(t *testing.T, s projections.Snapshot, table tables.Table, column string) {
	t.Helper()
	require.NoError(t, s.Read(t.Context(), func(v projections.SnapshotView) error {
		shape, err := v.Shape()
		require.NoError(t, err)
		if column == "" {
			require.NotContains(t, shape, table.Name)
		} else {
			require.NotContains(t, shape[table.Name], column)
		}
		return nil
	}))
	require.ErrorIs(t, s.Read(t.Context(), func(v projections.SnapshotView) error { return v.Copy(table, io.Discard) }), projections.ErrSnapshotDamaged, table.Name)
	if table.Class == tables.State {
		require.ErrorIs(t, s.Read(t.Context(), func(v projections.SnapshotView) error {
			_, err := v.Lines([]tables.Table{table})
			return err
		}), projections.ErrSnapshotDamaged, table.Name)
	}
}
