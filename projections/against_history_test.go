package projections_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/projections"
	"pm/projections/snapshottest"
	"pm/projections/tables"
)

// linesOf are the lines of a table in the order of its key.
func linesOf(t testing.TB, s projections.Snapshot, name string) (all []string) {
	t.Helper()
	table, _ := tables.Named(name)
	require.NoError(t, s.Read(t.Context(), func(v projections.SnapshotView) error {
		var text strings.Builder
		if err := v.Copy(table, &text); err != nil {
			return err
		}
		all = strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
		return nil
	}))
	return all
}

// found are the paths of all differences of a start that halts.
func found(t testing.TB, log eventstore.Log, s projections.Snapshot) (paths []string) {
	t.Helper()
	for _, d := range halts(t, log, s, projections.CodeValidationFailed).Report.Divergences {
		paths = append(paths, d.Path)
	}
	return paths
}

func TestEachRowOfHistoryThatIsGoneIsNamedAndNoOther(t *testing.T) {
	log := fullLog(t)
	whole := written(t, log)
	digits, sameRevision := map[int]bool{}, false
	for _, table := range tables.All() {
		if table.Class != tables.History {
			continue
		}
		before := ""
		for _, line := range linesOf(t, whole, table.Name) {
			key := tables.Split(line)[:table.Key]
			digits[len(key[0])], before, sameRevision = true, key[0], sameRevision || before == key[0]
			s := written(t, log)
			s.DropRow(table.Name, tables.Join(key))
			require.Equal(t, []string{table.Name + "[" + strings.Join(key, ",") + "]"}, found(t, log, s))
		}
	}
	require.Greater(t, len(digits), 1, "revisions are ordered by value: 9 comes before 10")
	require.True(t, sameRevision, "two rows of one event are told apart by what else is in their key")
}

func TestARowOfHistoryThatNoEventMadeIsNamedUpToTheRevisionOfTheSnapshot(t *testing.T) {
	log := fullLog(t)
	last := eventsOf(t, log) - 1
	add := func(revision uint64) []string {
		s := written(t, log)
		line := tables.Split(linesOf(t, s, "fills")[0])
		line[0] = strconv.FormatUint(revision, 10)
		s.AddRow("fills", tables.Join(line))
		return found(t, log, s)
	}
	require.Equal(t, []string{"fills[" + strconv.FormatUint(last, 10) + "]"}, add(last))
	require.Equal(t, []string{"fills"}, add(last+1), "a row beyond it may have been written since: the hash differs, and that is said")
}

func TestALogThatCannotBeAppliedWhenTheDifferencesAreListedIsItsOwnHalt(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	s.Set("fills", firstKey(t, s, "fills"), "last_px", "7")
	nobody := &domain.OrderFilled{OrderID: "nobody", LastQty: 1, CumQty: 1, LastPx: domain.D("1"), ExecID: "x"}
	_, err := projections.Recover(t.Context(), &replaced{Log: log, by: openedLog(t, nobody)}, quick(s))
	var h *projections.Halt
	require.ErrorAs(t, err, &h)
	require.Equal(t, projections.CodeDataCorrupt, h.Code)
	require.Equal(t, uint64(2), h.Revision)
}

// replaced is a log in whose place another one stands once it was read.
type replaced struct {
	eventstore.Log
	by   eventstore.Log
	read bool
}

func (r *replaced) now() eventstore.Log {
	if r.read {
		return r.by
	}
	return r.Log
}

func (r *replaced) Head(ctx context.Context) (eventstore.Head, error) { return r.now().Head(ctx) }

func (r *replaced) Read(ctx context.Context, from uint64, each func([]eventstore.Record) error) error {
	defer func() { r.read = true }()
	return r.now().Read(ctx, from, each)
}

func TestBehindTheSnapshotNoRowsOfHistoryAreMade(t *testing.T) {
	log := fullLog(t)
	all := eventsOf(t, log)
	whole := contentAt(t, log, all)
	for _, revision := range []uint64{0, 20, all - 1} {
		at, end := projections.Folding(t, log, &projections.SnapshotHead{Revision: revision})
		require.Equal(t, contentAt(t, log, revision+1), at)
		require.Equal(t, at.History, end.History, "nobody compares what came later")
		require.Equal(t, whole.State["layers"], end.State["layers"], "the state is folded to its end")
	}
	_, end := projections.Folding(t, log, nil)
	for name, sum := range end.History {
		require.Zero(t, sum.Rows, name)
	}
	require.Equal(t, whole.State["layers"], end.State["layers"], "the state is folded to its end")
}

func TestWithoutItsHeadRowASnapshotIsTornWhicheverTableHasRows(t *testing.T) {
	log := fullLog(t)
	for _, only := range tables.All() {
		s := snapshottest.NewMemory()
		h := projections.SnapshotHead{}
		require.NoError(t, s.Write(t.Context(), projections.Change{After: h})) // makes the tables
		s.SetHead(nil)
		warns(t, log, s, projections.SnapshotMissing, projections.CodeSnapshotMissing)
		s.AddRow(only.Name, firstLineOf(t, written(t, log), only))
		require.Contains(t, halts(t, log, s, projections.CodeValidationFailed).Error(), "the head row is gone", only.Name)
	}
}

func firstLineOf(t testing.TB, s projections.Snapshot, table tables.Table) (line string) {
	t.Helper()
	require.NoError(t, s.Read(t.Context(), func(v projections.SnapshotView) error {
		line = firstLine(t, v, table)
		return nil
	}))
	return line
}
