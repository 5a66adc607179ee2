package snapshottest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

// Log is a small log as the engine writes one: a campaign with a pyramid that is closed, a refused signal, an open position and an
// order in flight.
func Log(t testing.TB) []domain.Recorded {
	t.Helper()
	d := &desk{t: t, state: domain.NewState(), now: time.Date(2026, 1, 5, 5, 0, 0, 123456789, time.UTC)}
	d.sealer = eventstore.NewSealer(eventstore.Empty("main"), time.Time{}, eventstore.Author{Portfolio: "main", Instance: "a", Build: "test", Epoch: 1})
	d.do(domain.OpenPortfolio{Instance: "a", Now: d.now, Portfolio: domain.PortfolioOpened{
		ID: "main", Currency: "INR", InitialCapital: domain.D("5000000"), Settings: settings(t),
	}})
	for range 2 {
		d.signal("BASE_ENTRY", `"position":"Long_1","price":50000,"stop":49800,"atr":200,"er":1,"supertrend":49800`)
		d.fill("50000.05")
		d.signal("BASE_ENTRY", `"position":"Long_1","price":50010,"stop":49800,"atr":200,"er":1,"supertrend":49800`)
		d.signal("MARKET_DATA", `"price":50700,"atr":200,"supertrend":49900`)
		d.signal("PYRAMID", `"position":"Long_2","price":50900,"stop":50700,"atr":200,"er":1,"supertrend":50700`)
		d.fill("50900.1")
		d.signal("EXIT", `"position":"ALL","price":51000`)
		d.fill("51000.15")
	}
	d.signal("BASE_ENTRY", `"position":"Long_1","price":50000,"stop":49800,"atr":200,"er":1,"supertrend":49800`)
	d.fill("50000")
	d.signal("PYRAMID", `"position":"Long_2","price":50900,"stop":50700,"atr":200,"er":1,"supertrend":50700`)
	return d.made
}

// settings are those of the domain's own tests.
func settings(t testing.TB) map[string]string {
	t.Helper()
	root, err := os.Getwd()
	require.NoError(t, err)
	for { // a test runs in the folder of its package
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		require.NotEqual(t, root, filepath.Dir(root), "no go.mod above this test")
		root = filepath.Dir(root)
	}
	text, err := os.ReadFile(filepath.Join(root, "domain", "testdata", "settings.txt"))
	require.NoError(t, err)
	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		all[key] = value
	}
	return all
}

// desk decides one command at a time, as the engine does, with a clock and a broker that do what it says.
type desk struct {
	t      testing.TB
	state  *domain.State
	sealer *eventstore.Sealer
	now    time.Time
	books  int // broker ids given
	made   []domain.Recorded
}

// do decides a command and what is due behind it; a second goes by.
func (d *desk) do(c domain.Command) {
	d.t.Helper()
	for _, c := range []domain.Command{c, domain.Tick{Now: d.now}} {
		decision, err := domain.Decide(d.state, c)
		require.NoError(d.t, err)
		first := len(d.made)
		for _, draft := range decision.Drafts {
			corr, cause := draft.Corr, draft.Cause
			if draft.After >= 0 {
				corr, cause = d.made[first+draft.After].Corr, d.made[first+draft.After].ID
			}
			_, r, err := d.sealer.Seal(eventstore.Draft{Event: draft.Event, At: d.now, Corr: corr, Cause: cause})
			require.NoError(d.t, err)
			require.NoError(d.t, d.state.Apply(r))
			d.made = append(d.made, r)
		}
	}
	d.now = d.now.Add(time.Second)
}

// signal hands in a webhook's body for Bank Nifty, two minutes after what was before: beyond the window of duplicates.
func (d *desk) signal(kind, rest string) {
	d.t.Helper()
	d.now = d.now.Add(2 * time.Minute)
	body := fmt.Sprintf(`{"type":%q,"instrument":"BANK_NIFTY","timestamp":%q,%s}`, kind, d.now.Format(time.RFC3339), rest)
	submission, _, problems := domain.ParseSignal([]byte(body), d.now)
	require.Empty(d.t, problems)
	d.do(domain.SubmitSignal{Submission: submission, Now: d.now})
}

// fill sends every open order and fills it whole.
func (d *desk) fill(price string) {
	d.t.Helper()
	orders := d.state.OpenOrders()
	require.NotEmpty(d.t, orders, "there must be an order to fill")
	for _, o := range orders {
		d.books++
		id := fmt.Sprintf("B%d", d.books)
		d.do(domain.BeginSend{OrderID: o.OrderID, Now: d.now})
		d.do(domain.ReportSent{OrderID: o.OrderID, Accepted: true, BrokerID: id, Now: d.now})
		d.do(domain.ReportOrder{OrderID: o.OrderID, BrokerID: id, Now: d.now, Fills: []domain.Fill{
			{ExecID: "1", Units: o.Lots * o.LotSize, Price: domain.D(price), Fee: domain.D("100")},
		}})
	}
}

// digest is the hash of a history, as the fold carries it.
func digest(lines string) string {
	sum := sha256.Sum256([]byte(lines))
	return hex.EncodeToString(sum[:])
}
