package snapshottest

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/projections"
	"pm/projections/tables"
)

func empty(t *testing.T, p Place) {
	s := p.Open(t)
	require.NotEmpty(t, s.String(), "it says where it is")
	require.NoError(t, s.Read(t.Context(), func(v projections.SnapshotView) error {
		head, err := v.Head()
		require.NoError(t, err)
		require.Nil(t, head)
		shape, err := v.Shape()
		require.NoError(t, err)
		require.Empty(t, shape)
		return nil
	}))
}

func comesBack(t *testing.T, p Place) {
	s, rows := p.Open(t), Nasty()
	Filled(t, s, Head(1), rows)
	require.Equal(t, wanted(Head(1), rows), look(t, s))
	require.NoError(t, s.Read(t.Context(), func(v projections.SnapshotView) error {
		shape, err := v.Shape()
		require.NoError(t, err)
		for _, table := range tables.All() {
			require.Equal(t, table.Names(), shape[table.Name], table.Name)
		}
		lines, err := v.Lines(nil)
		require.NoError(t, err)
		require.Empty(t, lines, "nothing was asked for")
		return nil
	}))
}

// realLog folds events that the domain decided, in writes as small as a follower's, and holds what is stored against the fold.
func realLog(t *testing.T, p Place) {
	s, fold := p.Open(t), tables.NewFold()
	fold.Gather()
	var before *projections.SnapshotHead
	was := map[string][]string{}
	for i, r := range Log(t) {
		require.NoError(t, fold.Apply(r))
		content, after := fold.Content(), Head(i+1)
		after.Revision, after.TablesHash = r.Rev, content.Hash()
		c := projections.Change{Before: before, After: after, State: map[string]projections.RowChange{}, History: fold.Take()}
		for name, lines := range content.State {
			c.State[name] = changed(name, was[name], lines)
		}
		must(t, s, c)
		was, before = content.State, &after
	}
	got, content := look(t, s), fold.Content()
	require.Equal(t, before, got.Head)
	for name, sum := range content.History {
		require.Equal(t, int(sum.Rows), strings.Count(got.History[name], "\n"), name)
		require.Equal(t, sum.Digest, digest(got.History[name]), name)
	}
	for name, lines := range content.State {
		require.Equal(t, append([]string{}, lines...), got.State[name], name)
	}
	for _, name := range []string{"layers", "positions", "pyramiding_state", "orders_ended", "fills", "trades", "signals", "refusals"} {
		require.NotEmpty(t, got.History[name]+strings.Join(got.State[name], "\n"), "the log of this promise must have %s", name)
	}
}

// changed is the difference of two sorted lists of lines, as a row change.
func changed(name string, was, is []string) projections.RowChange {
	t, _ := tables.Named(name)
	var c projections.RowChange
	for _, line := range was {
		if !slices.Contains(is, line) && !slices.ContainsFunc(is, func(other string) bool { return keyOf(t, other) == keyOf(t, line) }) {
			c.Gone = append(c.Gone, keyOf(t, line))
		}
	}
	for _, line := range is {
		if !slices.Contains(was, line) {
			c.Put = append(c.Put, line)
		}
	}
	return c
}

func copyOrder(t *testing.T, p Place) {
	s, rows := p.Open(t), Sample(12)
	for _, table := range tables.All() {
		if table.Class == tables.History && table.Key > 1 {
			rows[table.Name] = oneRevision(table)
		}
		slices.SortFunc(rows[table.Name], byKey(table))
	}
	upsideDown := Rows{}
	for _, table := range tables.All() {
		upsideDown[table.Name] = slices.Clone(rows[table.Name])
		if table.Class == tables.State {
			slices.Reverse(upsideDown[table.Name])
		}
	}
	Filled(t, s, Head(1), upsideDown)
	require.NoError(t, s.Read(t.Context(), func(v projections.SnapshotView) error {
		for _, table := range tables.All() {
			got, err := copied(v, table)
			require.NoError(t, err)
			require.Equal(t, strings.Join(rows[table.Name], "\n")+"\n", got, table.Name)
		}
		return nil
	}))
}

// oneRevision makes rows of one revision whose other key columns a dictionary would put in another order than their bytes do.
func oneRevision(t tables.Table) []string {
	var lines []string
	for i, name := range []string{"A-1-Long_10", "A-1-Long_2", "A 1", "A-2", "B-1", "a-1", "b", "É", "e", "ß", "日", "~", "_", "Z", "z"} {
		columns := tables.Split(nastyRow(t, 0))
		for c := range t.Key {
			switch {
			case c == 0:
				columns[c] = "7"
			case t.Columns[c].Kind == tables.Text:
				columns[c] = name
			default:
				columns[c] = []string{"0", "1", "2", "9", "10", "11", "20", "99", "100", "101", "200", "999", "1000", "1001", "2000"}[i]
			}
		}
		lines = append(lines, tables.Join(columns))
	}
	return lines
}

func headComesBack(t *testing.T, p Place) {
	s := p.Open(t)
	heads := []projections.SnapshotHead{
		Head(1), {}, {Stream: "portfolio-日本 'x'", Revision: 1<<63 - 1, EventHash: "e", SchemaVersion: 1 << 30, FoldVersion: 99, TablesHash: ""}, Head(2),
	}
	var before *projections.SnapshotHead
	for _, h := range heads {
		must(t, s, projections.Change{Before: before, After: h})
		require.Equal(t, &h, look(t, s).Head)
		before = &h
	}
}

func putAndGone(t *testing.T, p Place) {
	s, before, rows := p.Open(t), Head(1), Nasty()
	Filled(t, s, before, rows)
	c := projections.Change{Before: &before, After: Head(2), State: map[string]projections.RowChange{}}
	for _, table := range tables.All() {
		if table.Class == tables.History {
			continue
		}
		lines := rows[table.Name]
		gone, put := lines[0], replaced(table, lines[1], lines[2])
		c.State[table.Name] = projections.RowChange{Gone: []string{keyOf(table, gone), absent(table)}, Put: []string{put}}
		rows[table.Name] = slices.Sorted(slices.Values(append([]string{put}, lines[2:]...)))
	}
	must(t, s, c)
	require.Equal(t, wanted(Head(2), rows), look(t, s))
}

// replaced is a row with the key of one line and the other columns of another.
func replaced(t tables.Table, line, other string) string {
	return tables.Join(append(slices.Clone(tables.Split(line)[:t.Key]), tables.Split(other)[t.Key:]...))
}

// absent is the key of a row that is nowhere: to take it away changes nothing.
func absent(t tables.Table) string {
	columns := make([]string, t.Key)
	for c := range columns {
		columns[c] = plain(t.Columns[c], 777, true, 777)
	}
	return tables.Join(columns)
}

func historyGrows(t *testing.T, p Place) {
	s, rows := p.Open(t), Nasty()
	var before *projections.SnapshotHead
	for i := range rising {
		after, c := Head(i+1), map[string][]byte{}
		for _, table := range tables.All() {
			if table.Class == tables.History {
				c[table.Name] = []byte(rows[table.Name][i] + "\n")
			}
		}
		must(t, s, projections.Change{Before: before, After: after, History: c})
		before = &after
	}
	require.Equal(t, wanted(*before, rows).History, look(t, s).History)
}

func stays(t *testing.T, p Place) {
	s, rows := begun(t, p)
	require.NoError(t, s.Close())
	require.Equal(t, wanted(Head(1), rows), look(t, p.Open(t)))
}
