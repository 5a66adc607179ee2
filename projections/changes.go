package projections

import (
	"slices"

	"pm/projections/tables"
)

// changes says what has to be written so that tables which hold the lines of before hold those of after. Both are sorted.
func changes(before, after map[string][]string) map[string]RowChange {
	out := map[string]RowChange{}
	for _, t := range tables.All() {
		if !slices.Equal(before[t.Name], after[t.Name]) { // of history neither has lines
			out[t.Name] = changesOf(t, before[t.Name], after[t.Name])
		}
	}
	return out
}

func changesOf(t tables.Table, before, after []string) (c RowChange) {
	stays := make(map[string]bool, len(after)) // keys
	for _, line := range after {
		stays[rawKey(t, line)] = true
		if _, same := slices.BinarySearch(before, line); !same {
			c.Put = append(c.Put, line)
		}
	}
	for _, line := range before {
		if key := rawKey(t, line); !stays[key] {
			c.Gone = append(c.Gone, key)
		}
	}
	return c
}

// rawKey is the key of a line as a store takes it.
func rawKey(t tables.Table, line string) string { return tables.Join(tables.Split(line)[:t.Key]) }
