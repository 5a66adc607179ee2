package snapshottest

import (
	"fmt"
	"slices"

	"pm/projections"
	"pm/projections/tables"
)

// SetUnavailable makes every call fail with ErrSnapshotUnavailable until it is taken back.
func (m *Memory) SetUnavailable(down bool) {
	m.place.mu.Lock()
	defer m.place.mu.Unlock()
	m.place.unavailable = down
}

// FailWrite lets the nth write from now, counted from 1, also those of Next, answer ErrSnapshotUnavailable: unmade, or made all the
// same, as when only the answer was lost.
func (m *Memory) FailWrite(nth int, made bool) {
	m.place.mu.Lock()
	defer m.place.mu.Unlock()
	m.place.fail[m.place.writes+nth] = made
}

// OnRead calls do at the start of every read, before it takes its view. nil: no more.
func (m *Memory) OnRead(do func()) {
	m.place.mu.Lock()
	defer m.place.mu.Unlock()
	m.place.onRead = do
}

// Writes is how many writes were asked for, those of Next and those that failed included.
func (m *Memory) Writes() int {
	m.place.mu.Lock()
	defer m.place.mu.Unlock()
	return m.place.writes
}

// Set puts a value, escaped as in a line, into a column of the row with a key, as a person would. It panics where there is none: a
// test that changes nothing must not pass.
func (m *Memory) Set(table, key, column, value string) {
	m.edit(func(c *content) {
		t, known := tables.Named(table)
		line, there := c.tables[table][key]
		at := slices.Index(t.Names(), column)
		if !known || !there || at < 0 {
			panic(fmt.Sprintf("there is no %s of %q in %s", column, key, table))
		}
		columns := tables.Split(line)
		columns[at] = value
		delete(c.tables[table], key)
		line = tables.Join(columns)
		c.tables[table][keyOf(t, line)] = line
	})
}

// SetHead replaces the head row; nil takes it away.
func (m *Memory) SetHead(h *projections.SnapshotHead) { m.edit(func(c *content) { c.head = h }) }

// DropTable takes a table away, DropRow a row.
func (m *Memory) DropTable(name string) {
	m.edit(func(c *content) { delete(c.tables, name); delete(c.shape, name) })
}

// DropRow takes the row with a key away. It panics where there is none.
func (m *Memory) DropRow(table, key string) {
	m.edit(func(c *content) {
		if _, there := c.tables[table][key]; !there {
			panic(fmt.Sprintf("there is no %q in %s", key, table))
		}
		delete(c.tables[table], key)
	})
}

// AddRow adds a line of a table, whatever its columns are.
func (m *Memory) AddRow(table, line string) {
	m.edit(func(c *content) {
		t, _ := tables.Named(table)
		c.tables[table][keyOf(t, line)] = line
	})
}

func (m *Memory) edit(do func(*content)) {
	m.place.mu.Lock()
	defer m.place.mu.Unlock()
	at := m.at()
	c := (*at).clone()
	do(c)
	*at = c
}
