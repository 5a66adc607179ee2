package apitest

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/adapters/broker/paper"
	"pm/api"
	"pm/domain"
	"pm/domain/engine"
	"pm/projections"
)

func TestTheStatusPageShowsThePortfolioWithoutAScript(t *testing.T) {
	r := traded(t)
	a := r.get("/")
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, "text/html; charset=UTF-8", a.header.Get("Content-Type"))
	require.Contains(t, a.header.Get("Content-Security-Policy"), "default-src 'none'")
	require.NotContains(t, a.header.Get("Content-Security-Policy"), "unsafe")
	for what, text := range map[string]string{
		"the demo banner": "Demo portfolio", "the trading state": `<p class="state good">ACTIVE</p>`, "a position": "BANK_NIFTY-1-Long_2",
		"its stop": "50,200", "the pyramid": "Long_3", "a refusal in words": domain.ReasonCampaignOpen.Sentence(), "what was bought": "Buys 8 lots as BANK_NIFTY-1-Long_1",
		"a closed position": "GOLD_MINI-1-Long_1", "closed equity": "5,0", "the head": r.get("/api/v1/portfolio").at("head_hash"), "the reload": `http-equiv="refresh"`,
		"why it was closed": `title="signal" data-label="Why">the chart said so</td>`,
	} {
		require.Contains(t, a.body, text, what)
	}
	require.NotContains(t, strings.ToLower(a.body), "<script")
	require.NotContains(t, a.body, "MARKET_DATA", "bars do not bury what happened")
	require.NotContains(t, a.body, "style=", "the policy allows no style in the page")
	css := r.get("/static/style.css")
	require.Equal(t, http.StatusOK, css.status)
	require.Equal(t, "text/css; charset=utf-8", css.header.Get("Content-Type"))
}

func TestHostileTextStaysText(t *testing.T) {
	const evil = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`
	r := start(t, func(s *setup) { s.paper.Delay = time.Hour })
	require.Equal(t, "accepted", r.post(base(`,"id":"`+strings.ReplaceAll(evil, `"`, `\"`)+`"`)).at("status"))
	for _, c := range []domain.Command{
		domain.SetTrading{To: domain.Halted, Reason: evil, By: evil, Now: time.Now().UTC()},
		domain.RaiseAlarm{Code: evil, Subject: evil, Now: time.Now().UTC()},
	} {
		reply, err := r.submit(t.Context(), c)
		require.NoError(t, err)
		require.NoError(t, reply.Refusal)
	}
	r.post(`{"type":"EXIT","instrument":"COPPER","position":"ALL","price":"` + strings.ReplaceAll(evil, `"`, `\"`) + `"}`)
	a := r.get("/")
	require.Equal(t, http.StatusOK, a.status)
	require.Contains(t, a.body, "&lt;script&gt;", "it is shown")
	require.NotContains(t, a.body, "<script")
	require.NotContains(t, a.body, "<img")
	require.Contains(t, a.body, `<p class="state bad">HALTED</p>`)

	refused := r.post(strings.Replace(base(""), "BANK_NIFTY", `<b>X</b>`, 1))
	require.Equal(t, http.StatusBadRequest, refused.status, "an instrument cannot even have such a name")
	require.Equal(t, "nosniff", refused.header.Get("X-Content-Type-Options"))
	require.Equal(t, "application/json", refused.header.Get("Content-Type"))
}

func TestThePageOfAServiceThatRecoversSaysSo(t *testing.T) {
	r := start(t)
	r.api.SetStatus(api.Recovering, "the log is being read")
	a := r.get("/")
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.Contains(t, a.body, `<p class="state warn">recovering</p>`)
	require.Contains(t, a.body, "the log is being read")
	require.NotContains(t, a.body, "Positions")
}

func TestThePageShowsAnOrderThatNobodyKnowsTheOutcomeOf(t *testing.T) {
	r := start(t, func(s *setup) {
		s.paper.Delay = time.Hour
		s.paper.Fault = func(int64, engine.Order) paper.Fault { return paper.LoseAnswer }
	})
	require.Equal(t, "open_base", r.post(base("")).at("decision.action"))
	require.Eventually(t, func() bool { return r.get("/api/v1/orders?status=open").at("orders.0.broker_id") != "<none>" }, 10*time.Second, 10*time.Millisecond,
		"the broker's book tells")
	order := r.get("/api/v1/orders").at("orders.0.order_id")
	require.NotEqual(t, "<none>", r.get("/api/v1/orders/"+order).at("order.reason"), "why it was unknown is kept")
	require.Contains(t, r.get("/").body, "working")
}

func TestThePageSaysInALineHowTheSnapshotStands(t *testing.T) {
	r := start(t)
	require.NotContains(t, r.get("/").body, "Snapshot", "none is configured")
	is := projections.FollowerHealth{Status: projections.SnapshotAgreed, Written: projections.Head{Revision: 1, Hash: "9f2c"},
		Compared: time.Date(2026, 1, 5, 4, 0, 0, 0, time.UTC)}
	deps := r.deps
	deps.Snapshot = func() projections.FollowerHealth { return is }
	r.api.Activate(deps)
	require.Contains(t, r.get("/").body, "<p>Snapshot agreed at revision 1, compared 5 Jan 09:30:00</p>")
	is = projections.FollowerHealth{Status: projections.SnapshotUnavailable, Trouble: errors.New("no <b>route</b>")}
	a := r.get("/")
	require.Contains(t, a.body, "<p>Snapshot unavailable, 2 behind</p>")
	require.Contains(t, a.body, `<p class="note warn">snapshot: no &lt;b&gt;route&lt;/b&gt;</p>`)
	require.Equal(t, "unavailable", r.get("/readyz").at("snapshot.status"))
}
