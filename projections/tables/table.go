package tables

import (
	"slices"
	"strconv"
)

// Kind is how a column's values are written.
type Kind int

// The kinds of column. PostgreSQL keeps them as text, bigint, numeric, boolean, timestamptz and date.
const (
	Text    Kind = iota
	Integer      // an int64
	Decimal      // exact, without exponent or trailing zeros
	Bool         // t or f
	Time         // UTC, microseconds: what is finer is cut off before it is written or compared
	Date         // a day of the exchange
)

// Class tells what is true now from what was once true.
type Class int

// The classes of table.
const (
	State Class = iota
	History
)

// Column is one column. An optional one may be null.
type Column struct {
	Name     string
	Kind     Kind
	Optional bool
}

// Table is one table. Its first Key columns are its primary key; of a history table the first is the revision that made the row.
type Table struct {
	Name    string
	Class   Class
	Key     int
	Since   int // the schema version that brought it
	Columns []Column
}

// Names are the names of the columns.
func (t Table) Names() []string {
	out := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		out[i] = c.Name
	}
	return out
}

// FoldVersion is the version of the rows. 2: alarms end as soon as their cause is gone.
const FoldVersion = 2

// newest is the highest schema version that this source knows.
const newest = 2

// limited is set by the linker where a program is to know less than it could: -X pm/projections/tables.limited=1 builds the program
// as it was before a later migration, to run old and new side by side.
var limited string

// Version is the version of the schema that this build writes: the number of its last migration.
func Version() int {
	if n, err := strconv.Atoi(limited); err == nil && n < newest {
		return n
	}
	return newest
}

// All lists the tables of this build, in the order in which they are written and hashed.
func All() []Table { return slices.Clone(present) }

// Named finds a table of this build.
func Named(name string) (Table, bool) {
	for _, t := range present {
		if t.Name == name {
			return t, true
		}
	}
	return Table{}, false
}

// present are the tables up to Version.
var present = func() []Table {
	var out []Table
	for _, s := range stateTables {
		out = append(out, s.Table)
	}
	out = append(out, signals.Table, refusals.Table, fills.Table, dailyClosed.Table, equityClosed.Table, endedOrders.Table, trades.Table)
	return slices.DeleteFunc(out, func(t Table) bool { return t.Since > Version() })
}()
