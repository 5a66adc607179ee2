package snapshottest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"pm/projections"
	"pm/projections/tables"
)

// content is what one version holds. It is never changed, only replaced: a view keeps the one it began with.
type content struct {
	head   *projections.SnapshotHead
	tables map[string]map[string]string
	shape  map[string][]string
}

func (c *content) clone() *content {
	out := &content{head: c.head, tables: map[string]map[string]string{}, shape: maps.Clone(c.shape)}
	for name, rows := range c.tables {
		out.tables[name] = maps.Clone(rows)
	}
	return out
}

func same(a, b *projections.SnapshotHead) bool {
	return (a == nil) == (b == nil) && (a == nil || *a == *b)
}

// settle makes the tables of this build where there are none.
func (c *content) settle() {
	if c.shape != nil {
		return
	}
	c.shape = map[string][]string{}
	for _, t := range tables.All() {
		c.shape[t.Name], c.tables[t.Name] = t.Names(), map[string]string{}
	}
}

func (c *content) apply(change projections.Change) error {
	for name, rows := range change.State {
		t, err := c.known(name)
		if err != nil {
			return err
		}
		for _, key := range rows.Gone {
			delete(c.tables[name], key)
		}
		for _, line := range rows.Put {
			if err := valid(t, line); err != nil {
				return err
			}
			c.tables[name][keyOf(t, line)] = line
		}
	}
	for name, data := range change.History {
		t, err := c.known(name)
		if err != nil {
			return err
		}
		for _, line := range splitLines(data) {
			if err := valid(t, line); err != nil {
				return err
			}
			if _, there := c.tables[name][keyOf(t, line)]; there {
				return fmt.Errorf("table %s has a row %q already", name, keyOf(t, line))
			}
			c.tables[name][keyOf(t, line)] = line
		}
	}
	after := change.After
	c.head = &after
	return nil
}

func (c *content) known(name string) (tables.Table, error) {
	t, ok := tables.Named(name)
	if !ok || c.tables[name] == nil {
		return t, fmt.Errorf("there is no table %s", name)
	}
	return t, nil
}

// valid refuses what a store with typed columns refuses.
func valid(t tables.Table, line string) error {
	columns := tables.Split(line)
	if len(columns) != len(t.Columns) {
		return fmt.Errorf("a row of %s has %d columns, not %d", t.Name, len(t.Columns), len(columns))
	}
	for i, c := range t.Columns {
		var err error
		switch {
		case columns[i] == tables.Null && c.Optional:
		case columns[i] == tables.Null:
			err = errors.New("it may not be null")
		case c.Kind == tables.Integer:
			_, err = strconv.ParseInt(columns[i], 10, 64)
		case c.Kind == tables.Bool && columns[i] != "t" && columns[i] != "f":
			err = errors.New("it is neither t nor f")
		case c.Kind != tables.Text && strings.TrimSpace(columns[i]) == "":
			err = errors.New("it is empty")
		}
		if err != nil {
			return fmt.Errorf("column %s of %s: %w", c.Name, t.Name, err)
		}
	}
	return nil
}

type memoryView struct {
	ctx context.Context
	*content
}

func (v memoryView) Head() (*projections.SnapshotHead, error) {
	if v.head == nil || v.ctx.Err() != nil {
		return nil, v.ctx.Err()
	}
	h := *v.head
	return &h, nil
}

func (v memoryView) Shape() (map[string][]string, error) { return maps.Clone(v.shape), v.ctx.Err() }

func (v memoryView) Lines(of []tables.Table) (map[string][]string, error) {
	out := map[string][]string{}
	for _, t := range of {
		if !slices.Equal(v.shape[t.Name], t.Names()) {
			return nil, fmt.Errorf("%w: table %s", projections.ErrSnapshotDamaged, t.Name)
		}
		out[t.Name] = slices.Sorted(maps.Values(v.tables[t.Name]))
	}
	return out, v.ctx.Err()
}

func (v memoryView) Copy(t tables.Table, to io.Writer) error {
	lines, err := v.Lines([]tables.Table{t})
	if err != nil {
		return err
	}
	for _, line := range slices.SortedFunc(slices.Values(lines[t.Name]), byKey(t)) {
		if _, err := io.WriteString(to, line+"\n"); err != nil {
			return err
		}
	}
	return v.ctx.Err()
}
