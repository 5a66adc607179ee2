package projections_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/projections"
	"pm/projections/snapshottest"
	"pm/projections/tables"
)

func TestColumnsThatOnlyOneVersionHasAreNamedAndTheOthersCompared(t *testing.T) {
	log := fullLog(t)
	inner := written(t, log)
	inner.Set("layers", "BANK_NIFTY-3-Long_1", "stop", "7")
	cut := func(name string, columns []string) []string {
		if name != "layers" {
			return columns
		}
		return slices.DeleteFunc(slices.Clone(columns), func(c string) bool { return c == "kept" })
	}
	s := &bent{Snapshot: inner}
	s.shape = func(shape map[string][]string, err error) (map[string][]string, error) {
		shape["layers"] = append(cut("layers", shape["layers"]), "colour")
		shape["moons"] = []string{"phase"}
		return shape, err
	}
	s.lines = func(v projections.SnapshotView, of []tables.Table) (map[string][]string, error) {
		all, err := v.Lines(slices.DeleteFunc(tables.All(), func(t tables.Table) bool { return t.Class != tables.State }))
		out := map[string][]string{}
		for _, table := range of {
			full, _ := tables.Named(table.Name)
			for _, line := range all[table.Name] {
				var row []string
				for i, c := range tables.Split(line) {
					if slices.Contains(table.Names(), full.Columns[i].Name) {
						row = append(row, c)
					}
				}
				out[table.Name] = append(out[table.Name], tables.Join(row))
			}
			slices.Sort(out[table.Name])
		}
		return out, err
	}
	out, err := projections.Rebuild(t.Context(), log, s, projections.RebuildOptions{DryRun: true})
	require.NoError(t, err)
	require.Equal(t, []string{"-layers.colour", "+layers.kept"}, out.Diff.Columns)
	require.Equal(t, []string{"moons"}, out.Diff.Dropped)
	require.Equal(t, 1, out.Diff.Count)
	require.Equal(t, "layers[BANK_NIFTY-3-Long_1].stop", out.Diff.List[0].Path)
}

func TestWhatWasWrittenIsReadBackBeforeTheSwitch(t *testing.T) {
	log := fullLog(t)
	inner := snapshottest.NewMemory()
	_, err := projections.Rebuild(t.Context(), log, &lossy{Snapshot: inner}, projections.RebuildOptions{})
	require.ErrorContains(t, err, "did not hold what was written and was dropped")
	out, err := projections.Rebuild(t.Context(), log, inner, projections.RebuildOptions{})
	require.NoError(t, err)
	require.Zero(t, out.Resumed, "nothing of it is used again")
}

// lossy is a snapshot whose next version forgets a table that is written to it.
type lossy struct{ projections.Snapshot }

func (l *lossy) Next(ctx context.Context) (projections.Snapshot, error) {
	next, err := l.Snapshot.Next(ctx)
	return &forgetful{next}, err
}

type forgetful struct{ projections.Snapshot }

func (f *forgetful) Write(ctx context.Context, c projections.Change) error {
	delete(c.State, "alarms")
	return f.Snapshot.Write(ctx, c)
}

func TestAFoldThatFailsEndsTheRebuild(t *testing.T) {
	log := fullLog(t)
	head := headOf(t, log)
	sealer := eventstore.NewSealer(head, fullState(t, log).At, author)
	rec, _, err := sealer.Seal(eventstore.Draft{At: fullState(t, log).At, Event: &domain.OrderFilled{OrderID: "nobody", LastQty: 1, CumQty: 1, LastPx: domain.D("1"), ExecID: "x"}})
	require.NoError(t, err)
	require.NoError(t, log.Append(t.Context(), head, []eventstore.Record{rec}))
	_, err = projections.Rebuild(t.Context(), log, snapshottest.NewMemory(), projections.RebuildOptions{})
	var corrupt *eventstore.Corrupt
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, head.Next, corrupt.Rev)
}

func fullState(t testing.TB, log eventstore.Log) *domain.State {
	t.Helper()
	state := domain.NewState()
	_, err := eventstore.Replay(t.Context(), log, 0, func(r domain.Recorded, _ eventstore.Hash) error { return state.Apply(r) })
	require.NoError(t, err)
	return state
}
