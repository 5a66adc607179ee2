package projections

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

func TestAPageOfEventsEndsAtItsLimitAndSaysWhereToGoOn(t *testing.T) {
	d := newDesk(t)
	d.trade()
	j := NewJournal(d.log)
	all, err := j.Events(t.Context(), 0, 1000)
	require.NoError(t, err)
	require.Nil(t, all.Next)
	require.Len(t, all.Events, int(d.state.Events))
	require.Equal(t, d.state.Events-1, all.Revision)
	for limit := 1; limit <= len(all.Events)+1; limit++ {
		var got []Event
		next := new(uint64)
		for next != nil {
			page, err := j.Events(t.Context(), *next, limit)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page.Events), limit)
			got, next = append(got, page.Events...), page.Next
		}
		require.Equal(t, all.Events, got, "limit %d", limit)
	}
	beyond, err := j.Events(t.Context(), d.state.Events, 10)
	require.NoError(t, err)
	require.Empty(t, beyond.Events)
}

func TestAnEventHasReadableNamesAndTheStoredBytes(t *testing.T) {
	d := newDesk(t)
	made := d.send(niftyBase)
	page, err := NewJournal(d.log).Events(t.Context(), made[1].Rev, 1)
	require.NoError(t, err)
	e, m := page.Events[0], made[1].Meta
	var stored eventstore.Record
	require.NoError(t, d.log.Read(t.Context(), m.Rev, func(recs []eventstore.Record) error { stored = recs[0]; return nil }))
	require.Equal(t, Event{
		Revision: m.Rev, Type: "OrderInitialized", Version: 1, ID: string(m.ID), RecordedAt: m.At, CorrelationID: string(made[0].ID),
		CausationID: string(made[0].ID), Epoch: 1, Instance: "a", Build: "test", PrevHash: m.Prev, Hash: stored.Hash.String(), Data: stored.Data,
	}, e)
}

func TestAPageOfEventsEndsBeforeItOutgrowsMemory(t *testing.T) {
	d := newDesk(t)
	long := strings.Repeat("x", eventstore.MaxRecord-2000)
	count := MaxPageBytes/len(long) + 3
	for range count {
		at := d.sealer.Head()
		rec, r, err := d.sealer.Seal(eventstore.Draft{At: d.now, Event: &domain.AlarmRaised{Code: "long", Subject: long}})
		require.NoError(t, err)
		require.NoError(t, d.state.Apply(r))
		require.NoError(t, d.log.Append(t.Context(), at, []eventstore.Record{rec}))
	}
	page, err := NewJournal(d.log).Events(t.Context(), 2, 1000)
	require.NoError(t, err)
	require.NotNil(t, page.Next)
	size := 0
	for _, e := range page.Events {
		size += len(e.Data)
	}
	require.LessOrEqual(t, size, MaxPageBytes)
	require.Greater(t, size, MaxPageBytes-2*eventstore.MaxRecord)
	rest, err := NewJournal(d.log).Events(t.Context(), *page.Next, 1000)
	require.NoError(t, err)
	require.Len(t, rest.Events, count-len(page.Events))
}

func TestADamagedRecordIsNeverShown(t *testing.T) {
	d := newDesk(t)
	d.trade()
	j := NewJournal(d.log)
	flip := func(rev uint64) {
		d.log.Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error {
			if r.Rev == rev {
				r.Data[len(r.Data)/2] ^= 1
			}
			return nil
		}})
	}
	var corrupt *eventstore.Corrupt
	flip(4)
	_, err := j.Events(t.Context(), 3, 10)
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, uint64(4), corrupt.Rev)
	_, err = j.Events(t.Context(), 5, 10)
	require.ErrorAs(t, err, &corrupt, "the record before is checked too, since the first one hangs on it")
	_, err = j.Outcome(t.Context(), 4)
	require.ErrorAs(t, err, &corrupt)
	page, err := j.Events(t.Context(), 6, 10)
	require.NoError(t, err)
	require.NotEmpty(t, page.Events)
}

func TestAnOutcomeIsWhatTheDecisionRecordedAndNothingLater(t *testing.T) {
	d := newDesk(t)
	first := domain.OutcomeOf(d.send(niftyBase))
	d.fill("50000", 3)
	j := NewJournal(d.log)
	read, err := j.Outcome(t.Context(), first.Revision)
	require.NoError(t, err)
	require.Equal(t, first, read)
	require.Equal(t, 8, read.Lots, "decided, whatever filled")

	d.do(domain.SetTrading{To: domain.Halted, Reason: "lunch", By: "anna", Now: d.now})
	held := domain.OutcomeOf(d.send(niftyExit))
	require.Equal(t, domain.ActionNone, held.Action)
	d.do(domain.SetTrading{To: domain.Active, Reason: "back", By: "anna", Now: d.now})
	read, err = j.Outcome(t.Context(), held.Revision)
	require.NoError(t, err)
	require.Equal(t, held, read, "that the exit went later is no part of the first answer")

	_, err = j.Outcome(t.Context(), d.state.Events)
	require.ErrorContains(t, err, "there is no revision")
}

func TestAnOutcomeReadsNoMoreThanItsLimit(t *testing.T) {
	for fillers, want := range map[int]string{
		MaxOutcomeRecords - 3: domain.ActionMark,     // the bar is the last record that is read
		MaxOutcomeRecords - 2: domain.ActionOpenBase, // and here the first that is not
	} {
		d := newDesk(t)
		made := d.send(niftyBase)
		require.Len(t, made, 2)
		d.now = made[0].At // everything at one instant, as in a backtest
		events := make([]domain.Event, fillers)
		for i := range events {
			events[i] = &domain.SignalRejected{}
		}
		for _, e := range append(slices.Clip(events), &domain.BarClosed{Instrument: "COPPER", Timestamp: d.now}) {
			at := d.sealer.Head()
			rec, _, err := d.sealer.Seal(eventstore.Draft{At: d.now, Corr: made[0].Corr, Event: e})
			require.NoError(t, err)
			require.NoError(t, d.log.Append(t.Context(), at, []eventstore.Record{rec}))
		}
		out, err := NewJournal(d.log).Outcome(t.Context(), made[0].Rev)
		require.NoError(t, err)
		require.Equal(t, want, out.Action, "%d fillers", fillers)
	}
}
