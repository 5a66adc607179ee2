package projections_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/projections"
)

// startOf recovers a log as a start of instance "b" does.
func startOf(t *testing.T, log eventstore.Log) *projections.Recovery {
	t.Helper()
	r, err := projections.Recover(t.Context(), log, projections.RecoverOptions{Waits: []time.Duration{}, Instance: "b"})
	require.NoError(t, err)
	return r
}

// arrive appends events of an instance in an epoch, as a process that was killed has sent them.
func arrive(t *testing.T, log *eventstore.Memory, instance string, epoch uint64, events ...domain.Event) {
	t.Helper()
	head, err := log.Head(t.Context())
	require.NoError(t, err)
	sealer := eventstore.NewSealer(head, time.Time{}, eventstore.Author{Portfolio: "main", Instance: instance, Build: "b7", Epoch: epoch})
	var records []eventstore.Record
	for _, e := range events {
		record, _, err := sealer.Seal(eventstore.Draft{Event: e, At: time.Date(2026, 1, 5, 4, 0, 1, 0, time.UTC)})
		require.NoError(t, err)
		records = append(records, record)
	}
	require.NoError(t, log.Append(t.Context(), head, records))
}

func TestWhatComesAfterARecoveryIsFoldedAndReported(t *testing.T) {
	log := openedLog(t, deposit("1000"))
	r := startOf(t, log)
	finished := r.Report.Finished
	arrive(t, log, "a", 1, deposit("500"), deposit("50"))
	came, err := r.ReadOn(t.Context(), log)
	require.NoError(t, err)
	require.Equal(t, uint64(2), came)
	again := startOf(t, log)
	require.Equal(t, projections.StateDocument(again.State), projections.StateDocument(r.State))
	require.Equal(t, again.Head, r.Head)
	require.Equal(t, again.Report.Events, r.Report.Events)
	require.Equal(t, again.Report.HeadRevision, r.Report.HeadRevision)
	require.Equal(t, again.Report.HeadHash, r.Report.HeadHash)
	require.Equal(t, again.Report.StateDigest, r.Report.StateDigest)
	require.True(t, r.Report.Finished.After(finished))
	require.Len(t, r.Report.Findings, 1)

	came, err = r.ReadOn(t.Context(), log)
	require.NoError(t, err)
	require.Zero(t, came)
	require.Len(t, r.Report.Findings, 1, "nothing came, nothing is said")
}

func TestALogThatWasEmptyIsReadOnFromItsBeginning(t *testing.T) {
	r := startOf(t, eventstore.NewMemory("main"))
	require.NoError(t, r.State.Apply(domain.Recorded{Meta: domain.Meta{Epoch: 1, Inst: "x", Portfolio: "main"}, Event: &domain.PortfolioOpened{
		ID: "main", Currency: "INR", InitialCapital: domain.D("1"), Settings: testSettings(t),
	}}), "an attempt to open the portfolio itself, which was not stored")
	came, err := r.ReadOn(t.Context(), openedLog(t, deposit("1000")))
	require.NoError(t, err)
	require.Equal(t, uint64(3), came)
	require.Equal(t, "5001000", r.State.Capital.Closed().String())
}

func TestWhatComesLateMustPassEveryCheckOfARecovery(t *testing.T) {
	read := func() *eventstore.Memory { return openedLog(t, deposit("1000")) }
	flipped := read()
	arrive(t, flipped, "a", 1, deposit("500"))
	flipped.Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error {
		if r.Rev == 3 {
			r.Data[0] ^= 1
		}
		return nil
	}})
	falling := read()
	arrive(t, falling, "a", 0, deposit("500"))
	two := read()
	arrive(t, two, "z", 1, deposit("500"))
	impossible := read()
	arrive(t, impossible, "a", 1, &domain.OrderAccepted{OrderID: "none", BrokerID: "x"})
	for name, c := range map[string]struct {
		log    eventstore.Log
		rev    uint64
		reason string
	}{
		"a shorter log":                  {openedLog(t), 2, "the log had been read to revision 2 "},
		"another end":                    {openedLog(t, deposit("1001")), 2, "it was read as the end of the log at revision 2 "},
		"another history":                {openedLog(t, deposit("1001"), deposit("2")), 3, "it does not continue what was read a moment ago"},
		"a flipped bit":                  {flipped, 3, "the bytes do not have the hash"},
		"an epoch that falls":            {falling, 3, "the epoch falls from 1 to 0"},
		"a second instance in an epoch":  {two, 3, `two instances in epoch 1: "a" and "z"`},
		"an event that cannot have been": {impossible, 3, "OrderAccepted cannot be applied"},
	} {
		t.Run(name, func(t *testing.T) {
			r := startOf(t, read())
			_, err := r.ReadOn(t.Context(), c.log)
			var h *projections.Halt
			require.ErrorAs(t, err, &h)
			require.Equal(t, projections.CodeDataCorrupt, h.Code)
			require.Equal(t, c.rev, h.Revision)
			require.Contains(t, h.Error(), c.reason)
			require.Equal(t, projections.Crashed, h.Report.Result)
		})
	}
}

func TestAStartThatFindsAnEventOfItsOwnDoesNotBeginAgain(t *testing.T) {
	log := openedLog(t)
	r := startOf(t, log)
	arrive(t, log, "b", 2, &domain.LeaderEpochStarted{Epoch: 2, Instance: "b"})
	_, err := r.ReadOn(t.Context(), log)
	require.ErrorIs(t, err, projections.ErrOwnEvent)
	var h *projections.Halt
	require.NotErrorAs(t, err, &h, "whoever started says what it means")
}

func TestALogThatCannotBeReadOnEndsTheStart(t *testing.T) {
	log := openedLog(t)
	r := startOf(t, log)
	require.NoError(t, log.Close())
	_, err := r.ReadOn(t.Context(), log)
	var h *projections.Halt
	require.ErrorAs(t, err, &h)
	require.Equal(t, projections.CodeEventstoreUnavailable, h.Code)
	ended, end := context.WithCancel(t.Context())
	end()
	_, err = r.ReadOn(ended, openedLog(t))
	require.ErrorIs(t, err, context.Canceled)
}
