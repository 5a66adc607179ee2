package snapshottest

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/projections"
	"pm/projections/tables"
)

// Rows are lines of every table: sorted those of the state, in the order of their key those of the history.
type Rows map[string][]string

// Head makes a head that differs from every other in all that can differ, n counting from 1.
func Head(n int) projections.SnapshotHead {
	return projections.SnapshotHead{
		Stream: "portfolio-main", Revision: uint64(n) * 100, EventHash: fmt.Sprintf("%064x", n*7919),
		SchemaVersion: tables.Version(), FoldVersion: tables.FoldVersion, TablesHash: fmt.Sprintf("%064x", n*104729),
	}
}

// Sample makes n plain rows of every table. Those of another n differ in every column that is not a key.
func Sample(n int) Rows {
	all := Rows{}
	for _, t := range tables.All() {
		for i := range n {
			columns := make([]string, len(t.Columns))
			for c, column := range t.Columns {
				columns[c] = plain(column, i, c >= t.Key, n)
			}
			all[t.Name] = append(all[t.Name], tables.Join(columns))
		}
	}
	return all
}

func plain(c tables.Column, i int, free bool, n int) string {
	salt := 0
	if free {
		salt = n * 1000
	}
	switch c.Kind {
	case tables.Integer:
		return strconv.Itoa(i + 1 + salt)
	case tables.Decimal:
		return fmt.Sprintf("%d.25", i+1+salt)
	case tables.Bool:
		return []string{"f", "t"}[(i+n)%2]
	case tables.Time:
		return strings.TrimRight(fmt.Sprintf("2026-01-%02d 09:15:00.%06d", i%28+1, i+1+salt), "0") + "+00" // a time has no trailing zeros
	case tables.Date:
		return fmt.Sprintf("%04d-01-%02d", 2000+n, i%28+1)
	default:
		return fmt.Sprintf("%s %d", c.Name, i+1+salt)
	}
}

// nasty are the values of each kind that a store is likely to get wrong. Each list has as many as the longest needs at least.
var nasty = map[tables.Kind][]string{
	tables.Text: {
		"", tables.Escape(`\N`), tables.Escape(`\.`), tables.Escape("a\tb\nc\rd\\e\bf\fg\vh"), tables.Escape("nul\x00nul"), "NULL", "'; DROP TABLE head; --",
		`"quoted", and a comma`, " spaces ", "日本語 🚀 e\u0301", "\x01\x1f\x7f", "t", "0", "1.50", "true", tables.Escape(strings.Repeat(`\`, 9)),
	},
	tables.Integer: {"0", "1", "-1", "9", "10", "11", "99", "100", "9007199254740993", strconv.FormatInt(math.MinInt64, 10), strconv.FormatInt(math.MaxInt64, 10)},
	tables.Decimal: {
		"0", "-0.0001", "1234567890123456789012345678901234567890", "-0.0000000000000000001", "0.1", "100", "1000000", "999999.99",
		"-99999999999999999999.9999999999999999999", "50000.05",
	},
	tables.Bool: {"t", "f"},
	tables.Time: {
		"0001-01-01 00:00:00+00", "9999-12-31 23:59:59.999999+00", "2026-01-05 09:15:00+00", "2026-01-05 09:15:00.1+00", "2026-01-05 09:15:00.000001+00",
		"1969-12-31 23:59:59.5+00", "2024-02-29 00:00:00+00",
	},
	tables.Date: {"0001-01-01", "9999-12-31", "2024-02-29", "1969-12-31", "2026-01-05"},
}

// rising are revisions that a store which compares texts puts in another order.
var rising = []int64{0, 1, 2, 9, 10, 11, 99, 100, 101, 1000, 99999, 100000, 1 << 53, 1<<53 + 1, math.MaxInt64 - 1, math.MaxInt64}

// Nasty makes rows of every table that hold every nasty value of every kind.
func Nasty() Rows {
	all := Rows{}
	for _, t := range tables.All() {
		for i := range rising {
			all[t.Name] = append(all[t.Name], nastyRow(t, i))
		}
		if t.Class == tables.State {
			slices.Sort(all[t.Name])
		}
	}
	return all
}

func nastyRow(t tables.Table, i int) string {
	columns := make([]string, len(t.Columns))
	for c, column := range t.Columns {
		values := nasty[column.Kind]
		if column.Optional {
			values = append([]string{tables.Null}, values...)
		}
		columns[c] = values[i%len(values)]
		if column.Kind == tables.Integer && c < t.Key {
			columns[c] = strconv.FormatInt(rising[i], 10)
		}
	}
	if column := len(columns) - 1; t.Columns[column].Kind == tables.Text && column >= t.Key && i == 1 {
		columns[column] = strings.Repeat("long ", 20_000) // past the page of any store
	}
	return tables.Join(columns)
}

// Filling is the change that writes rows into a snapshot that has the head before.
func Filling(before *projections.SnapshotHead, after projections.SnapshotHead, rows Rows) projections.Change {
	c := projections.Change{Before: before, After: after, State: map[string]projections.RowChange{}, History: map[string][]byte{}}
	for _, t := range tables.All() {
		switch lines := rows[t.Name]; {
		case len(lines) == 0:
		case t.Class == tables.State:
			c.State[t.Name] = projections.RowChange{Put: lines}
		default:
			c.History[t.Name] = []byte(strings.Join(lines, "\n") + "\n")
		}
	}
	return c
}

// Filled writes rows into an empty snapshot.
func Filled(t testing.TB, s projections.Snapshot, head projections.SnapshotHead, rows Rows) {
	t.Helper()
	require.NoError(t, s.Write(t.Context(), Filling(nil, head, rows)))
}

// wanted is what a session must show of rows under a head.
func wanted(head projections.SnapshotHead, rows Rows) seen {
	all := seen{Head: &head, State: map[string][]string{}, History: map[string]string{}}
	for _, t := range tables.All() {
		switch lines := rows[t.Name]; {
		case t.Class == tables.State:
			all.State[t.Name] = append([]string{}, slices.Sorted(slices.Values(lines))...)
		case len(lines) > 0:
			all.History[t.Name] = strings.Join(lines, "\n") + "\n"
		default:
			all.History[t.Name] = ""
		}
	}
	return all
}

// view reads everything that a view shows.
func view(v projections.SnapshotView) (all seen, err error) {
	if all.Head, err = v.Head(); err != nil {
		return all, err
	}
	var state []tables.Table
	all.History = map[string]string{}
	for _, t := range tables.All() {
		if t.Class == tables.State {
			state = append(state, t)
			continue
		}
		var b bytes.Buffer
		if err := v.Copy(t, &b); err != nil {
			return all, err
		}
		all.History[t.Name] = b.String()
	}
	if all.State, err = v.Lines(state); err != nil {
		return all, err
	}
	for _, t := range state { // a table without rows may be absent or empty
		all.State[t.Name] = append([]string{}, all.State[t.Name]...)
	}
	return all, nil
}

// copied is one table as a copy.
func copied(v projections.SnapshotView, t tables.Table) (string, error) {
	var b strings.Builder
	err := v.Copy(t, io.Writer(&b))
	return b.String(), err
}
