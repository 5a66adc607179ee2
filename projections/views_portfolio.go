package projections

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"pm/domain"
)

// Portfolio is the portfolio as a whole. Amounts are rupees.
type Portfolio struct {
	Portfolio      string         `json:"portfolio"`
	Currency       string         `json:"currency"`
	Demo           bool           `json:"demo"`
	Equity         Equity         `json:"equity"`
	SizingEquity   string         `json:"sizing_equity"` // which of the equities sizes new risk
	Risk           Share          `json:"risk"`
	Volatility     Share          `json:"volatility"`
	Margin         Share          `json:"margin"`
	MarginFree     domain.Decimal `json:"margin_available"` // what sizing may still use
	Flows          domain.Decimal `json:"capital_flows"`
	Realized       domain.Decimal `json:"realized_pnl"` // gross
	Unrealized     domain.Decimal `json:"unrealized_pnl"`
	Fees           domain.Decimal `json:"fees"`
	TradingState   string         `json:"trading_state"`
	TradingReason  string         `json:"trading_reason,omitempty"`
	TradingBy      string         `json:"trading_by,omitempty"`
	TradingSince   time.Time      `json:"trading_since"`
	OpenPositions  int            `json:"open_positions"`
	OrdersInFlight int            `json:"orders_in_flight"`
	StandingExits  []StandingExit `json:"standing_exits"`
	Alarms         []Alarm        `json:"alarms"`
	Differences    []Difference   `json:"differences"`
	Broker         string         `json:"broker"`
	Epoch          uint64         `json:"epoch"`
	Instance       string         `json:"instance"`
	LogTime        time.Time      `json:"log_time"`
	Revision       uint64         `json:"revision"`
	HeadHash       string         `json:"head_hash"`
}

// Equity is the capital by each way of counting open profit, and the highest closed equity so far.
type Equity struct {
	Closed    domain.Decimal `json:"closed"`
	Open      domain.Decimal `json:"open"`
	Blended   domain.Decimal `json:"blended"`
	HighWater domain.Decimal `json:"high_water"`
}

// Share is an amount in rupees and in percent of the sizing equity.
type Share struct {
	Amount  domain.Decimal `json:"amount"`
	Percent domain.Decimal `json:"percent"`
}

// StandingExit is an exit whose lots are not gone yet.
type StandingExit struct {
	IntentID   string     `json:"intent_id"`
	Instrument string     `json:"instrument"`
	Cause      string     `json:"cause"`
	Lots       int        `json:"lots"`
	HeldBack   bool       `json:"held_back,omitempty"`
	OrderID    string     `json:"order_id,omitempty"`
	Attempts   int        `json:"attempts"`
	NextAt     *time.Time `json:"next_at,omitempty"`
	Revision   uint64     `json:"revision"`
}

// Alarm is a call for a person that stands, with the sentence that explains it.
type Alarm struct {
	Code     string    `json:"code"`
	Subject  string    `json:"subject"`
	Message  string    `json:"message"`
	At       time.Time `json:"at"`
	Revision uint64    `json:"revision"`
}

// Difference is one between the broker's book and the positions that no person has accepted.
type Difference struct {
	ID       string `json:"id"`
	Contract string `json:"contract"`
	Kind     string `json:"kind"`
	Units    int    `json:"units"` // the broker's minus ours
	Revision uint64 `json:"revision"`
}

// PortfolioOf adds the portfolio up. Lots in flight count in risk, volatility and margin, as they do in every gate.
func PortfolioOf(s *domain.State, head Head) Portfolio {
	f, set := s.Figures(), s.Settings()
	share := func(amount domain.Decimal) Share { return Share{amount, domain.Percent(amount, f.Equity)} }
	return Portfolio{
		Portfolio: string(s.Portfolio), Currency: s.Currency, Demo: s.Demo,
		Equity: Equity{
			Closed: f.Closed, Open: domain.Equity(domain.EquityOpen, f.Closed, f.Unrealized),
			Blended: domain.Equity(domain.EquityBlended, f.Closed, f.Unrealized), HighWater: f.HighWater,
		},
		SizingEquity: string(set.Risk.SizingEquity), Risk: share(f.Risk), Volatility: share(f.Volatility), Margin: share(f.Margin),
		MarginFree: domain.AvailableMargin(f.Equity, f.Margin, set.Risk.MaxMarginPercent),
		Flows:      s.Capital.Flows, Realized: s.Capital.Realized, Unrealized: f.Unrealized, Fees: s.Capital.Fees,
		TradingState: string(s.Trading.Mode), TradingReason: s.Trading.Reason, TradingBy: s.Trading.By, TradingSince: s.Trading.Since,
		OpenPositions: len(OpenPositions(s)), OrdersInFlight: len(s.Orders), StandingExits: exitsOf(s),
		Alarms: AlarmsOf(s), Differences: differencesOf(s), Broker: set.BrokerName,
		Epoch: s.Epoch, Instance: s.Instance, LogTime: s.At, Revision: head.Revision, HeadHash: head.Hash,
	}
}

func exitsOf(s *domain.State) []StandingExit {
	out := []StandingExit{}
	for _, i := range s.StandingIntents() {
		out = append(out, StandingExit{
			IntentID: string(i.ID), Instrument: i.Instrument, Cause: string(i.Cause), Lots: i.Lots(), HeldBack: i.HeldBack,
			OrderID: string(i.Order), Attempts: i.Attempts, NextAt: i.NextAt, Revision: i.Revision,
		})
	}
	return out
}

// AlarmsOf lists the alarms that stand, oldest first.
func AlarmsOf(s *domain.State) []Alarm {
	out := []Alarm{}
	for _, a := range s.Alarms {
		out = append(out, Alarm{Code: a.Code, Subject: a.Subject, Message: domain.Alarms[a.Code], At: a.At, Revision: a.Revision})
	}
	slices.SortFunc(out, func(a, b Alarm) int { return cmp.Compare(a.Revision, b.Revision) })
	return out
}

func differencesOf(s *domain.State) []Difference {
	out := []Difference{}
	for _, id := range slices.Sorted(maps.Keys(s.Differences)) {
		d := s.Differences[id]
		out = append(out, Difference{ID: id, Contract: d.Contract, Kind: d.Kind, Units: d.Units, Revision: d.Revision})
	}
	return out
}
