package projections

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

// desk writes a log the way the engine does, one command at a time, with a clock and a broker that do what the test says.
type desk struct {
	t      testing.TB
	log    *eventstore.Memory
	state  *domain.State
	sealer *eventstore.Sealer
	now    time.Time
	books  int // broker ids given
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{t: t, log: eventstore.NewMemory("main"), state: domain.NewState(), now: time.Date(2026, 1, 5, 5, 0, 0, 0, time.UTC)}
	d.sealer = eventstore.NewSealer(eventstore.Empty("main"), time.Time{}, eventstore.Author{Portfolio: "main", Instance: "a", Build: "test", Epoch: 1})
	text, err := os.ReadFile("../domain/testdata/settings.txt")
	require.NoError(t, err)
	settings := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		key, value, _ := strings.Cut(line, "=")
		settings[key] = value
	}
	d.do(domain.OpenPortfolio{Instance: "a", Now: d.now, Portfolio: domain.PortfolioOpened{
		ID: "main", Currency: "INR", InitialCapital: domain.D("5000000"), Settings: settings,
	}})
	return d
}

// do decides a command and what is due behind it, and appends all of it; time goes on by a second.
func (d *desk) do(c domain.Command) []domain.Recorded {
	d.t.Helper()
	at, made := d.sealer.Head(), []domain.Recorded{}
	var recs []eventstore.Record
	take := func(c domain.Command) {
		decision, err := domain.Decide(d.state, c)
		require.NoError(d.t, err)
		first := len(made)
		for _, draft := range decision.Drafts {
			corr, cause := draft.Corr, draft.Cause
			if draft.After >= 0 {
				corr, cause = made[first+draft.After].Corr, made[first+draft.After].ID
			}
			rec, r, err := d.sealer.Seal(eventstore.Draft{Event: draft.Event, At: d.now, Corr: corr, Cause: cause})
			require.NoError(d.t, err)
			require.NoError(d.t, d.state.Apply(r))
			recs, made = append(recs, rec), append(made, r)
		}
	}
	take(c)
	take(domain.Tick{Now: d.now})
	if len(recs) > 0 {
		require.NoError(d.t, d.log.Append(d.t.Context(), at, recs))
	}
	d.now = d.now.Add(time.Second)
	return made
}

// send hands in a webhook's body; NOW in it is the desk's clock.
func (d *desk) send(body string) []domain.Recorded {
	d.t.Helper()
	body = strings.ReplaceAll(body, "NOW", d.now.Format(time.RFC3339))
	sub, _, problems := domain.ParseSignal([]byte(body), d.now)
	require.Empty(d.t, problems)
	return d.do(domain.SubmitSignal{Submission: sub, Now: d.now})
}

// sent puts the oldest open order into the broker's hands.
func (d *desk) sent() *domain.Order {
	d.t.Helper()
	o := d.state.OpenOrders()[0]
	d.do(domain.BeginSend{OrderID: o.OrderID, Now: d.now})
	d.books++
	d.do(domain.ReportSent{OrderID: o.OrderID, Accepted: true, BrokerID: "B" + string(rune('0'+d.books)), Now: d.now})
	return o
}

// fill sends the oldest open order and fills it, whole or to so many lots.
func (d *desk) fill(price string, lots ...int) {
	d.t.Helper()
	o := d.sent()
	n := o.Lots
	if len(lots) > 0 {
		n = lots[0]
	}
	d.do(domain.ReportOrder{OrderID: o.OrderID, BrokerID: o.BrokerID, Now: d.now, Canceled: n < o.Lots, Fills: []domain.Fill{
		{ExecID: "1", Units: n * o.LotSize, Price: domain.D(price), Fee: domain.D("100")},
	}})
}

const (
	niftyBase = `{"type":"BASE_ENTRY","instrument":"BANK_NIFTY","timestamp":"NOW","position":"Long_1","price":50000,"stop":49800,"atr":200,"er":1,"supertrend":49800}`
	niftyExit = `{"type":"EXIT","instrument":"BANK_NIFTY","position":"ALL","timestamp":"NOW","price":50400}`
	niftyBar  = `{"type":"MARKET_DATA","instrument":"BANK_NIFTY","timestamp":"NOW","price":50700,"atr":200,"supertrend":49900}`
	niftyAdd  = `{"type":"PYRAMID","instrument":"BANK_NIFTY","timestamp":"NOW","position":"Long_2","price":50900,"stop":50700,"atr":200,"er":1,"supertrend":50700}`
)

// trade goes in and out of Bank Nifty once.
func (d *desk) trade() {
	d.t.Helper()
	d.send(niftyBase)
	d.fill("50000")
	d.now = d.now.Add(2 * time.Minute) // beyond the window of duplicates
	d.send(niftyExit)
	d.fill("50400")
}
