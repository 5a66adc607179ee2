package snapshottest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/projections"
	"pm/projections/tables"
)

func movedWrite(t *testing.T, p Place) {
	s := p.Open(t)
	none := Head(1)
	require.ErrorIs(t, s.Write(t.Context(), Filling(&none, Head(2), Sample(3))), projections.ErrSnapshotMoved, "there is no head yet")
	require.Nil(t, headOf(t, p.Open(t)), "and none was made")
	rows := Sample(3)
	Filled(t, s, Head(1), rows)
	for name, change := range map[string]func(*projections.SnapshotHead){
		"stream":         func(h *projections.SnapshotHead) { h.Stream = "portfolio-other" },
		"revision":       func(h *projections.SnapshotHead) { h.Revision-- },
		"event hash":     func(h *projections.SnapshotHead) { h.EventHash = strings.Repeat("0", 64) },
		"schema version": func(h *projections.SnapshotHead) { h.SchemaVersion++ },
		"fold version":   func(h *projections.SnapshotHead) { h.FoldVersion++ },
		"tables hash":    func(h *projections.SnapshotHead) { h.TablesHash = "" },
	} {
		believed := Head(1)
		change(&believed)
		require.ErrorIs(t, s.Write(t.Context(), state(Filling(&believed, Head(2), Sample(4)))), projections.ErrSnapshotMoved, "another %s", name)
	}
	require.ErrorIs(t, s.Write(t.Context(), state(Filling(nil, Head(2), Sample(4)))), projections.ErrSnapshotMoved, "there is a head")
	require.Equal(t, wanted(Head(1), rows), look(t, s))
}

// state is a change without its history, whose rows would be there already.
func state(c projections.Change) projections.Change {
	c.History = nil
	return c
}

// wholeOrNot spoils the last line of the last table in each way that a store must refuse.
func wholeOrNot(t *testing.T, p Place) {
	s, rows := begun(t, p)
	all := tables.All()
	last := all[len(all)-1]
	require.Equal(t, tables.History, last.Class)
	good, fresh := Sample(5)[last.Name][3], tables.Split(Sample(5)[last.Name][4]) // two keys that are not there
	for name, line := range map[string]string{
		"too few columns":      tables.Join(fresh[:len(fresh)-1]),
		"too many columns":     tables.Join(fresh) + "\tmore",
		"no number":            tables.Join(append([]string{"four"}, fresh[1:]...)),
		"a number too large":   tables.Join(append([]string{"9223372036854775808"}, fresh[1:]...)),
		"null where none may":  tables.Join(append([]string{tables.Null}, fresh[1:]...)),
		"a key there is":       rows[last.Name][0],
		"an empty line":        "",
		"a boolean that is no": tables.Join(withBool(last, fresh, "maybe")),
	} {
		before := Head(1)
		c := state(Filling(&before, Head(2), Sample(4)))
		c.History = map[string][]byte{last.Name: []byte(good + "\n" + line + "\n")}
		require.Error(t, s.Write(t.Context(), c), name)
		require.Equal(t, wanted(Head(1), rows), look(t, s), name)
		require.Equal(t, wanted(Head(1), rows), look(t, p.Open(t)), name)
	}
	before := Head(1)
	for _, table := range all { // a store that makes up a number where a key has none must not do it here
		columns := tables.Split(Sample(5)[table.Name][4])
		columns[0] = tables.Null
		nowhere := Rows{table.Name: {tables.Join(columns)}}
		require.Error(t, s.Write(t.Context(), Filling(&before, Head(2), nowhere)), "a key that is null in %s", table.Name)
	}
	require.Equal(t, wanted(Head(1), rows), look(t, s))
	c := state(Filling(&before, Head(2), Sample(4)))
	c.State["nobody_knows"] = projections.RowChange{Put: []string{"1"}}
	require.Error(t, s.Write(t.Context(), c), "a table that is none")
	require.Equal(t, wanted(Head(1), rows), look(t, s))
	must(t, s, state(Filling(&before, Head(2), Sample(3)))) // and after all that it goes on
}

// withBool puts a value into the first boolean column of a row.
func withBool(t tables.Table, row []string, value string) []string {
	out := append([]string{}, row...)
	for c, column := range t.Columns {
		if column.Kind == tables.Bool {
			out[c] = value
			return out
		}
	}
	panic(fmt.Sprintf("table %s has no boolean column", t.Name))
}
