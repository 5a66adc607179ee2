package projections_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/projections"
	"pm/projections/snapshottest"
)

// beyond is how many events of a deep log stand before those at which a fold waits for the snapshot.
const beyond = 20

// deepLog is a log that is folded for a while before its end is near. Every other event makes a row of history.
func deepLog(t *testing.T) *eventstore.Memory {
	t.Helper()
	var further []domain.Event
	for i := range projections.HeadBefore + beyond - 2 {
		if further = append(further, deposit("1")); i%2 == 0 {
			further[i] = &domain.SignalReceived{
				SignalID: domain.SignalID(fmt.Sprint("s", i)), Outcome: domain.OutcomeRejected, Content: "c", Raw: "{}",
				Signal: domain.Signal{Type: domain.MarketData, Instrument: "GOLD_MINI"},
			}
		}
	}
	log := openedLog(t, further...)
	require.Equal(t, uint64(projections.HeadBefore+beyond), eventsOf(t, log))
	return log
}

// folds counts how often a log is read from its beginning.
func folds(log *eventstore.Memory) *int {
	n := new(int)
	log.Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error {
		if r.Rev == 0 {
			*n++
		}
		return nil
	}})
	return n
}

// late is a snapshot whose head comes when the fold can do nothing more without it: time passes only then.
func late(s projections.Snapshot) *bent {
	return &bent{Snapshot: s, head: func(h *projections.SnapshotHead, err error) (*projections.SnapshotHead, error) {
		<-time.After(time.Second) // virtual
		return h, err
	}}
}

func TestASnapshotIsComparedAtItsRevisionWhereverTheFoldIsWhenItsHeadComes(t *testing.T) {
	for revision, want := range map[uint64]int{
		0:                               2,
		beyond - 1:                      2, // passed by one
		beyond:                          1, // the next event is that of the snapshot
		beyond + 1:                      1,
		projections.HeadBefore:          1,
		projections.HeadBefore + 18:     1,
		projections.HeadBefore + 20 - 1: 1, // the last
	} {
		synctest.Test(t, func(t *testing.T) {
			log := deepLog(t)
			s := written(t, cut(t, log, revision+1))
			n := folds(log)
			for _, snapshot := range []projections.Snapshot{late(s), s} {
				*n = 0
				r, err := projections.Recover(t.Context(), log, quick(snapshot))
				require.NoError(t, err)
				require.Equal(t, projections.SnapshotAgreed, r.Report.Snapshot)
				require.Equal(t, revision, r.Report.Compared.Revision)
				require.Equal(t, eventsOf(t, log), r.State.Events)
				if snapshot != s {
					require.Equal(t, want, *n, "folds for a snapshot at revision %d", revision)
				}
			}
		})
	}
}

func TestADifferenceIsFoundInASnapshotThatTheFoldHasPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := deepLog(t)
		s := written(t, cut(t, log, beyond/2))
		s.Set("portfolio_state", "main", "total_risk_amount", "1")
		require.Contains(t, halts(t, log, late(s), projections.CodeValidationFailed).Error(), "Risk amount mismatch")
	})
}

func TestASnapshotThatIsNewerThanTheLogIsFoundHoweverLateItsHeadComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := deepLog(t)
		events := eventsOf(t, log)
		s := written(t, log)
		for _, n := range []uint64{0, 1, events - 1} {
			h := halts(t, cut(t, log, n), late(s), projections.CodeDataCorrupt)
			require.Equal(t, events-1, h.Revision)
		}
	})
}

func TestALogIsFoldedOnceWhereNothingIsCompared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := deepLog(t)
		n := folds(log)
		_, err := projections.Recover(t.Context(), log, quick(nil))
		require.NoError(t, err)
		warns(t, log, late(snapshottest.NewMemory()), projections.SnapshotMissing, projections.CodeSnapshotMissing)
		down := snapshottest.NewMemory()
		down.SetUnavailable(true)
		warns(t, log, late(down), projections.SnapshotUnavailable, projections.CodeDBUnavailable)
		began := time.Now()
		o := quick(&stuck{down})
		r, err := projections.Recover(t.Context(), log, o)
		require.NoError(t, err)
		require.Equal(t, projections.SnapshotUnavailable, r.Report.Snapshot)
		require.Equal(t, projections.HeadTimeout, time.Since(began))
		require.Equal(t, 4, *n)
	})
}

// A log that fails once after the snapshot was passed is folded again, and the snapshot compared as ever.
func TestALogThatFailsIsTriedAgainBesideASnapshotThatIsPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := deepLog(t)
		s := late(written(t, cut(t, log, 3)))
		n, broken := 0, errors.New("no such luck")
		log.Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error {
			if r.Rev == 0 {
				n++
			}
			if n == 2 && r.Rev == 2 { // in the second fold, which knows the revision
				return broken
			}
			return nil
		}})
		o := quick(s)
		o.Waits = []time.Duration{time.Second}
		var told []string
		o.Retrying = func(what string, err error, _ time.Duration) {
			require.ErrorIs(t, err, broken)
			told = append(told, what)
		}
		r, err := projections.Recover(t.Context(), log, o)
		require.NoError(t, err)
		require.Equal(t, []string{"the log"}, told)
		require.Equal(t, projections.SnapshotAgreed, r.Report.Snapshot)
		require.Equal(t, uint64(2), r.Report.Compared.Revision)
		require.Equal(t, 3, n)
	})
}

// headless is a log whose head cannot be read the first time.
type headless struct {
	*eventstore.Memory
	asked int
}

func (l *headless) Head(ctx context.Context) (eventstore.Head, error) {
	if l.asked++; l.asked == 1 {
		return eventstore.Head{}, errBent
	}
	return l.Memory.Head(ctx)
}

func TestALogWhoseHeadCannotBeReadIsTriedAgain(t *testing.T) {
	log := &headless{Memory: fullLog(t)}
	o, told := quick(nil), 0
	o.Waits = []time.Duration{0}
	o.Retrying = func(_ string, err error, _ time.Duration) {
		require.ErrorIs(t, err, errBent)
		told++
	}
	_, err := projections.Recover(t.Context(), log, o)
	require.NoError(t, err)
	require.Equal(t, 1, told)
}

// Rows of history cost more than the state, and beyond the snapshot nobody asks for them.
func TestNoRowsAreMadeBeyondTheSnapshotOrWithoutOne(t *testing.T) {
	log := fullLog(t)
	events := eventsOf(t, log) / 2
	var want uint64
	for _, sum := range contentAt(t, log, events).History {
		want += sum.Rows
	}
	require.Positive(t, want)
	rows, err := projections.RowsMade(t.Context(), log, quick(written(t, cut(t, log, events))))
	require.NoError(t, err)
	require.Equal(t, want, rows)
	rows, err = projections.RowsMade(t.Context(), log, quick(snapshottest.NewMemory()))
	require.NoError(t, err)
	require.Zero(t, rows)
}
