package projections_test

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// patient are options of a recovery that would try again thrice, and of which each try is counted.
func patient(s projections.Snapshot, tries *int) projections.RecoverOptions {
	o := quick(s)
	o.Waits = []time.Duration{time.Nanosecond, time.Nanosecond, time.Nanosecond}
	o.Retrying = func(string, error, time.Duration) { *tries++ }
	return o
}

func TestALogThatSaysSomethingIsNotReadAgain(t *testing.T) {
	unknown := func(r *eventstore.Record) {
		r.Meta = []byte(strings.Replace(string(r.Meta), `"LeaderEpochStarted"`, `"MoonPhaseChanged"`, 1))
		r.Hash = eventstore.HashOf(r.Meta, r.Data)
	}
	for code, spoil := range map[string]func(log *eventstore.Memory){
		projections.CodeDataCorrupt: func(log *eventstore.Memory) {
			log.Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error { r.Data[0] ^= 1; return nil }})
		},
		projections.CodeUnknownEvent: func(log *eventstore.Memory) {
			log.Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error {
				if r.Rev == 1 {
					unknown(r)
				}
				return nil
			}})
		},
		projections.CodeEventstoreUnavailable: func(log *eventstore.Memory) { require.NoError(t, log.Close()) }, // by this process, for good
	} {
		log, tries := openedLog(t), 0
		spoil(log)
		_, err := projections.Recover(t.Context(), log, patient(nil, &tries))
		var h *projections.Halt
		require.ErrorAs(t, err, &h)
		require.Equal(t, code, h.Code)
		require.Zero(t, tries, "%s: what it says will not change, and a start that waits for it is late", code)
	}
}

func TestALogThatCannotBeReachedIsTriedSoOftenAndNotOftener(t *testing.T) {
	log, tries := openedLog(t), 0
	log.Fault(eventstore.Faults{OnRead: func(*eventstore.Record) error { return errBent }})
	_, err := projections.Recover(t.Context(), log, patient(nil, &tries))
	require.ErrorIs(t, err, errBent)
	require.Equal(t, 3, tries)
}

func TestASnapshotThatIsThereAndDamagedIsNotReadAgain(t *testing.T) {
	log, tries := fullLog(t), 0
	s := &bent{Snapshot: written(t, log), head: func(*projections.SnapshotHead, error) (*projections.SnapshotHead, error) { return nil, errBent }}
	_, err := projections.Recover(t.Context(), log, patient(s, &tries))
	require.ErrorContains(t, err, "no such luck")
	require.Zero(t, tries)
}

func TestASnapshotThatGoesAwayAfterItsHeadWasReadIsNotReadAgain(t *testing.T) {
	// The replay has looked at the revision of that head, and passes it once.
	log, tries := fullLog(t), 0
	s := &bent{Snapshot: written(t, log), copy: func(projections.SnapshotView, tables.Table, io.Writer) error {
		return fmt.Errorf("%w: gone", projections.ErrSnapshotUnavailable)
	}}
	r, err := projections.Recover(t.Context(), log, patient(s, &tries))
	require.NoError(t, err)
	require.Equal(t, projections.SnapshotUnavailable, r.Report.Snapshot)
	require.Zero(t, tries)
}

func TestNobodyIsToldOfAnotherTryOfWhatHasEnded(t *testing.T) {
	log, tries := fullLog(t), 0
	ctx, cancel := context.WithCancel(t.Context())
	s := &ending{snapshottest.NewMemory(), cancel}
	_, err := projections.Recover(ctx, log, patient(s, &tries))
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, tries)
}

// ending is a snapshot that cannot be reached, and the start is stopped meanwhile.
type ending struct {
	projections.Snapshot
	end func()
}

func (s *ending) Read(context.Context, func(projections.SnapshotView) error) error {
	s.end()
	return projections.ErrSnapshotUnavailable
}

func TestASnapshotThatWasReadWholeIsComparedHoweverLateItCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := fullLog(t)
		s := &bent{Snapshot: deaf{written(t, log)}}
		s.copy = func(v projections.SnapshotView, table tables.Table, to io.Writer) error {
			if table.Name == "trades" {
				<-time.After(2 * projections.StallTimeout) // virtual
			}
			return v.Copy(table, to)
		}
		r, err := projections.Recover(t.Context(), log, quick(s))
		require.NoError(t, err)
		require.Equal(t, projections.SnapshotAgreed, r.Report.Snapshot)
	})
}

// deaf is a snapshot that does not hear that it was given up.
type deaf struct{ projections.Snapshot }

func (d deaf) Read(ctx context.Context, look func(projections.SnapshotView) error) error {
	return d.Snapshot.Read(context.WithoutCancel(ctx), look)
}

func TestAHaltBeginsWithItsCodeOnce(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	s.DropRow("settings", firstKey(t, s, "settings"))
	differs := halts(t, log, s, projections.CodeValidationFailed).Error()
	require.True(t, strings.HasPrefix(differs, "VALIDATION_FAILED: "), differs)
	log.Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error { r.Data[0] ^= 1; return nil }})
	corrupt := halt(t, log).Error()
	require.True(t, strings.HasPrefix(corrupt, "DATA_CORRUPT: "), corrupt)
	require.Equal(t, 1, strings.Count(corrupt, "DATA_CORRUPT"), corrupt)
	away := (&projections.Halt{Code: "LONGER_THAN_ITS_CAUSE", Err: errors.New("no")}).Error()
	require.Equal(t, "LONGER_THAN_ITS_CAUSE: no", away)
}
