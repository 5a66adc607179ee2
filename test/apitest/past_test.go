package apitest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"pm/api"
	"pm/domain"
	"pm/eventstore"
	"pm/projections"
)

// replayed is the document of the state after a revision, folded here.
func (r *rig) replayed(until uint64) string {
	r.t.Helper()
	s := domain.NewState()
	_, err := eventstore.Replay(r.t.Context(), r.log, 0, func(e domain.Recorded, _ eventstore.Hash) error {
		if e.Rev > until {
			return nil
		}
		return s.Apply(e)
	})
	require.NoError(r.t, err)
	return string(projections.StateDocument(s))
}

func TestTheStateAtEveryRevisionIsTheReplayToIt(t *testing.T) {
	r := traded(t)
	head := domain.NewState()
	var times []time.Time
	_, err := eventstore.Replay(t.Context(), r.log, 0, func(e domain.Recorded, _ eventstore.Hash) error {
		times = append(times, e.At)
		return head.Apply(e)
	})
	require.NoError(t, err)
	for rev := range head.Events {
		a := r.get(fmt.Sprintf("/api/v1/state?at=%d", rev))
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Equal(t, r.replayed(rev), a.body)
	}
	require.Equal(t, r.get("/api/v1/state").body, r.get(fmt.Sprintf("/api/v1/state?at=%d", head.Events-1)).body)
	at := times[len(times)/2]
	last := 0
	for i, other := range times {
		if !other.After(at) {
			last = i
		}
	}
	a := r.get("/api/v1/state?at=" + url.QueryEscape(at.Format(time.RFC3339Nano)))
	require.Equal(t, r.replayed(uint64(last)), a.body, "everything that was recorded at or before the time")

	for last = 0; last+1 < len(times) && times[last+1].Truncate(time.Second).Equal(times[0].Truncate(time.Second)); {
		last++
	}
	a = r.get("/api/v1/state?at=" + times[0].Format("2006-01-02T15:04:05Z"))
	require.Equal(t, r.replayed(uint64(last)), a.body, "a time without a fraction takes in all of its second")

	for path, want := range map[string]int{
		fmt.Sprintf("/api/v1/state?at=%d", head.Events): http.StatusNotFound, "/api/v1/state?at=2001-01-01T00:00:00Z": http.StatusNotFound,
		"/api/v1/state?at=yesterday": http.StatusBadRequest, "/api/v1/state?at=-1": http.StatusBadRequest,
	} {
		require.Equal(t, want, r.get(path).status, path)
	}
}

func TestOneStateOfThePastIsFoldedAtATimeAndTradingGoesOn(t *testing.T) {
	r := start(t)
	reading, leave := make(chan struct{}), make(chan struct{})
	slow := eventstore.NewMemory("main")
	require.NoError(t, r.log.Read(t.Context(), 0, func(recs []eventstore.Record) error {
		return slow.Append(t.Context(), eventstore.Empty("main"), recs)
	}))
	slow.Fault(eventstore.Faults{OnRead: func(rec *eventstore.Record) error {
		if rec.Rev == 0 {
			reading <- struct{}{}
			<-leave
		}
		return nil
	}})
	deps := r.deps
	deps.Journal = projections.NewJournal(slow)
	r.api.Activate(deps)
	answers := make(chan int, 2)
	for range 2 {
		go func() { answers <- r.get("/api/v1/state?at=1").status }()
	}
	<-reading
	require.Equal(t, "accepted", r.post(base("")).at("status"))
	select {
	case <-reading:
		t.Fatal("two folds at a time")
	default:
	}
	leave <- struct{}{}
	<-reading
	leave <- struct{}{}
	require.Equal(t, http.StatusOK, <-answers)
	require.Equal(t, http.StatusOK, <-answers)
}

func TestTradesAreTheClosedPositionsWithTheirMoney(t *testing.T) {
	r := traded(t)
	a := r.get("/api/v1/trades")
	require.Equal(t, "GOLD_MINI-1-Long_1", a.at("trades.0.position_id"))
	require.Equal(t, "<none>", a.at("trades.1"))
	require.NotEqual(t, "<none>", a.at("trades.0.net_pnl"))
	require.Equal(t, "[]", r.get("/api/v1/trades?instrument=copper").at("trades"))
	require.Equal(t, http.StatusBadRequest, r.get("/api/v1/trades?limit=0").status)
}

func TestThisInstanceIsShown(t *testing.T) {
	a := start(t).get("/api/v1/instances")
	for path, want := range map[string]string{
		"instances.0.id": "test-1", "instances.0.status": api.Active, "instances.0.epoch": "1", "instances.0.build": "test", "revision": "1",
	} {
		require.Equal(t, want, a.at(path), path)
	}
	since, err := time.Parse(time.RFC3339, a.at("instances.0.since"))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), since, time.Minute)
}

func TestRecoveriesAreListedLatestFirst(t *testing.T) {
	r := start(t)
	none := r.get("/api/v1/recovery")
	require.Equal(t, "[]", none.at("reports"))
	require.Equal(t, "<none>", none.at("last"))
	kept := fstest.MapFS{"notes.txt": {Data: []byte("x")}}
	for i := range 3 {
		report := projections.Report{Portfolio: "main", Events: uint64(i), Findings: []string{}}
		kept[fmt.Sprintf("2026010%dT040000.000000000Z.json", i+1)] = &fstest.MapFile{Data: report.JSON()}
	}
	deps := r.deps
	deps.Reports = projections.NewReports(kept)
	r.api.Activate(deps)
	a := r.get("/api/v1/recovery?limit=2")
	require.Equal(t, "2", a.at("last.events"))
	require.Equal(t, "2", a.at("reports.0.events"))
	require.Equal(t, "20260102T040000.000000000Z", a.at("next"))
	rest := r.get("/api/v1/recovery?limit=2&next=" + a.at("next"))
	require.Equal(t, "0", rest.at("reports.0.events"))
	require.Equal(t, "2", rest.at("last.events"))
	require.Equal(t, "<none>", rest.at("next"))
	halted := projections.Report{
		Portfolio: "main", Result: projections.Crashed, Code: projections.CodeValidationFailed, Message: "x", Hint: "y", Findings: []string{"z"},
		Snapshot: projections.SnapshotDiffers, SnapshotPlace: "data/snapshot", SnapshotHead: &projections.SnapshotHead{Stream: "portfolio-main", Revision: 7},
		Compared: &projections.Compared{Revision: 7, Tables: 16, Rows: 3, Values: 9, HistoryRows: 2}, DivergenceCount: 2,
		Divergences: []projections.Divergence{{Path: "portfolio_state.fees", Log: "1.00", Snapshot: "2.00", Revision: 7, Message: "Fees mismatch"}},
	}
	kept["20260108T040000.000000000Z.json"] = &fstest.MapFile{Data: halted.JSON()}
	a = r.get("/api/v1/recovery?limit=1")
	for path, want := range map[string]string{
		"result": "crashed", "code": "VALIDATION_FAILED", "hint": "y", "snapshot": "differs", "snapshot_place": "data/snapshot", "snapshot_head.revision": "7",
		"compared.values": "9", "compared.history_rows": "2", "divergence_count": "2", "divergences.0.path": "portfolio_state.fees",
		"divergences.0.log": "1.00", "divergences.0.snapshot": "2.00", "findings.0": "z",
	} {
		require.Equal(t, want, a.at("last."+path), path)
	}
	kept["20260109T040000.000000000Z.json"] = &fstest.MapFile{Data: []byte("{")}
	require.Equal(t, http.StatusInternalServerError, r.get("/api/v1/recovery").status, "a torn report is a finding")
}

// done is a context that has ended.
func done() context.Context {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	return ctx
}

func TestAFoldOfThePastEndsWithItsReader(t *testing.T) {
	r := start(t)
	_, err := projections.NewJournal(r.log).StateAt(done(), projections.Until{At: time.Now()})
	require.ErrorIs(t, err, context.Canceled)
}
