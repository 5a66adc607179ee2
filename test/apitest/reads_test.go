package apitest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/api"
	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore"
	"pm/projections"
)

// traded has one open pyramid of two layers, a closed campaign and a refusal.
func traded(t *testing.T, with ...func(*setup)) *rig {
	r := start(t, with...)
	for _, body := range []string{
		signal("BASE_ENTRY", "GOLD_MINI", `"position":"Long_1","price":70000,"stop":69900,"atr":100,"er":1,"supertrend":69900,"id":"gold/1 in"`),
		`{"type":"EXIT","instrument":"GOLD_MINI","position":"ALL","price":70100,"id":"gold out"}`,
		base(`,"id":"nifty base"`),
		signal("MARKET_DATA", "BANK_NIFTY", `"price":50700,"atr":200,"supertrend":49900`),
		signal("PYRAMID", "BANK_NIFTY", `"position":"Long_2","price":50900,"stop":50700,"atr":200,"er":1,"supertrend":50700`),
	} {
		require.Equal(t, "accepted", r.post(body).at("status"), body)
		r.settled()
	}
	require.Equal(t, "rejected", r.post(base(`,"id":"refused"`)).at("status"))
	return r
}

func TestThePortfolioShowsWhatTheStateAddsUpTo(t *testing.T) {
	r := traded(t)
	a := r.get("/api/v1/portfolio")
	require.Equal(t, http.StatusOK, a.status, a.body)
	var want projections.Portfolio
	require.NoError(t, r.query(t.Context(), func(s *domain.State, h projections.Head) { want = projections.PortfolioOf(s, h) }))
	text, err := json.Marshal(want)
	require.NoError(t, err)
	require.JSONEq(t, string(text), a.body)
	require.Equal(t, "ACTIVE", a.at("trading_state"))
	require.Equal(t, "true", a.at("demo"))
	require.Equal(t, "2", a.at("open_positions"))
	for _, key := range []string{"equity.closed", "equity.open", "equity.blended", "equity.high_water", "risk.amount", "risk.percent",
		"volatility.amount", "margin.percent", "head_hash", "revision"} {
		require.NotEqual(t, "<none>", a.at(key), key)
	}
}

func TestPositionsAreListedOpenClosedOrAllAndOneByOne(t *testing.T) {
	r := traded(t)
	open := r.get("/api/v1/positions")
	require.Equal(t, "BANK_NIFTY-1-Long_1", open.at("positions.0.position_id"))
	require.Equal(t, "BANK_NIFTY-1-Long_2", open.at("positions.1.position_id"))
	require.Equal(t, "<none>", open.at("positions.2"))
	require.Equal(t, "open", open.at("positions.0.status"))
	require.Equal(t, "8", open.at("positions.0.lots"))
	require.Equal(t, "50000", open.at("positions.0.entry_price"))
	require.Equal(t, "49700", open.at("positions.0.initial_stop"))
	require.Equal(t, "50200", open.at("positions.0.stop"), "trailed to 50700 - 2.5 × 200")
	require.Equal(t, "168000", open.at("positions.0.unrealized_pnl"), "700 points × 8 lots × 30 rupees")
	closed := r.get("/api/v1/positions?status=closed")
	require.Equal(t, "GOLD_MINI-1-Long_1", closed.at("positions.0.position_id"))
	require.Equal(t, "closed", closed.at("positions.0.status"))
	require.Equal(t, "70100", closed.at("positions.0.exit_price"))
	require.Equal(t, "signal", closed.at("positions.0.exit_reason"))
	require.Equal(t, "<none>", closed.at("positions.1"))
	require.Equal(t, "<none>", r.get("/api/v1/positions?instrument=copper").at("positions.0"))

	var seen []string
	path, next := "/api/v1/positions?status=all&limit=1", ""
	for range 10 {
		a := r.get(path + next)
		require.Equal(t, http.StatusOK, a.status, a.body)
		if id := a.at("positions.0.position_id"); id != "<none>" {
			seen = append(seen, id)
		}
		if a.at("next") == "<none>" {
			break
		}
		next = "&next=" + url.QueryEscape(a.at("next"))
	}
	require.Equal(t, []string{"BANK_NIFTY-1-Long_1", "BANK_NIFTY-1-Long_2", "GOLD_MINI-1-Long_1"}, seen)

	require.Equal(t, "open", r.get("/api/v1/positions/BANK_NIFTY-1-Long_2").at("position.status"))
	require.Equal(t, "closed", r.get("/api/v1/positions/GOLD_MINI-1-Long_1").at("position.status"))
	require.Equal(t, http.StatusNotFound, r.get("/api/v1/positions/GOLD_MINI-2-Long_1").status)
}

func TestCampaignsAndInstancesAreListsWithALimit(t *testing.T) {
	r := start(t)
	gold := signal("BASE_ENTRY", "GOLD_MINI", `"position":"Long_1","price":70000,"stop":69300,"atr":700,"er":1,"supertrend":69300`)
	for _, body := range []string{gold, base("")} {
		a := r.post(body)
		require.Equal(t, "accepted", a.at("status"), a.body)
	}
	first := r.get("/api/v1/pyramids?limit=1")
	require.Equal(t, "1", first.at("limit"))
	require.Equal(t, "BANK_NIFTY", first.at("pyramids.0.instrument"))
	require.Equal(t, "<none>", first.at("pyramids.1"))
	rest := r.get("/api/v1/pyramids?limit=1&next=" + first.at("next"))
	require.Equal(t, "GOLD_MINI", rest.at("pyramids.0.instrument"))
	require.Equal(t, "<none>", rest.at("next"))
	for _, list := range []string{"pyramids", "instances"} {
		all := r.get("/api/v1/" + list)
		require.Equal(t, strconv.Itoa(api.DefaultLimit), all.at("limit"), list)
		require.Equal(t, "<none>", all.at("next"), list)
		require.Equal(t, http.StatusBadRequest, r.get("/api/v1/"+list+"?limit=0").status, list)
	}
}

func TestAnOpenCampaignIsShownAsAPyramid(t *testing.T) {
	a := traded(t).get("/api/v1/pyramids")
	require.Equal(t, "BANK_NIFTY", a.at("pyramids.0.instrument"))
	require.Equal(t, "1", a.at("pyramids.0.pyramids"))
	require.Equal(t, "8", a.at("pyramids.0.base_lots"))
	require.Equal(t, "300", a.at("pyramids.0.r"))
	require.Equal(t, "Long_3", a.at("pyramids.0.next_layer"))
	require.Equal(t, "50900", a.at("pyramids.0.last_signal_price"))
	require.Equal(t, "Long_2", a.at("pyramids.0.layers.1.layer"))
	require.Equal(t, "<none>", a.at("pyramids.1"))
	require.NotEqual(t, "<none>", a.at("revision"))
}

func TestOrdersAreListedNewestFirstAndFoundByID(t *testing.T) {
	r := traded(t)
	all := r.get("/api/v1/orders")
	var ids []string
	for i := range 4 {
		require.Equal(t, fmt.Sprint(3-i), all.at(fmt.Sprintf("orders.%d.n", i)), all.body)
		require.Equal(t, "filled", all.at(fmt.Sprintf("orders.%d.status", i)))
		ids = append(ids, all.at(fmt.Sprintf("orders.%d.order_id", i)))
	}
	require.Equal(t, "<none>", all.at("orders.4"))
	require.Equal(t, all.at("orders"), r.get("/api/v1/orders?status=done").at("orders"))
	require.Equal(t, "<none>", r.get("/api/v1/orders?status=open").at("orders.0"))
	require.Equal(t, "1", r.get("/api/v1/orders?instrument=GOLD_MINI&limit=1").at("orders.0.n"))
	first := r.get("/api/v1/orders?limit=3")
	require.Equal(t, "0", r.get("/api/v1/orders?limit=3&next="+first.at("next")).at("orders.0.n"))
	sold := r.get("/api/v1/orders/" + ids[2])
	require.Equal(t, "exit", sold.at("order.kind"))
	require.Equal(t, "SELL", sold.at("order.side"))
	require.Equal(t, "[GOLD_MINI-1-Long_1]", sold.at("order.position_ids"))
	require.Equal(t, "gold out", sold.at("order.signal_id"))
	require.Equal(t, "70100", sold.at("order.average_price"))
	require.NotEqual(t, "<none>", sold.at("order.created_at"))
	require.Equal(t, http.StatusNotFound, r.get("/api/v1/orders/nonsense").status)
}

func TestAnOrderInFlightIsListedAsOpen(t *testing.T) {
	r := start(t, func(s *setup) { s.paper.Delay = 24 * 60 * 60 * 1e9 })
	a := r.post(base(""))
	require.Equal(t, "open_base", a.at("decision.action"))
	open := r.get("/api/v1/orders?status=open&instrument=bank_nifty")
	require.Equal(t, "8", open.at("orders.0.lots"), open.body)
	require.Equal(t, a.at("decision.position_id"), open.at("orders.0.position_id"))
	require.Contains(t, []string{"initialized", "sending", "working"}, open.at("orders.0.status"))
	require.Equal(t, "<none>", r.get("/api/v1/orders?status=done").at("orders.0"))
	require.Equal(t, "<none>", r.get("/api/v1/positions").at("positions.0"), "a reserved layer is no position yet")
	require.Equal(t, "pending", r.get("/api/v1/positions?status=all").at("positions.0.status"))
	require.Equal(t, open.at("orders.0.order_id"), r.get("/api/v1/pyramids").at("pyramids.0.in_flight"))
}

func TestSignalsAreListedWithTheirOutcomesAndFoundUnderAnyID(t *testing.T) {
	r := traded(t)
	all := r.get("/api/v1/signals")
	require.Equal(t, "refused", all.at("signals.0.signal_id"))
	require.Equal(t, "campaign_open", all.at("signals.0.reasons.0.code"))
	require.Equal(t, "gold/1 in", all.at("signals.5.signal_id"))
	require.Equal(t, "<none>", all.at("signals.6"))
	require.Equal(t, "<none>", r.get("/api/v1/signals?status=rejected").at("signals.1"))
	require.Equal(t, "nifty base", r.get("/api/v1/signals?type=BASE_ENTRY&status=accepted").at("signals.0.signal_id"))
	one := r.get("/api/v1/signals/" + url.PathEscape("gold/1 in"))
	require.Equal(t, "gold/1 in", one.at("signal.signal_id"), one.body)
	require.Equal(t, "open_base", one.at("signal.decision.action"))
	require.Equal(t, http.StatusNotFound, r.get("/api/v1/signals/none").status)
}

func TestARefusedSignalSentAgainIsFoundAsTheAcceptedOne(t *testing.T) {
	r := traded(t)
	require.Equal(t, "rejected", r.get("/api/v1/signals/refused").at("signal.outcome"))
	r.post(`{"type":"EXIT","instrument":"BANK_NIFTY","position":"ALL"}`)
	r.settled()
	require.Equal(t, "accepted", r.post(base(`,"id":"refused"`)).at("status"))
	require.Equal(t, "accepted", r.get("/api/v1/signals/refused").at("signal.outcome"))
}

func TestEventsAreTheStoredBytesOfTheLog(t *testing.T) {
	r := traded(t)
	r.post(`{"type":"EXIT","instrument":"COPPER","position":"ALL","note":"<b>&\u2028</b>"}`)
	first := r.get("/api/v1/events?limit=3")
	require.Equal(t, "0", first.at("events.0.revision"))
	require.Equal(t, "PortfolioOpened", first.at("events.0.type"))
	require.Equal(t, "3", first.at("next"))
	require.Equal(t, first.at("events.1.hash"), first.at("events.2.prev_hash"))
	head := r.get("/api/v1/portfolio")
	require.Equal(t, head.at("revision"), first.at("revision"))

	lines := r.get("/api/v1/events?limit=1000", "Accept", "application/x-ndjson")
	require.Equal(t, "application/x-ndjson", lines.header.Get("Content-Type"))
	require.Equal(t, head.at("revision"), lines.header.Get("X-Revision"))
	require.Empty(t, lines.header.Get("X-Next"))
	shown := strings.Split(strings.TrimSpace(lines.body), "\n")
	var stored []eventstore.Record
	require.NoError(t, r.log.Read(t.Context(), 0, func(recs []eventstore.Record) error { stored = append(stored, recs...); return nil }))
	require.Len(t, shown, len(stored))
	for i, line := range shown {
		require.True(t, strings.HasSuffix(line, `,"data":`+string(stored[i].Data)+`}`), "revision %d is verbatim: %s", i, line)
	}
	require.Contains(t, lines.body, `<b>&`, "nothing is escaped that the log does not escape")
	last := stored[len(stored)-2]
	require.Equal(t, "SignalReceived", shownType(shown[last.Rev]))
	page := r.get(fmt.Sprintf("/api/v1/events?from=%d&limit=1", last.Rev))
	require.Contains(t, page.body, `,"data":`+string(last.Data)+`}`, "verbatim in the other form too")
	beyond := r.get("/api/v1/events?from=100000")
	require.Equal(t, "[]", beyond.at("events"))
	require.Equal(t, "<none>", beyond.at("next"))
}

func TestTheStateIsTheOneDocumentAndEqualsAReplay(t *testing.T) {
	r := traded(t)
	a := r.get("/api/v1/state")
	s := domain.NewState()
	_, err := eventstore.Replay(t.Context(), r.log, 0, func(e domain.Recorded, _ eventstore.Hash) error { return s.Apply(e) })
	require.NoError(t, err)
	require.Equal(t, string(projections.StateDocument(s)), a.body)
	require.Equal(t, s.Digest(), a.at("digest"))
	require.Equal(t, fmt.Sprint(s.Events-1), a.at("revision"))
}

func TestWhoeverWasAnsweredSeesWhatWasRecorded(t *testing.T) {
	r := start(t)
	for i := range 50 {
		id := fmt.Sprintf("s%d", i)
		r.post(base(`,"id":"` + id + `"`))
		require.Equal(t, http.StatusOK, r.get("/api/v1/signals/"+id).status, id)
	}
}

func TestBadParametersAreNamedWithWhatToSend(t *testing.T) {
	r := start(t)
	for path, field := range map[string]string{
		"/api/v1/orders?limit=0": "limit", "/api/v1/orders?limit=1001": "limit", "/api/v1/signals?limit=x": "limit", "/api/v1/orders?status=some": "status",
		"/api/v1/positions?status=pending": "status", "/api/v1/positions?next=5": "next", "/api/v1/positions?next=closed.x": "next", "/api/v1/signals?status=open": "status", "/api/v1/signals?type=BAR": "type",
		"/api/v1/events?from=-1": "from", "/api/v1/orders?next=a": "next", "/api/v1/orders?instrument=a%20b": "instrument", "/api/v1/events?from=18446744073709551615": "from",
	} {
		a := r.get(path)
		require.Equal(t, http.StatusBadRequest, a.status, path)
		require.Equal(t, "invalid_field", a.at("error.code"), path)
		require.Equal(t, field, a.at("error.field"), path)
		require.Contains(t, a.at("error.message"), "send", path)
	}
	require.Equal(t, http.StatusOK, r.get("/api/v1/orders?limit=1").status)
	require.Equal(t, fmt.Sprint(api.MaxLimit), r.get("/api/v1/orders?limit=1000").at("limit"))
	require.Equal(t, fmt.Sprint(api.DefaultLimit), r.get("/api/v1/orders").at("limit"))
}

func TestAStoppedHistoryIsShownAndTradingGoesOn(t *testing.T) {
	broken := projections.NewHistory()
	r := traded(t)
	deps := r.deps
	deps.History = broken
	r.api.Activate(deps)
	require.NoError(t, r.history.WaitFor(t.Context(), 5))
	log := eventstore.NewMemory("main")
	require.NoError(t, r.log.Read(t.Context(), 0, func(recs []eventstore.Record) error {
		return log.Append(t.Context(), eventstore.Empty("main"), recs)
	}))
	log.Fault(eventstore.Faults{OnRead: func(rec *eventstore.Record) error {
		if rec.Rev == 5 {
			rec.Data[3] ^= 1
		}
		return nil
	}})
	var stopped *projections.HistoryStopped
	require.ErrorAs(t, broken.Follow(t.Context(), log), &stopped)
	require.Equal(t, uint64(5), stopped.Revision)

	a := r.get("/api/v1/signals")
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.Equal(t, "history_stopped", a.at("error.code"))
	require.Contains(t, a.at("error.message"), "revision 5")
	ready := r.get("/readyz")
	require.Equal(t, http.StatusOK, ready.status, "signals are taken")
	require.Equal(t, "false", ready.at("history.healthy"))
	require.Contains(t, ready.at("degraded.0"), "revision 5")
	require.Contains(t, r.get("/").body, "revision 5")
	require.Equal(t, "2", r.get("/api/v1/portfolio").at("open_positions"))
	require.Equal(t, "[]", r.get("/api/v1/orders?status=open").at("orders"))
	require.Equal(t, "exit", r.post(`{"type":"EXIT","instrument":"BANK_NIFTY","position":"ALL"}`).at("decision.action"))
}

func TestAHistoryThatIsBehindSaysSoWithinItsTime(t *testing.T) {
	r := start(t)
	deps := r.deps
	deps.History = projections.NewHistory() // nobody follows with it
	r.api.Activate(deps)
	a := r.get("/api/v1/orders")
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.Equal(t, "history_behind", a.at("error.code"))
	require.Equal(t, "1", a.header.Get("Retry-After"))
	require.Equal(t, "2", r.get("/readyz").at("history.behind"))
	require.Equal(t, http.StatusOK, r.get("/").status, "the page comes without the lists")
}

func TestAReadDoesNotWaitForEverWhileTheWriterWaitsForTheDisk(t *testing.T) {
	r := start(t)
	r.stall()
	answered := make(chan reply, 1)
	go func() { answered <- r.post(base("")) }()
	require.Eventually(t, r.stalled, 5*time.Second, time.Millisecond)
	began := time.Now()
	a := r.get("/api/v1/portfolio")
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.Equal(t, "busy", a.at("error.code"))
	require.GreaterOrEqual(t, time.Since(began), api.ReadTimeout)
	ready := r.get("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, ready.status, "a writer that does not answer takes no signals")
	r.release()
	<-answered
	require.Equal(t, http.StatusOK, r.get("/readyz").status)
}

func TestAPanicInALookAtTheStateDoesNotReachTheWriter(t *testing.T) {
	r := start(t)
	deps := r.deps
	deps.Query = func(ctx context.Context, look func(*domain.State, projections.Head)) error {
		return mapped(r.engine.Query(ctx, func(_ *domain.State, h eventstore.Head) { look(nil, projections.HeadOf(h)) }))
	}
	r.api.Activate(deps)
	require.Equal(t, http.StatusInternalServerError, r.get("/api/v1/portfolio").status)
	r.api.Activate(r.deps)
	require.Equal(t, "accepted", r.post(base("")).at("status"), "the writer lives")
}

func TestReadyMeansThatTheWriterAnswers(t *testing.T) {
	r := start(t)
	ok := r.get("/readyz")
	require.Equal(t, http.StatusOK, ok.status)
	require.Equal(t, "true", ok.at("ready"))
	require.Equal(t, "[]", ok.at("reasons"))
	require.Equal(t, "1", ok.at("revision"))
	require.Equal(t, "test-1", ok.at("instance"))

	r.api.SetStatus(api.Recovering, "revision 10 of 20")
	a := r.get("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.Equal(t, "revision 10 of 20", a.at("reasons.0"))
	require.Equal(t, http.StatusOK, r.get("/livez").status)
	r.api.SetStatus(api.Crashed)
	require.Equal(t, http.StatusServiceUnavailable, r.get("/livez").status)
	require.Equal(t, "the service is crashed", r.get("/readyz").at("reasons.0"))

	deps := r.deps
	deps.Query = func(context.Context, func(*domain.State, projections.Head)) error { return mapped(engine.ErrStopped) }
	r.api.Activate(deps)
	a = r.get("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.Contains(t, a.at("reasons.0"), "the writer does not answer")
}

func shownType(line string) string {
	var e projections.Event
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		return err.Error()
	}
	return e.Type
}
