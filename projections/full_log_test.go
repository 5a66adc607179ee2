package projections_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/projections"
	"pm/projections/snapshottest"
)

// author writes the logs of these tests.
var author = eventstore.Author{Portfolio: "main", Instance: "a", Build: "test", Epoch: 1}

// fullLog is a log after which every table has rows: closed and open positions, an order and an exit under way, a refusal, an alarm, a
// difference from the broker's book.
func fullLog(t testing.TB, further ...domain.Event) *eventstore.Memory {
	t.Helper()
	log := eventstore.NewMemory("main")
	w := &writing{t: t, log: log, state: domain.NewState(), sealer: eventstore.NewSealer(eventstore.Empty("main"), time.Time{}, author)}
	for _, r := range snapshottest.Log(t) {
		w.put(eventstore.Draft{Event: r.Event, At: r.At, Corr: r.Corr, Cause: r.Cause})
	}
	o := w.state.OpenOrders()[0]
	require.Greater(t, o.Lots, 1)
	w.do(domain.BeginSend{OrderID: o.OrderID, Now: w.state.At})
	w.do(domain.ReportSent{OrderID: o.OrderID, Accepted: true, BrokerID: "B99", Now: w.state.At})
	w.state.At = w.state.At.Add(24 * time.Hour) // the clock of what follows: a day is over
	w.do(domain.ReportOrder{OrderID: o.OrderID, BrokerID: "B99", Now: w.state.At, Fills: []domain.Fill{
		{ExecID: "1", Units: o.LotSize, Price: domain.D("50900"), Fee: domain.D("3.5")},
	}})
	exit := `{"type":"EXIT","instrument":"BANK_NIFTY","position":"Long_1","timestamp":"` + w.state.At.Format(time.RFC3339) + `","price":50400}`
	sub, _, problems := domain.ParseSignal([]byte(exit), w.state.At)
	require.Empty(t, problems)
	w.do(domain.SubmitSignal{Submission: sub, Now: w.state.At})
	w.event(&domain.AlarmRaised{Code: domain.AlarmUnclearExit, Subject: "a signal"})
	w.event(&domain.BrokerDifferenceFound{ID: "d1", Contract: "BANKNIFTY", Kind: "surplus"})
	for _, e := range further {
		w.event(e)
	}
	return log
}

// writing appends to a log what is decided or given.
type writing struct {
	t      testing.TB
	log    eventstore.Log
	state  *domain.State
	sealer *eventstore.Sealer
}

func (w *writing) put(d eventstore.Draft) domain.Recorded {
	at := w.sealer.Head()
	rec, r, err := w.sealer.Seal(d)
	require.NoError(w.t, err)
	require.NoError(w.t, w.state.Apply(r))
	require.NoError(w.t, w.log.Append(w.t.Context(), at, []eventstore.Record{rec}))
	return r
}

func (w *writing) event(e domain.Event) { w.put(eventstore.Draft{Event: e, At: w.state.At}) }

func (w *writing) do(c domain.Command) {
	decision, err := domain.Decide(w.state, c)
	require.NoError(w.t, err)
	var made []domain.Recorded
	for _, d := range decision.Drafts {
		corr, cause := d.Corr, d.Cause
		if d.After >= 0 {
			corr, cause = made[d.After].Corr, made[d.After].ID
		}
		made = append(made, w.put(eventstore.Draft{Event: d.Event, At: w.state.At, Corr: corr, Cause: cause}))
	}
}

// quick are options of a recovery that does not wait.
func quick(s projections.Snapshot) projections.RecoverOptions {
	return projections.RecoverOptions{Snapshot: s, Waits: []time.Duration{}, Instance: "a", Build: "test"}
}

// written is a snapshot of a log, as the follower writes it.
func written(t testing.TB, log eventstore.Log) *snapshottest.Memory {
	t.Helper()
	s := snapshottest.NewMemory()
	_, err := projections.Rebuild(t.Context(), log, s, projections.RebuildOptions{})
	require.NoError(t, err)
	return s
}

// cut is the log without what follows its first events.
func cut(t testing.TB, log eventstore.Log, events uint64) *eventstore.Memory {
	t.Helper()
	out := eventstore.NewMemory("main")
	head := eventstore.Empty("main")
	require.NoError(t, log.Read(t.Context(), 0, func(recs []eventstore.Record) error {
		for _, r := range recs {
			if r.Rev < events {
				require.NoError(t, out.Append(t.Context(), head, []eventstore.Record{r}))
				head = r.After()
			}
		}
		return nil
	}))
	return out
}

func eventsOf(t testing.TB, log eventstore.Log) uint64 {
	t.Helper()
	head, err := log.Head(t.Context())
	require.NoError(t, err)
	return head.Next
}

// halts recovers and gives the halt that it must end in, with its report.
func halts(t testing.TB, log eventstore.Log, s projections.Snapshot, code string) *projections.Halt {
	t.Helper()
	r, err := projections.Recover(t.Context(), log, quick(s))
	require.Nil(t, r)
	var h *projections.Halt
	require.ErrorAs(t, err, &h)
	require.Equal(t, code, h.Code, h.Error())
	require.NotEmpty(t, h.Hint)
	require.NotNil(t, h.Report)
	require.Equal(t, projections.Crashed, h.Report.Result)
	require.Equal(t, code, h.Report.Code)
	require.Equal(t, projections.SnapshotDiffers, h.Report.Snapshot)
	return h
}

// warns recovers and gives the report of a start that went on without comparing.
func warns(t testing.TB, log eventstore.Log, s projections.Snapshot, result, code string) projections.Report {
	t.Helper()
	r, err := projections.Recover(t.Context(), log, quick(s))
	require.NoError(t, err)
	require.Nil(t, r.Agreed, "nothing was compared")
	require.Equal(t, projections.Recovered, r.Report.Result)
	require.Equal(t, result, r.Report.Snapshot)
	require.Equal(t, code, r.Report.Code)
	require.Len(t, r.Report.Findings, 1)
	require.True(t, strings.HasPrefix(r.Report.Findings[0], code+": "), r.Report.Findings[0])
	require.Equal(t, eventsOf(t, log), r.State.Events)
	return r.Report
}
