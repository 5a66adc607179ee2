package projections_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/projections"
)

// testSettings are the defaults with one instrument: reading the whole table takes longer than what is tested here.
func testSettings(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../domain/testdata/settings.txt")
	require.NoError(t, err)
	settings := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if !strings.HasPrefix(key, "instruments.") || strings.HasPrefix(key, "instruments.GOLD_MINI.") {
			settings[key] = value
		}
	}
	return settings
}

// openedLog is a log with its first two events and some capital moved.
func openedLog(t *testing.T, further ...domain.Event) *eventstore.Memory {
	t.Helper()
	log := eventstore.NewMemory("main")
	opened := &domain.PortfolioOpened{ID: "main", Currency: "INR", InitialCapital: domain.D("5000000"), Settings: testSettings(t)}
	events := append([]domain.Event{opened, &domain.LeaderEpochStarted{Epoch: 1, Instance: "a"}}, further...)
	head := eventstore.Empty("main")
	sealer := eventstore.NewSealer(head, time.Time{}, eventstore.Author{Portfolio: "main", Instance: "a", Build: "b7", Epoch: 1})
	var records []eventstore.Record
	for _, e := range events {
		record, _, err := sealer.Seal(eventstore.Draft{Event: e, At: time.Date(2026, 1, 5, 4, 0, 0, 0, time.UTC)})
		require.NoError(t, err)
		records = append(records, record)
	}
	require.NoError(t, log.Append(t.Context(), head, records))
	return log
}

func deposit(amount string) domain.Event {
	return &domain.CapitalDeposited{Amount: domain.D(amount), By: "trader"}
}

// halt is what recovering this log ends with.
func halt(t *testing.T, log eventstore.Log) *projections.Halt {
	t.Helper()
	got, err := projections.Recover(t.Context(), log, projections.RecoverOptions{Waits: []time.Duration{}})
	require.Nil(t, got, "a state that is not whole must not be handed out")
	var h *projections.Halt
	require.ErrorAs(t, err, &h)
	require.NotEmpty(t, h.Hint)
	return h
}

func TestRecoveryFoldsTheLogAndReportsWhatItRead(t *testing.T) {
	log := openedLog(t, deposit("1000"), deposit("500"))
	head, err := log.Head(t.Context())
	require.NoError(t, err)
	r, err := projections.Recover(t.Context(), log, projections.RecoverOptions{Waits: []time.Duration{}})
	require.NoError(t, err)
	require.Equal(t, "5001500", r.State.Capital.Closed().String())
	require.Equal(t, head, r.Head)
	require.Equal(t, uint64(4), r.Report.Events)
	require.Equal(t, uint64(3), r.Report.HeadRevision)
	require.Equal(t, head.Hash.String(), r.Report.HeadHash)
	require.Equal(t, r.State.Digest(), r.Report.StateDigest)
	require.Equal(t, "none", r.Report.Snapshot)
	require.Equal(t, domain.PortfolioID("main"), r.Report.Portfolio)
	require.Positive(t, r.Report.EventsPerSecond)
	require.False(t, r.Report.Finished.Before(r.Report.Started))
	after, err := log.Head(t.Context())
	require.NoError(t, err)
	require.Equal(t, head, after, "a recovery writes nothing")
}

func TestTwoRecoveriesOfALogAgree(t *testing.T) {
	log := openedLog(t, deposit("1000"))
	first, err := projections.Recover(t.Context(), log, projections.RecoverOptions{Waits: []time.Duration{}})
	require.NoError(t, err)
	second, err := projections.Recover(t.Context(), log, projections.RecoverOptions{Waits: []time.Duration{}})
	require.NoError(t, err)
	require.Equal(t, projections.StateDocument(first.State), projections.StateDocument(second.State))
}

func TestAnEmptyLogRecoversToNothing(t *testing.T) {
	r, err := projections.Recover(t.Context(), eventstore.NewMemory("main"), projections.RecoverOptions{Waits: []time.Duration{}})
	require.NoError(t, err)
	require.Equal(t, eventstore.Empty("main"), r.Head)
	require.Zero(t, r.State.Events)
	require.Empty(t, r.Report.HeadHash)
}

func TestTheReportIsAFileOfItsFields(t *testing.T) {
	r, err := projections.Recover(t.Context(), openedLog(t), projections.RecoverOptions{Waits: []time.Duration{}})
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(r.Report.JSON(), &fields))
	for _, key := range []string{
		"portfolio", "instance", "build", "started", "finished", "seconds", "events", "events_per_second", "head_revision", "head_hash",
		"state_digest", "snapshot", "findings",
	} {
		require.Contains(t, fields, key)
	}
	require.Equal(t, []any{}, fields["findings"], "a list without entries is a list")
}

func TestEveryFlippedBitOfALogHaltsTheStartWithItsRevision(t *testing.T) {
	log := openedLog(t, deposit("1000"), deposit("500"))
	const at = 2
	var size int
	require.NoError(t, log.Read(t.Context(), at, func(recs []eventstore.Record) error {
		size = recs[0].Size()
		return nil
	}))
	for bit := range size * 8 {
		log.Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error {
			if r.Rev == at {
				place, in := bit/8, r.Meta
				if place >= len(r.Meta) {
					place, in = place-len(r.Meta), r.Data
				}
				in[place] ^= 1 << (bit % 8)
			}
			return nil
		}})
		h := halt(t, log)
		require.Equal(t, projections.CodeDataCorrupt, h.Code)
		require.Equal(t, uint64(at), h.Revision)
		require.Contains(t, h.Hint, "pmctl log info --data DIR")
		require.True(t, strings.HasPrefix(h.Error(), "DATA_CORRUPT: revision 2"), h.Error())
	}
}

func TestAnEventThatCannotBeAppliedIsCorruptionWithItsRevision(t *testing.T) {
	filled := &domain.OrderFilled{OrderID: "nobody", LastQty: 1, CumQty: 1, LastPx: domain.D("1"), ExecID: "x"}
	h := halt(t, openedLog(t, deposit("1"), filled))
	require.Equal(t, projections.CodeDataCorrupt, h.Code)
	require.Equal(t, uint64(3), h.Revision)
	require.Contains(t, h.Error(), "OrderFilled cannot be applied")
}

func TestAnEventOfANewerBuildHaltsAndNamesTheBuildThatIsNeeded(t *testing.T) {
	// A sound record that only another build knows: as that build would have written it.
	log := openedLog(t)
	log.Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error {
		if r.Rev == 1 {
			r.Meta = []byte(strings.Replace(string(r.Meta), `"LeaderEpochStarted"`, `"MoonPhaseChanged"`, 1))
			r.Hash = eventstore.HashOf(r.Meta, r.Data)
		}
		return nil
	}})
	h := halt(t, log)
	require.Equal(t, projections.CodeUnknownEvent, h.Code)
	require.Equal(t, uint64(1), h.Revision)
	require.Contains(t, h.Hint, "build b7 or a later one")
	require.Contains(t, h.Error(), "MoonPhaseChanged")
}

func TestALogThatCannotBeReadIsUnavailable(t *testing.T) {
	broken := errors.New("input/output error")
	log := openedLog(t)
	log.Fault(eventstore.Faults{OnRead: func(*eventstore.Record) error { return broken }})
	h := halt(t, log)
	require.Equal(t, projections.CodeEventstoreUnavailable, h.Code)
	require.ErrorIs(t, h, broken)
	require.NoError(t, log.Close())
	require.Equal(t, projections.CodeEventstoreUnavailable, halt(t, log).Code)
}

func TestAStopDuringRecoveryIsNoHalt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := projections.Recover(ctx, openedLog(t), projections.RecoverOptions{Waits: []time.Duration{}})
	require.ErrorIs(t, err, context.Canceled)
	var h *projections.Halt
	require.NotErrorAs(t, err, &h)
}

func TestRecoveryLeavesTheGarbageCollectorAsItWas(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(77))
	_, err := projections.Recover(t.Context(), openedLog(t), projections.RecoverOptions{Waits: []time.Duration{}})
	require.NoError(t, err)
	require.Equal(t, 77, debug.SetGCPercent(77))
}
