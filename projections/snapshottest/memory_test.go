package snapshottest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/projections"
	"pm/projections/tables"
)

func TestMemoryKeepsEveryPromiseThatNeedsNoSQL(t *testing.T) {
	Run(t, func(*testing.T) Place {
		m := NewMemory()
		return Place{Open: func(t *testing.T) projections.Snapshot {
			s := m.Session()
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			return s
		}}
	})
}

func TestMemoryIsUnavailableUntilThatIsTakenBack(t *testing.T) {
	m := NewMemory()
	Filled(t, m, Head(1), Sample(2))
	m.SetUnavailable(true)
	err := m.Read(t.Context(), func(projections.SnapshotView) error { return nil })
	require.ErrorIs(t, err, projections.ErrSnapshotUnavailable)
	require.ErrorIs(t, err, ErrInjected)
	before := Head(1)
	require.ErrorIs(t, m.Write(t.Context(), projections.Change{Before: &before, After: Head(2)}), projections.ErrSnapshotUnavailable)
	_, err = m.Next(t.Context())
	require.ErrorIs(t, err, projections.ErrSnapshotUnavailable)
	m.SetUnavailable(false)
	require.Equal(t, wanted(Head(1), Sample(2)), look(t, m))
}

func TestTheWriteThatIsToFailIsMadeOrNotAsTheTestSaid(t *testing.T) {
	m := NewMemory()
	m.FailWrite(2, false)
	m.FailWrite(3, true)
	Filled(t, m, Head(1), Sample(2))
	one, two, three := Head(1), Head(2), Head(3)
	unmade := m.Write(t.Context(), projections.Change{Before: &one, After: two})
	require.ErrorIs(t, unmade, projections.ErrSnapshotUnavailable)
	require.Equal(t, &one, headOf(t, m))
	lost := m.Write(t.Context(), projections.Change{Before: &one, After: two})
	require.ErrorIs(t, lost, projections.ErrSnapshotUnavailable)
	require.Equal(t, &two, headOf(t, m), "only the answer was lost")
	must(t, m, projections.Change{Before: &two, After: three})
	require.Equal(t, 4, m.Writes())
}

func TestAHookRunsBeforeTheViewIsTaken(t *testing.T) {
	m := NewMemory()
	m.OnRead(func() {
		m.OnRead(nil)
		Filled(t, m, Head(1), Sample(2))
	})
	require.Equal(t, wanted(Head(1), Sample(2)), look(t, m))
}

func TestMemoryIsChangedByHand(t *testing.T) {
	m, rows := NewMemory(), Sample(2)
	Filled(t, m, Head(1), rows)
	table, _ := tables.Named("alarms")
	key := keyOf(table, rows["alarms"][0])
	m.Set("alarms", key, "revision", "77")
	require.Equal(t, "77", tables.Split(look(t, m).State["alarms"][0])[3])
	m.Set("alarms", key, "code", "another")
	require.Contains(t, strings.Join(look(t, m).State["alarms"], "\n"), "another\t")
	m.AddRow("alarms", "by\thand\t2026-01-05 09:15:00+00\t7")
	require.Len(t, look(t, m).State["alarms"], 3)
	m.DropRow("alarms", "by\thand")
	require.Len(t, look(t, m).State["alarms"], 2)
	require.Panics(t, func() { m.DropRow("alarms", "by\thand") }, "a test that changes nothing must not pass")
	require.Panics(t, func() { m.Set("alarms", key, "code", "x") })
	require.Panics(t, func() { m.Set("alarms", "another\t"+tables.Split(key)[1], "nothing", "x") })
	m.SetHead(nil)
	require.Nil(t, headOf(t, m))
	m.DropTable("trades")
	trades, _ := tables.Named("trades")
	damaged(t, m, trades, "")
}

func TestThereIsATamperForEachColumnOfEachTable(t *testing.T) {
	n := map[string]int{}
	for _, x := range Tampers() {
		n[x.Table]++
	}
	want := map[string]int{HeadTable: 6}
	for _, table := range tables.All() {
		want[table.Name] = len(table.Columns)
	}
	require.Equal(t, want, n)
}

func TestTheNastyRowsHoldEveryNastyValue(t *testing.T) {
	seen := map[string]bool{}
	for _, lines := range Nasty() {
		keys := map[string]bool{}
		for _, line := range lines {
			for _, column := range tables.Split(line) {
				seen[column] = true
			}
			require.False(t, keys[line])
			keys[line] = true
		}
	}
	used := map[tables.Kind]bool{}
	for _, table := range tables.All() {
		for _, c := range table.Columns {
			used[c.Kind] = true
		}
	}
	for kind := range used {
		for _, value := range nasty[kind] {
			require.True(t, seen[value], "%q", value)
		}
	}
	require.True(t, seen[tables.Null])
}
