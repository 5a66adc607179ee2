package projections_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/eventstore"
	"pm/projections"
	"pm/projections/snapshottest"
	"pm/projections/tables"
)

// agreed is the head of a snapshot that must agree with the log.
func agreed(t testing.TB, log eventstore.Log, s projections.Snapshot) projections.SnapshotHead {
	t.Helper()
	r, err := projections.Recover(t.Context(), log, quick(s))
	require.NoError(t, err)
	require.Equal(t, projections.SnapshotAgreed, r.Report.Snapshot)
	return *r.Agreed
}

func TestARebuildMendsWhatWasTamperedWithAndSaysWhatChanges(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	s.Set("portfolio_state", "main", "total_risk_amount", "999999.99")
	fill := firstKey(t, s, "fills")
	s.Set("fills", fill, "last_px", "1")
	s.DropRow("settings", "broker.name")
	var seen *projections.RebuildDiff
	out, err := projections.Rebuild(t.Context(), log, s, projections.RebuildOptions{Differences: func(d *projections.RebuildDiff) error {
		seen = d
		return nil
	}})
	require.NoError(t, err)
	require.True(t, out.Switched)
	paths := map[string]projections.Divergence{}
	for _, d := range seen.List {
		paths[d.Path] = d
	}
	require.Equal(t, "999999.99", paths["portfolio_state.total_risk_amount"].Snapshot)
	require.Equal(t, "1.00", paths["fills["+fill+"].last_px"].Snapshot)
	require.Contains(t, paths, "settings[broker.name]")
	require.Equal(t, 3, seen.Count)
	require.Empty(t, seen.Added)
	require.Empty(t, seen.Dropped)
	require.Empty(t, seen.Columns)
	require.Positive(t, seen.Rows)
	agreed(t, log, s)
}

func firstKey(t testing.TB, s projections.Snapshot, name string) (key string) {
	t.Helper()
	table, _ := tables.Named(name)
	require.NoError(t, s.Read(t.Context(), func(v projections.SnapshotView) error {
		key = tables.Join(tables.Split(firstLine(t, v, table))[:table.Key])
		return nil
	}))
	return key
}

func TestADryRunChangesNothing(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	s.Set("portfolio_state", "main", "total_risk_amount", "999999.99")
	out, err := projections.Rebuild(t.Context(), log, s, projections.RebuildOptions{DryRun: true})
	require.NoError(t, err)
	require.False(t, out.Switched)
	require.Equal(t, 1, out.Diff.Count)
	_ = halts(t, log, s, projections.CodeValidationFailed)
	again, err := projections.Rebuild(t.Context(), log, s, projections.RebuildOptions{DryRun: true})
	require.NoError(t, err)
	require.Zero(t, again.Resumed, "nothing is left of a dry run")
}

func TestAPersonMayStopARebuildAtTheDifferencesAndGoOnLater(t *testing.T) {
	log := fullLog(t)
	s := written(t, cut(t, log, 10))
	no := errors.New("no")
	_, err := projections.Rebuild(t.Context(), log, s, projections.RebuildOptions{Differences: func(*projections.RebuildDiff) error { return no }})
	require.ErrorIs(t, err, no)
	require.Equal(t, uint64(9), agreed(t, log, s).Revision, "the old version is as it was")
	out, err := projections.Rebuild(t.Context(), log, s, projections.RebuildOptions{})
	require.NoError(t, err)
	require.Equal(t, eventsOf(t, log), out.Resumed)
	require.Equal(t, eventsOf(t, log)-1, agreed(t, log, s).Revision)
}

func TestAnInterruptedRebuildGoesOnWithWhatItBuilt(t *testing.T) {
	log := fullLog(t)
	s := written(t, cut(t, log, 10))
	ctx, cancel := context.WithCancel(t.Context())
	_, err := projections.Rebuild(ctx, log, s, projections.RebuildOptions{Differences: func(*projections.RebuildDiff) error {
		cancel() // as a kill does: before the switch
		return ctx.Err()
	}})
	require.ErrorIs(t, err, context.Canceled)
	more(t, log, deposit("1"), deposit("2"))
	out, err := projections.Rebuild(t.Context(), log, s, projections.RebuildOptions{})
	require.NoError(t, err)
	require.Equal(t, eventsOf(t, log)-2, out.Resumed)
	agreed(t, log, s)
}

func TestWhatAnotherLogHadBuiltIsNotSwitchedTo(t *testing.T) {
	log, other := fullLog(t), fullLog(t, deposit("1"))
	s := snapshottest.NewMemory()
	no := errors.New("no")
	_, err := projections.Rebuild(t.Context(), other, s, projections.RebuildOptions{Differences: func(*projections.RebuildDiff) error { return no }})
	require.ErrorIs(t, err, no)
	more(t, log, deposit("2"), deposit("3"))
	_, err = projections.Rebuild(t.Context(), log, s, projections.RebuildOptions{})
	require.ErrorContains(t, err, "of another log and was dropped")
	_, err = projections.Rebuild(t.Context(), log, s, projections.RebuildOptions{})
	require.NoError(t, err)
	agreed(t, log, s)
}

func TestWhatWasBuiltBeyondTheLogIsBuiltAnew(t *testing.T) {
	log := fullLog(t)
	s := snapshottest.NewMemory()
	no := errors.New("no")
	_, err := projections.Rebuild(t.Context(), log, s, projections.RebuildOptions{Differences: func(*projections.RebuildDiff) error { return no }})
	require.ErrorIs(t, err, no)
	shorter := cut(t, log, 12)
	out, err := projections.Rebuild(t.Context(), shorter, s, projections.RebuildOptions{})
	require.NoError(t, err)
	require.Zero(t, out.Resumed)
	require.Equal(t, uint64(11), agreed(t, shorter, s).Revision)
}

func TestARebuildDoesNotReplaceWhatTheLogDoesNotKnowUnlessAPersonSaysSo(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	older := cut(t, log, 15)
	_, err := projections.Rebuild(t.Context(), older, s, projections.RebuildOptions{})
	require.ErrorIs(t, err, projections.ErrOlderLog)
	agreed(t, log, s)
	out, err := projections.Rebuild(t.Context(), older, s, projections.RebuildOptions{AcceptOlderLog: true})
	require.NoError(t, err)
	require.True(t, out.Switched)
	require.Equal(t, uint64(14), agreed(t, older, s).Revision)
}

func TestARebuildLeavesTheSnapshotOfANewerBuildAlone(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	newer := agreed(t, log, s)
	newer.FoldVersion++
	s.SetHead(&newer)
	_, err := projections.Rebuild(t.Context(), log, s, projections.RebuildOptions{})
	require.ErrorIs(t, err, projections.ErrNewerSnapshot)
}

func TestAPartIsRebuiltAtTheRevisionOfTheRest(t *testing.T) {
	log := fullLog(t)
	s := written(t, cut(t, log, 40))
	s.Set("portfolio_state", "main", "total_risk_amount", "999999.99")
	out, err := projections.Rebuild(t.Context(), log, s, projections.RebuildOptions{Only: []string{"portfolio_state"}})
	require.NoError(t, err)
	require.True(t, out.Switched)
	require.Equal(t, uint64(39), agreed(t, log, s).Revision)
	_, err = projections.Rebuild(t.Context(), log, s, projections.RebuildOptions{Only: []string{"portfolio_states"}})
	require.ErrorContains(t, err, "there is no table portfolio_states")
	_, err = projections.Rebuild(t.Context(), log, snapshottest.NewMemory(), projections.RebuildOptions{Only: []string{"fills"}})
	require.ErrorContains(t, err, "rebuild all of it")
}

func TestASwitchCatchesUpWithAFollowerThatGoesOnWriting(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	head := agreed(t, log, s)
	f := follow(t, log, s.Session(), &head)
	out, err := projections.Rebuild(t.Context(), log, s, projections.RebuildOptions{Differences: func(*projections.RebuildDiff) error {
		more(t, log, deposit("1"), deposit("2"))
		f.untilWritten(log) // the old version is now ahead of what was built
		return nil
	}})
	require.NoError(t, err)
	require.True(t, out.Switched)
	require.Equal(t, eventsOf(t, log)-1, out.Diff.To.Revision)
	more(t, log, deposit("3"))
	f.untilWritten(log)
	agreed(t, log, s)
}

func TestATableThatIsGoneOrNewIsNamedBeforeTheSwitch(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	s.DropTable("fills")
	out, err := projections.Rebuild(t.Context(), log, s, projections.RebuildOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{"fills"}, out.Diff.Added)
	require.Zero(t, out.Diff.Count)
	agreed(t, log, s)
}

func TestAnEmptyLogHasNothingToRebuild(t *testing.T) {
	_, err := projections.Rebuild(t.Context(), eventstore.NewMemory("main"), snapshottest.NewMemory(), projections.RebuildOptions{})
	require.ErrorContains(t, err, "the log is empty")
}

func TestARebuildSaysHowFarItIs(t *testing.T) {
	var done, total uint64
	log := fullLog(t)
	_, err := projections.Rebuild(t.Context(), log, snapshottest.NewMemory(), projections.RebuildOptions{Progress: func(d, of uint64) { done, total = d, of }})
	require.NoError(t, err)
	require.Equal(t, eventsOf(t, log), total)
	require.Equal(t, total, done)
}

func TestWhatCannotBeReachedEndsTheRebuildAndLeavesTheOldVersion(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	s.SetUnavailable(true)
	_, err := projections.Rebuild(t.Context(), log, s, projections.RebuildOptions{})
	require.ErrorIs(t, err, projections.ErrSnapshotUnavailable)
	s.SetUnavailable(false)
	s.FailWrite(1, false)
	_, err = projections.Rebuild(t.Context(), log, s, projections.RebuildOptions{})
	require.ErrorIs(t, err, projections.ErrSnapshotUnavailable)
	agreed(t, log, s)
}
