package conformance

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/esdb/esdbtest"
	"pm/eventstore/logtest"
	"pm/eventstore/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// column is a kind of log. untried says how many promises cannot be tried with it.
type column struct {
	name    string
	store   logtest.Store
	untried int
}

func TestEveryKindOfLogKeepsEveryPromise(t *testing.T) {
	columns := []column{
		{"memory", memory(), 3}, // no second handle, no restart
		{"SQLite", embedded(), 0},
		{"EventStoreDB", wire(false), 0},
		{"with the copy", wire(true), 0},
	}
	outcomes := make([]map[string]logtest.Outcome, len(columns))
	for i, c := range columns {
		t.Run(c.name, func(t *testing.T) { outcomes[i] = logtest.Run(t, c.store) })
	}
	t.Log("\n" + table(columns, outcomes))
	for i, c := range columns {
		require.Len(t, outcomes[i], len(outcomes[0]), c.name)
		count := map[logtest.Outcome]int{}
		for _, o := range outcomes[i] {
			count[o]++
		}
		require.Zero(t, count[logtest.Broken], "%s breaks promises", c.name)
		require.Equal(t, c.untried, count[logtest.None], "%s: promises that nobody tried", c.name)
	}
}

// table has a row for each promise and a column for each kind of log.
func table(columns []column, outcomes []map[string]logtest.Outcome) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-60s", "promise")
	for _, c := range columns {
		fmt.Fprintf(&b, "%-15s", c.name)
	}
	for _, promise := range slices.Sorted(maps.Keys(outcomes[0])) {
		fmt.Fprintf(&b, "\n%-60s", promise)
		for _, o := range outcomes {
			fmt.Fprintf(&b, "%-15s", o[promise])
		}
	}
	return b.String()
}

func TestALogKeepsItsBytesFromSQLiteThroughAnExportIntoEventStoreDBAndBack(t *testing.T) {
	first, err := sqlite.Open(filepath.Join(t.TempDir(), "log"), logtest.Portfolio, "test")
	require.NoError(t, err)
	require.NoError(t, first.Append(t.Context(), eventstore.Empty(logtest.Portfolio), logtest.NewStream().Next(t, 1500)))
	server := esdbtest.Start(t, esdbtest.Options{})
	remote, err := esdb.Open(t.Context(), server.URL(), logtest.Portfolio, esdb.Options{})
	require.NoError(t, err)
	last := eventstore.NewMemory(logtest.Portfolio)
	var texts [3]bytes.Buffer
	want, err := eventstore.Export(t.Context(), first, &texts[0])
	require.NoError(t, err)
	for i, target := range []eventstore.Log{remote, last} {
		head, err := eventstore.Import(t.Context(), bytes.NewReader(texts[i].Bytes()), func(domain.PortfolioID) (eventstore.Log, error) { return target, nil })
		require.NoError(t, err)
		require.Equal(t, want, head)
		_, err = eventstore.Export(t.Context(), target, &texts[i+1])
		require.NoError(t, err)
		require.True(t, bytes.Equal(texts[0].Bytes(), texts[i+1].Bytes()), "the exports are the same bytes")
	}
	for _, log := range []eventstore.Log{first, remote, last} {
		require.NoError(t, log.Close())
	}
}
