package apitest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/projections"
)

func (r *rig) explained(id string) projections.Explanation {
	r.t.Helper()
	a := r.get("/api/v1/explain/" + url.PathEscape(id))
	require.Equal(r.t, http.StatusOK, a.status, a.body)
	var x projections.Explanation
	require.NoError(r.t, json.Unmarshal([]byte(a.body), &x))
	for i := 1; i < len(x.Steps); i++ {
		require.Less(r.t, x.Steps[i-1].Revision, x.Steps[i].Revision, "in the order of the log, each once")
	}
	for _, s := range x.Steps {
		require.Contains(r.t, x.Text, s.Text)
	}
	return x
}

func types(x projections.Explanation) string {
	var out []string
	for _, s := range x.Steps {
		out = append(out, s.Type)
	}
	return strings.Join(out, " ")
}

func TestAnAcceptedSignalIsExplainedToItsFill(t *testing.T) {
	x := traded(t).explained("nifty base")
	require.Equal(t, projections.SubjectSignal, x.Subject)
	require.Equal(t, "SignalReceived OrderInitialized OrderSendStarted OrderAccepted OrderFilled", types(x))
	require.Equal(t, "nifty base", x.Inputs[0].SignalID)
	require.Contains(t, x.Text, "Size: 8 lots, limited by risk. risk allows 8.3")
	require.Contains(t, x.Text, "margin allows")
	require.Contains(t, x.Text, "Gate portfolio_risk passed: portfolio risk with the new lots, % of equity ")
	require.Contains(t, x.Text, "limit 15.")
	require.Contains(t, x.Text, "Bought 8 lots at 50000")
	require.Equal(t, 8, x.Fills[0].Lots)
	require.Equal(t, "BUY", x.Fills[0].Side)
}

func TestARefusedSignalIsExplainedWithEveryGateThatFailed(t *testing.T) {
	r := traded(t)
	x := r.explained("refused")
	require.Equal(t, "SignalReceived SignalRejected", types(x))
	require.Equal(t, "campaign_open", x.Reasons[0].Code)
	require.Contains(t, x.Text, domain.ReasonCampaignOpen.Sentence())

	r.post(signal("PYRAMID", "BANK_NIFTY", `"position":"Long_3","price":50250,"stop":50050,"atr":200,"er":1,"supertrend":50050,"id":"too early"`))
	x = r.explained("too early")
	byCode := map[string]projections.GateView{}
	for _, g := range x.Gates {
		byCode[g.Code] = g
	}
	require.False(t, byCode["one_r"].Passed)
	require.Equal(t, "250", byCode["one_r"].Value.String())
	require.Equal(t, "300", byCode["one_r"].Limit.String())
	require.Equal(t, "-3.25", byCode["atr_spacing"].Value.String())
	require.Contains(t, x.Text, "Gate one_r refused: move above the base entry against one R, points 250, limit 300.")
}

func TestAnOrderIsExplainedByTheTagThatPeopleSeeAndByARevision(t *testing.T) {
	r := traded(t)
	var list struct{ Orders []projections.Order }
	require.NoError(t, json.Unmarshal([]byte(r.get("/api/v1/orders").body), &list))
	for _, o := range list.Orders {
		byID, byTag, byRevision := r.explained(o.OrderID), r.explained(o.Tag), r.explained(fmt.Sprint(*o.Revision+1))
		require.Equal(t, projections.SubjectOrder, byTag.Subject)
		require.Equal(t, byID.Text, byTag.Text)
		require.Equal(t, projections.SubjectOrder, byRevision.Subject, "the mark of its send is of the order")
		require.Equal(t, byID.Text, byRevision.Text)
		require.Equal(t, o.Tag, byTag.ID, "what was asked for")
	}
}

func TestASignalWithoutAnIDIsExplainedByTheRevisionThatTheListsShow(t *testing.T) {
	r := traded(t)
	r.post(signal("BASE_ENTRY", "BANK_NIFTY", `"position":"Long_1","price":50250,"stop":50050,"atr":200,"er":1,"supertrend":50050`))
	x := r.explained(r.get("/api/v1/signals?limit=1").at("signals.0.revision"))
	require.Equal(t, projections.SubjectSignal, x.Subject)
	require.Equal(t, "SignalReceived SignalRejected", types(x))
	require.Equal(t, projections.SubjectEvent, r.explained("0").Subject)
	require.Equal(t, http.StatusNotFound, r.get("/api/v1/explain/123456").status)

	r.post(signal("BASE_ENTRY", "GOLD_MINI", `"id":"0","position":"Long_1","price":70000,"stop":69000,"atr":200,"er":1,"supertrend":69000`))
	require.Equal(t, projections.SubjectSignal, r.explained("0").Subject, "an id goes before a revision")
}

func TestAPositionIsExplainedFromItsSignalToItsMoney(t *testing.T) {
	r := traded(t)
	x := r.explained("GOLD_MINI-1-Long_1")
	require.Equal(t, projections.SubjectPosition, x.Subject)
	require.Equal(t, "SignalReceived OrderInitialized OrderSendStarted OrderAccepted OrderFilled "+
		"SignalReceived ExitRequested OrderInitialized OrderSendStarted OrderAccepted OrderFilled", types(x))
	require.Equal(t, "gold/1 in", x.Inputs[0].SignalID)
	require.Equal(t, "gold out", x.Inputs[1].SignalID)
	require.Contains(t, x.Text, "because the chart said so")
	gross := x.Money.Exit.Sub(*x.Money.Entry).Mul(domain.Int(x.Money.LotsSold)).Mul(x.Money.PointValue)
	require.Equal(t, gross.String(), x.Money.Gross.String())
	require.Equal(t, x.Money.Gross.Sub(x.Money.Fees).String(), x.Money.Net.String())
	require.Contains(t, x.Text, "gross, less fees")

	open := r.explained("BANK_NIFTY-1-Long_1")
	require.NotEmpty(t, open.Stops)
	require.Equal(t, "50200", open.Stops[0].To.String())
	require.Contains(t, open.Text, "it trails the highest price, 50700")
	require.Zero(t, open.Money.LotsSold)
	require.Contains(t, open.Text, "none sold")
}

func TestAStopExitIsExplainedByItsBarAndAnExitByItsID(t *testing.T) {
	r := traded(t)
	require.Equal(t, "exit", r.post(signal("MARKET_DATA", "BANK_NIFTY", `"price":50100,"atr":200,"supertrend":49900,"id":"the bar"`)).at("decision.action"))
	r.settled()
	x := r.explained("BANK_NIFTY-1-Long_1")
	require.Contains(t, types(x), "BarClosed")
	require.Equal(t, "the bar", x.Inputs[len(x.Inputs)-1].SignalID)
	require.Contains(t, x.Text, "because the price fell below the stop")
	require.Equal(t, types(x), types(r.explained("BANK_NIFTY-1-Long_1")), "asked twice, answered the same")

	log := r.get("/api/v1/events?limit=1000").body
	_, rest, found := strings.Cut(log, `"intent_id":"`)
	require.True(t, found)
	intent, _, _ := strings.Cut(rest, `"`)
	exit := r.explained(intent)
	require.Equal(t, projections.SubjectExit, exit.Subject)
	require.Contains(t, types(exit), "ExitRequested")
	require.Contains(t, types(exit), "OrderFilled")
}

func TestAnOrderIsExplainedWithWhatLedToIt(t *testing.T) {
	r := traded(t)
	newest := r.get("/api/v1/orders?limit=1").at("orders.0.order_id")
	x := r.explained(newest)
	require.Equal(t, projections.SubjectOrder, x.Subject)
	require.Equal(t, "SignalReceived OrderInitialized OrderSendStarted OrderAccepted OrderFilled", types(x))
	require.Contains(t, x.Text, "discipline allows")
	require.Equal(t, http.StatusNotFound, r.get("/api/v1/explain/nothing").status)
}

// TestWhatIsExplainedAddsUp holds the money of every closed lot against the portfolio's.
func TestWhatIsExplainedAddsUp(t *testing.T) {
	r := traded(t)
	r.post(`{"type":"EXIT","instrument":"BANK_NIFTY","position":"ALL","price":51000}`)
	r.settled()
	trades := r.get("/api/v1/trades")
	sum := domain.D("5000000")
	for _, id := range []string{trades.at("trades.0.position_id"), trades.at("trades.1.position_id"), trades.at("trades.2.position_id")} {
		sum = sum.Add(r.explained(id).Money.Net)
	}
	require.Equal(t, r.get("/api/v1/portfolio").at("equity.closed"), sum.String())
}
