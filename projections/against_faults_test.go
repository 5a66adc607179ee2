package projections_test

import (
	"context"
	"errors"
	"io"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"pm/eventstore"
	"pm/projections"
	"pm/projections/snapshottest"
	"pm/projections/tables"
)

// bent is a snapshot whose view a test bends.
type bent struct {
	projections.Snapshot
	shape func(map[string][]string, error) (map[string][]string, error)
	lines func(projections.SnapshotView, []tables.Table) (map[string][]string, error)
	copy  func(projections.SnapshotView, tables.Table, io.Writer) error
	head  func(*projections.SnapshotHead, error) (*projections.SnapshotHead, error)
}

type bentView struct {
	projections.SnapshotView
	b *bent
}

func (b *bent) Read(ctx context.Context, look func(projections.SnapshotView) error) error {
	return b.Snapshot.Read(ctx, func(v projections.SnapshotView) error { return look(&bentView{v, b}) })
}

func (v *bentView) Head() (*projections.SnapshotHead, error) {
	if v.b.head != nil {
		return v.b.head(v.SnapshotView.Head())
	}
	return v.SnapshotView.Head()
}

func (v *bentView) Shape() (map[string][]string, error) {
	if v.b.shape != nil {
		return v.b.shape(v.SnapshotView.Shape())
	}
	return v.SnapshotView.Shape()
}

func (v *bentView) Lines(of []tables.Table) (map[string][]string, error) {
	if v.b.lines != nil {
		return v.b.lines(v.SnapshotView, of)
	}
	return v.SnapshotView.Lines(of)
}

func (v *bentView) Copy(t tables.Table, to io.Writer) error {
	if v.b.copy != nil {
		return v.b.copy(v.SnapshotView, t, to)
	}
	return v.SnapshotView.Copy(t, to)
}

var errBent = errors.New("no such luck")

func TestASnapshotThatIsThereAndCannotBeReadAsTablesHalts(t *testing.T) {
	log := fullLog(t)
	whole := written(t, log)
	for name, s := range map[string]*bent{
		"the head": {head: func(*projections.SnapshotHead, error) (*projections.SnapshotHead, error) { return nil, errBent }},
		"the shape of what has no head": {
			head:  func(*projections.SnapshotHead, error) (*projections.SnapshotHead, error) { return nil, nil },
			shape: func(map[string][]string, error) (map[string][]string, error) { return nil, errBent },
		},
		"the rows": {lines: func(projections.SnapshotView, []tables.Table) (map[string][]string, error) {
			return nil, errBent
		}},
		"the history": {copy: func(projections.SnapshotView, tables.Table, io.Writer) error { return errBent }},
	} {
		s.Snapshot = whole
		require.Contains(t, halts(t, log, s, projections.CodeValidationFailed).Error(), "no such luck", name)
	}
}

// stuck is a snapshot that is connected and never answers.
type stuck struct{ projections.Snapshot }

func (s *stuck) Read(ctx context.Context, _ func(projections.SnapshotView) error) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestASnapshotThatSaysNothingIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := fullLog(t)
		s := &stuck{snapshottest.NewMemory()}
		began := time.Now()
		o := projections.RecoverOptions{Snapshot: s}
		r, err := projections.Recover(t.Context(), log, o)
		require.NoError(t, err)
		require.Equal(t, projections.SnapshotUnavailable, r.Report.Snapshot)
		require.Equal(t, 4*projections.HeadTimeout+7*time.Second, time.Since(began), "four tries and three waits")
	})
}

func TestARowThatNeverComesIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := fullLog(t)
		s := &bent{Snapshot: written(t, log)}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s.copy = func(v projections.SnapshotView, table tables.Table, to io.Writer) error {
			if table.Name == "trades" {
				<-time.After(projections.StallTimeout + time.Second) // virtual
				return context.Canceled
			}
			return v.Copy(table, to)
		}
		r, err := projections.Recover(ctx, log, quick(s))
		require.NoError(t, err)
		require.Equal(t, projections.SnapshotUnavailable, r.Report.Snapshot)
	})
}

func TestALogThatIsBrokenDoesNotWaitForTheSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := fullLog(t)
		log.Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error {
			if r.Rev == 7 {
				r.Data[len(r.Data)-2] ^= 1
			}
			return nil
		}})
		s := &bent{Snapshot: written(t, fullLog(t))}
		s.lines = func(projections.SnapshotView, []tables.Table) (map[string][]string, error) {
			<-time.After(projections.StallTimeout) // virtual
			return nil, errBent
		}
		_, err := projections.Recover(t.Context(), log, quick(s))
		var h *projections.Halt
		require.ErrorAs(t, err, &h)
		require.Equal(t, projections.CodeDataCorrupt, h.Code)
	})
}

func TestARowThatStandsTwiceIsADifference(t *testing.T) {
	log := fullLog(t)
	s := &bent{Snapshot: written(t, log)}
	s.lines = func(v projections.SnapshotView, of []tables.Table) (map[string][]string, error) {
		all, err := v.Lines(of)
		all["alarms"] = append(all["alarms"], all["alarms"]...)
		return all, err
	}
	h := halts(t, log, s, projections.CodeValidationFailed)
	require.Contains(t, h.Error(), "is in the snapshot and not in the log")
}

func TestTablesThatWereOnlyMadeAreAMissingSnapshot(t *testing.T) {
	log := fullLog(t)
	s := snapshottest.NewMemory()
	empty := &bent{Snapshot: s, shape: func(map[string][]string, error) (map[string][]string, error) {
		return map[string][]string{"layers": {"position_id"}, "fills": {"revision"}}, nil
	}, lines: func(projections.SnapshotView, []tables.Table) (map[string][]string, error) {
		return map[string][]string{}, nil
	},
		copy: func(projections.SnapshotView, tables.Table, io.Writer) error { return nil }}
	warns(t, log, empty, projections.SnapshotMissing, projections.CodeSnapshotMissing)
	empty.copy = func(_ projections.SnapshotView, _ tables.Table, to io.Writer) error {
		_, err := io.WriteString(to, "7\n")
		return err
	}
	h := halts(t, log, empty, projections.CodeValidationFailed)
	require.Contains(t, h.Error(), "the head row is gone")
	empty.copy = func(projections.SnapshotView, tables.Table, io.Writer) error { return errBent }
	_ = halts(t, log, empty, projections.CodeValidationFailed)
}

func TestAHistoryThatDiffersAndCannotBeReadToItsEndHaltsAllTheSame(t *testing.T) {
	log := fullLog(t)
	s := &bent{Snapshot: written(t, log)}
	reads := 0
	s.copy = func(v projections.SnapshotView, table tables.Table, to io.Writer) error {
		if table.Name != "fills" {
			return v.Copy(table, to)
		}
		reads++
		if _, err := io.WriteString(to, "1\tx\n"); err != nil {
			return err
		}
		if reads > 1 {
			return errBent
		}
		return nil
	}
	_, err := projections.Recover(t.Context(), log, quick(s))
	var h *projections.Halt
	require.ErrorAs(t, err, &h)
	require.Equal(t, projections.CodeValidationFailed, h.Code)
	require.ErrorIs(t, h, errBent)
	require.Contains(t, h.Error(), "table fills differs from the log")
}

func TestAHistoryThatIsMendedWhileItIsLookedAtIsADifferenceOfItsHash(t *testing.T) {
	log := fullLog(t)
	s := &bent{Snapshot: written(t, log)}
	reads := 0
	s.copy = func(v projections.SnapshotView, table tables.Table, to io.Writer) error {
		if table.Name == "trades" {
			if reads++; reads == 1 {
				return nil // no rows at the first look
			}
		}
		return v.Copy(table, to)
	}
	h := halts(t, log, s, projections.CodeValidationFailed)
	require.Contains(t, h.Error(), "The hash of table trades differs")
}

func TestARowOfHistoryThatIsGoneChangedOrNewIsNamedWithItsRevision(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	keys := func() (all []string) {
		table, _ := tables.Named("fills")
		require.NoError(t, s.Read(t.Context(), func(v projections.SnapshotView) error {
			var text strings.Builder
			require.NoError(t, v.Copy(table, &text))
			for line := range strings.Lines(text.String()) {
				all = append(all, tables.Split(line)[0])
			}
			return nil
		}))
		return all
	}()
	s.DropRow("fills", keys[1])
	s.Set("fills", keys[2], "last_px", "7")
	s.Set("fills", keys[len(keys)-1], "revision", "99999999")
	paths := map[string]projections.Divergence{}
	for _, d := range halts(t, log, s, projections.CodeValidationFailed).Report.Divergences {
		paths[d.Path] = d
	}
	require.Contains(t, paths["fills["+keys[1]+"]"].Message, "is missing in the snapshot")
	require.Equal(t, "7.00", paths["fills["+keys[2]+"].last_px"].Snapshot)
	require.Contains(t, paths["fills["+keys[len(keys)-1]+"]"].Message, "is missing in the snapshot")
	require.NotContains(t, paths, "head.tables_hash", "which says nothing beside them")
}

func TestAStopBetweenTheReplayAndTheComparisonIsNoHalt(t *testing.T) {
	log := fullLog(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := &bent{Snapshot: written(t, log), copy: func(projections.SnapshotView, tables.Table, io.Writer) error {
		cancel()
		return ctx.Err()
	}}
	_, err := projections.Recover(ctx, log, quick(s))
	require.ErrorIs(t, err, context.Canceled)
	var h *projections.Halt
	require.NotErrorAs(t, err, &h)
}

func TestALogThatBreaksWhileTheDifferencesAreListedIsItsOwnHalt(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	s.Set("fills", firstKey(t, s, "fills"), "last_px", "7")
	reads := 0
	log.Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error {
		if r.Rev == 0 {
			reads++
		}
		if reads > 1 && r.Rev == 5 {
			r.Data[len(r.Data)-2] ^= 1
		}
		return nil
	}})
	_, err := projections.Recover(t.Context(), log, quick(s))
	var h *projections.Halt
	require.ErrorAs(t, err, &h)
	require.Equal(t, projections.CodeDataCorrupt, h.Code)
}

func TestOnlyAStartThatNobodyTradesBesideMakesRoomForGarbage(t *testing.T) {
	log := fullLog(t)
	standard := debug.SetGCPercent(100)
	defer debug.SetGCPercent(standard)
	seen := map[int]bool{}
	log.Fault(eventstore.Faults{OnRead: func(*eventstore.Record) error {
		now := debug.SetGCPercent(100)
		debug.SetGCPercent(now)
		seen[now] = true
		return nil
	}})
	o := quick(nil)
	o.Beside = true
	_, err := projections.Recover(t.Context(), log, o)
	require.NoError(t, err)
	require.Equal(t, map[int]bool{100: true}, seen)
	_, err = projections.Recover(t.Context(), log, quick(nil))
	require.NoError(t, err)
	require.Equal(t, map[int]bool{100: true, 800: true}, seen)
}

func TestWithoutWaitsOfItsOwnARecoveryTakesThoseOfTheSpecification(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	log := fullLog(t)
	log.Fault(eventstore.Faults{OnRead: func(*eventstore.Record) error { return errBent }})
	var first time.Duration
	_, err := projections.Recover(ctx, log, projections.RecoverOptions{Retrying: func(_ string, _ error, wait time.Duration) {
		first = wait
		cancel()
	}})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, projections.RetryWaits[0], first)
}
