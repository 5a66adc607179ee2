package tables_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/projections/tables"
)

func TestATextComesBackFromItsColumn(t *testing.T) {
	for _, text := range []string{"", `\N`, `\`, "a\tb", "a\nb\r\v\f\bc", `\t`, "日本", "x" + strings.Repeat(`\`, 9)} {
		column := tables.Escape(text)
		require.NotContains(t, column, "\t")
		require.NotContains(t, column, "\n")
		got, null := tables.Value(column)
		require.False(t, null, text)
		require.Equal(t, text, got)
		require.Len(t, tables.Split(tables.Join([]string{column, column})), 2)
	}
	got, null := tables.Value(tables.Null)
	require.True(t, null)
	require.Empty(t, got)
	got, _ = tables.Value(tables.Escape("a\x00b"))
	require.Equal(t, "a\uFFFDb", got, "PostgreSQL cannot hold a NUL")
}

func TestEveryTableIsDeclaredWhole(t *testing.T) {
	names := map[string]bool{}
	for _, table := range tables.All() {
		require.False(t, names[table.Name], table.Name)
		names[table.Name] = true
		require.Positive(t, table.Key, table.Name)
		require.LessOrEqual(t, table.Since, tables.Version())
		if table.Class == tables.History {
			require.Equal(t, "revision", table.Columns[0].Name, table.Name)
		}
		columns := map[string]bool{}
		for i, c := range table.Columns {
			require.False(t, columns[c.Name], "%s.%s", table.Name, c.Name)
			columns[c.Name] = true
			require.False(t, i < table.Key && c.Optional, "%s.%s: a key has a value", table.Name, c.Name)
		}
	}
	_, known := tables.Named("nothing")
	require.False(t, known)
}

// The program as it was before the second migration is built from this source: it must know the tables of the first and no others.
func TestAProgramCanBeLimitedToAnOlderSchema(t *testing.T) {
	out, err := exec.Command("go", "test", "-count=1", "-run", "TestTheTablesOfTheFirstSchema", "-ldflags", "-X pm/projections/tables.limited=1", "-v", ".").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "version 1 with 16 tables")
}

func TestTheTablesOfTheFirstSchema(t *testing.T) {
	t.Logf("version %d with %d tables", tables.Version(), len(tables.All()))
	for _, table := range tables.All() {
		require.LessOrEqual(t, table.Since, tables.Version(), table.Name)
	}
	require.Len(t, tables.NewFold().Content().History, map[int]int{1: 5, 2: 7}[tables.Version()])
}
