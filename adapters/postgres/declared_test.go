package postgres

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/postgres/pgtest"
	"pm/projections/tables"
)

// declared is the declaration of every table as rows of table, position, column, type, nullable, place in the key.
func declared() (rows [][]string) {
	types := map[tables.Kind]string{
		tables.Text: "text", tables.Integer: "bigint", tables.Decimal: "numeric", tables.Bool: "boolean",
		tables.Time: "timestamp with time zone", tables.Date: "date",
	}
	for _, t := range tables.All() {
		for i, c := range t.Columns {
			nullable, key := "NO", ""
			if c.Optional {
				nullable = "YES"
			}
			if i < t.Key {
				key = strconv.Itoa(i + 1)
			}
			rows = append(rows, []string{t.Name, strconv.Itoa(i + 1), c.Name, types[c.Kind], nullable, key})
		}
	}
	return rows
}

// migrated is what the server says about the tables of a database, in the same form.
const migrated = `SELECT c.table_name, c.ordinal_position, c.column_name, c.data_type, c.is_nullable, coalesce(k.ordinal_position::text, '')
FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
LEFT JOIN (information_schema.key_column_usage k JOIN information_schema.table_constraints pk USING (table_schema, constraint_name))
    ON pk.constraint_type = 'PRIMARY KEY' AND k.table_schema = c.table_schema AND k.table_name = c.table_name AND k.column_name = c.column_name
WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.table_name NOT IN ('head', 'pm_migrations')`

func TestTheMigrationsMakeWhatIsDeclaredAndNothingElse(t *testing.T) {
	url := pgtest.Database(t)
	require.NoError(t, Migrate(t.Context(), url))
	require.ElementsMatch(t, declared(), pgtest.Exec(t, url, migrated))
}

func TestNothingInATableCanRefuseARowOfTheFold(t *testing.T) {
	url := pgtest.Database(t)
	require.NoError(t, Migrate(t.Context(), url))
	require.Empty(t, pgtest.Exec(t, url, `SELECT conrelid::regclass, conname FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype NOT IN ('p', 'n')`), "a foreign key, a check, an exclusion or a second key")
	require.Empty(t, pgtest.Exec(t, url, `SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')`),
		"an enumeration or a domain")
	require.Empty(t, pgtest.Exec(t, url, `SELECT attrelid::regclass, attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND attnum > 0 AND atttypmod <> -1`), "a length or a precision")
	require.Empty(t, pgtest.Exec(t, url, `SELECT indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = 'public'::regnamespace AND indisunique AND NOT indisprimary`), "a second key")
}

// The order of a key decides the order of a copy, and with it the hash of the history.
func TestTextsCompareByTheirBytes(t *testing.T) {
	url := pgtest.Database(t)
	require.NoError(t, Migrate(t.Context(), url))
	require.Empty(t, pgtest.Exec(t, url, `SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'`))
}

// A table of history that grows by a lot each day answers a person's question by an index.
func TestQuestionsAboutOneThingReadNoWholeTable(t *testing.T) {
	url := pgtest.Database(t)
	require.NoError(t, Migrate(t.Context(), url))
	for _, where := range []string{
		"signals WHERE signal_id = 'x'", "refusals WHERE signal_id = 'x'", "fills WHERE order_id = 'x'", "orders_ended WHERE order_id = 'x'",
		"orders WHERE order_id = 'x'", "trades WHERE position_id = 'x'", "trades WHERE instrument = 'x' ORDER BY revision DESC LIMIT 10",
		"signals WHERE instrument = 'x' ORDER BY revision DESC LIMIT 10",
	} {
		plan := ""
		for _, row := range pgtest.Exec(t, url, "SET enable_seqscan = off; EXPLAIN SELECT * FROM "+where) {
			plan += row[0] + "\n"
		}
		require.NotContains(t, plan, "Seq Scan", where)
		require.Contains(t, plan, "Index", where)
	}
}

func TestTheViewsShowEachOrderAndEachLayerOnce(t *testing.T) {
	url := pgtest.Database(t)
	filled(t, open(t, url))
	one := func(sql string) string { return pgtest.Exec(t, url, sql)[0][0] }
	require.Equal(t, "3", one("SELECT count(*) FROM orders_open"))
	require.Equal(t, "3", one("SELECT count(*) FROM orders_ended"))
	require.Equal(t, "6", one("SELECT count(*) FROM orders"))
	pgtest.Exec(t, url, "UPDATE orders_ended SET order_id = 'one'")
	require.Equal(t, "4", one("SELECT count(*) FROM orders"))
	require.Equal(t, one("SELECT max(revision) FROM orders_ended"), one("SELECT ended_revision FROM orders WHERE order_id = 'one'"), "the newest row holds")
	require.Equal(t, one("SELECT (SELECT count(*) FROM layers) + (SELECT count(*) FROM trades)"), one("SELECT count(*) FROM all_positions"))
	require.Equal(t, "3", one("SELECT count(*) FROM open_positions"))
	columns := pgtest.Exec(t, url, "SELECT column_name FROM information_schema.columns WHERE table_name = 'all_positions' ORDER BY ordinal_position")
	names := []string{}
	for _, row := range columns[1:] {
		names = append(names, row[0])
	}
	layers, _ := tables.Named("layers")
	require.Equal(t, strings.Join(layers.Names(), " "), strings.Join(names, " "))
}
