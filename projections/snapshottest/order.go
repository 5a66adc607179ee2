package snapshottest

import (
	"cmp"
	"strconv"
	"strings"

	"pm/projections/tables"
)

// keyOf is the key of a line, as Gone names it.
func keyOf(t tables.Table, line string) string { return tables.Join(tables.Split(line)[:t.Key]) }

// byKey compares two lines in the order of a copy: numbers as numbers, times and days as they are written, texts by their bytes.
func byKey(t tables.Table) func(a, b string) int {
	return func(a, b string) int {
		as, bs := tables.Split(a), tables.Split(b)
		for c := range t.Key {
			x, _ := tables.Value(as[c])
			y, _ := tables.Value(bs[c])
			order := strings.Compare(x, y)
			if t.Columns[c].Kind == tables.Integer {
				n, _ := strconv.ParseInt(x, 10, 64)
				m, _ := strconv.ParseInt(y, 10, 64)
				order = cmp.Compare(n, m)
			}
			if order != 0 {
				return order
			}
		}
		return 0
	}
}

// splitLines and joinLines change between lines and the bytes of a copy.
func splitLines(data []byte) []string {
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

func joinLines(lines []string) []byte { return []byte(strings.Join(lines, "\n") + "\n") }
