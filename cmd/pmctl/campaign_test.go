package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/projections"
)

// campaign drives a whole campaign as a script would: nothing but verbs, each answer read as JSON.
type campaign struct {
	*service
	t    *testing.T
	sent int
}

// ask reads one document.
func (c *campaign) ask(into any, args ...string) {
	c.t.Helper()
	out, _ := c.as(c.t, "vic", exitFine, append(args, "-o", "json")...)
	require.NoError(c.t, json.Unmarshal([]byte(out), into), out)
}

// command says something as the administrator and waits until its orders have come to rest.
func (c *campaign) command(args ...string) (told outcomeOfCommand) {
	c.t.Helper()
	out, _ := c.as(c.t, "ada", exitFine, append(args, "-o", "json")...)
	require.NoError(c.t, json.Unmarshal([]byte(out), &told), out)
	c.rest(c.t)
	return told
}

// signal sends one signal and gives its row: what was decided and why.
func (c *campaign) signal(kind string, layer, price, stop int) projections.Signal {
	c.t.Helper()
	c.sent++
	line := fmt.Sprintf(`{"type":%q,"instrument":"BANK_NIFTY","position":"Long_%d","price":%d,"stop":%d,"atr":200,"er":1,"supertrend":%[4]d}`, kind, layer, price, stop)
	if kind == "MARKET_DATA" {
		line = fmt.Sprintf(`{"type":"MARKET_DATA","instrument":"BANK_NIFTY","price":%d,"atr":200,"supertrend":%d}`, price, stop)
	}
	file := writeFile(c.t, fmt.Sprintf("signal-%d.json", c.sent), line+"\n")
	c.as(c.t, "vic", exitFine, "signals", "send", file, "--stamp", "now", "--wait-orders", "--retry")
	c.rest(c.t)
	var list struct {
		Signals []projections.Signal `json:"signals"`
	}
	c.ask(&list, "signals", "--limit", "1")
	require.Len(c.t, list.Signals, 1)
	require.Equal(c.t, kind, list.Signals[0].Type)
	return list.Signals[0]
}

func TestAScriptDrivesAWholeCampaignAndItsFiguresAddUp(t *testing.T) {
	c := &campaign{service: staffed(t), t: t}
	base := c.signal("BASE_ENTRY", 1, 50000, 49800)
	require.Equal(t, "BANK_NIFTY-1-Long_1", base.Decision.PositionID)
	require.Equal(t, 8, base.Decision.Lots, "1 % of 5,000,000 over 200 points of 30 rupees")
	c.signal("MARKET_DATA", 0, 50900, 50000)
	first := c.signal("PYRAMID", 2, 50900, 50700)
	require.Equal(t, "accepted", first.Outcome, first.Reasons)
	require.Equal(t, "margin", first.Decision.Limiter)
	require.Equal(t, 3, first.Decision.Lots)

	refusedOne := c.signal("PYRAMID", 3, 51100, 50900)
	require.Equal(t, "rejected", refusedOne.Outcome)
	require.Equal(t, "zero_lots", refusedOne.Reasons[0].Code)
	require.Equal(t, "margin", refusedOne.Reasons[0].Details["limiter"], "all of the margin is in use")
	why, _ := c.as(t, "vic", exitFine, "explain", refusedOne.SignalID)
	require.Contains(t, why, "margin")
	c.command("limits", "max_margin_percent=90")
	second := c.signal("PYRAMID", 3, 51200, 51000)
	require.Equal(t, "accepted", second.Outcome, second.Reasons)
	require.Equal(t, "discipline", second.Decision.Limiter)
	require.Equal(t, 2, second.Decision.Lots, "a quarter of the base")

	c.signal("MARKET_DATA", 0, 51500, 51000)
	byHand := c.command("exit", "BANK_NIFTY-1-Long_2", "--reason", "a look at the chart")
	require.Equal(t, 3, byHand.Exits[0].Lots)
	c.signal("MARKET_DATA", 0, 51400, 51000)
	planned := c.command("close-all", "--dry-run", "--reason", "the day is over")
	done := c.command("close-all", "--reason", "the day is over")
	require.Equal(t, planned.Exits, done.Exits, "the dry run said what would happen")
	c.addUp(map[string]int{"BANK_NIFTY-1-Long_1": 8, "BANK_NIFTY-1-Long_2": 3, "BANK_NIFTY-1-Long_3": 2})
}

// addUp holds the books together: lots bought and sold, each position's profit from its prices, and the portfolio's from theirs.
func (c *campaign) addUp(lots map[string]int) {
	var closed struct {
		Trades []projections.Position `json:"positions"`
	}
	c.ask(&closed, "positions", "--status", "closed")
	require.Len(c.t, closed.Trades, len(lots))
	var gross, fees domain.Decimal
	for _, p := range closed.Trades {
		require.Equal(c.t, lots[p.PositionID], p.LotsBought, p.PositionID)
		require.Equal(c.t, p.LotsBought, p.LotsSold, p.PositionID)
		units := domain.D(fmt.Sprint(p.LotsSold)).Mul(p.PointValue)
		require.True(c.t, p.ExitPrice.Sub(*p.EntryPrice).Mul(units).Equal(p.RealizedPnL), "%s: %s", p.PositionID, p.RealizedPnL)
		require.True(c.t, p.ExitPrice.Add(*p.EntryPrice).Mul(units).Mul(domain.D("0.0005")).Equal(p.Fees), "%s: %s", p.PositionID, p.Fees)
		require.True(c.t, p.RealizedPnL.Sub(p.Fees).Equal(p.NetPnL), p.PositionID)
		c.explained(p)
		gross, fees = gross.Add(p.RealizedPnL), fees.Add(p.Fees)
	}
	var book projections.Portfolio
	c.ask(&book, "portfolio")
	require.True(c.t, gross.Equal(book.Realized), "%s", book.Realized)
	require.True(c.t, fees.Equal(book.Fees), "%s", book.Fees)
	require.True(c.t, domain.D("5000000").Add(gross).Sub(fees).Equal(book.Equity.Closed))
	for name, rest := range map[string]domain.Decimal{"risk": book.Risk.Amount, "margin": book.Margin.Amount, "unrealized": book.Unrealized} {
		require.True(c.t, rest.IsZero(), "%s %s is left", name, rest)
	}
	var orders struct {
		Orders []projections.Order `json:"orders"`
	}
	c.ask(&orders, "orders")
	sides := map[string]int{}
	for _, o := range orders.Orders {
		sides[o.Side] += o.FilledLots
	}
	require.Equal(c.t, map[string]int{"BUY": 13, "SELL": 13}, sides)
}

// explained asks why each lot of a position was bought and sold, and holds the figures of the answer against the books.
func (c *campaign) explained(p projections.Position) {
	var x projections.Explanation
	c.ask(&x, "explain", p.PositionID)
	require.Len(c.t, x.Sizes, 1, "one size led to it")
	require.Equal(c.t, p.LotsBought, x.Sizes[0].Figures.Lots, p.PositionID)
	require.NotEmpty(c.t, x.Sizes[0].Figures.Limiter)
	lots := map[string]int{}
	for _, f := range x.Fills {
		lots[f.Side] += f.Lots
	}
	require.Equal(c.t, p.LotsBought, lots["BUY"], p.PositionID)
	require.GreaterOrEqual(c.t, lots["SELL"], p.LotsSold, "one order may sell several layers")
	require.NotNil(c.t, x.Money)
	require.True(c.t, x.Money.Gross.Equal(p.RealizedPnL) && x.Money.Fees.Equal(p.Fees) && x.Money.Net.Equal(p.NetPnL), "%+v", x.Money)
	require.NotEmpty(c.t, x.Inputs, "the signal that led to it")
	for _, g := range x.Gates {
		require.True(c.t, g.Passed, "%s of %s", g.Code, p.PositionID)
	}
}
