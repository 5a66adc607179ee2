package domain

import (
	"math/big"
	"slices"
	"time"
)

// entryPlan is an entry on its way through sizing and gates.
type entryPlan struct {
	j          *judgement
	in         Instrument
	known      bool
	price      Decimal
	stop       Decimal
	atr        Decimal
	er         Decimal
	figures    Figures
	sizing     *Sizing
	gates      []Gate
	checks     map[string]string
	riskCap    Decimal
	volCap     Decimal
	divergence Decimal
}

func newPlan(j *judgement, price, stop, atr Decimal) *entryPlan {
	p := &entryPlan{j: j, price: price, stop: stop, atr: atr, checks: map[string]string{}}
	p.in, p.known = j.s.settings.Instrument(j.sig.Instrument, j.sig.Timestamp)
	return p
}

func newBasePlan(j *judgement, price, stop, atr, er Decimal) *entryPlan {
	p, risk := newPlan(j, price, stop, atr), j.s.settings.Risk
	p.er, p.riskCap, p.volCap, p.divergence = er, risk.BaseRisk, risk.BaseVolatility, risk.BaseDivergence
	return p
}

func newPyramidPlan(j *judgement, price, stop, atr Decimal) *entryPlan {
	p, risk := newPlan(j, price, stop, atr), j.s.settings.Risk
	p.riskCap, p.volCap, p.divergence = risk.PyramidRisk, risk.PyramidVolatility, risk.PyramidDivergence
	return p
}

// window answers an entry without a sender's id that repeats an accepted one within the duplicate window.
func (j *judgement) window() bool {
	if j.c.ClientID != "" || j.sig.Type == EODMonitor {
		return false
	}
	seen := j.s.Recent.within(j.sig, j.s.settings.Signals.DuplicateWindow, j.remembered())
	if seen == nil {
		return false
	}
	j.duplicate(seen.Revision)
	return true
}

// base judges a base entry: every rule is evaluated and every failed one is named.
func (j *judgement) base(p *entryPlan) {
	if j.window() {
		return
	}
	p.common()
	m := j.s.Markets[j.sig.Instrument]
	if m != nil && m.Campaign != nil {
		j.fail(ReasonCampaignOpen, "campaign", count(m.Campaign.Number))
	}
	if p.sizable() {
		p.sizeBase()
		p.portfolioGates()
	}
	if len(j.reasons) > 0 {
		j.reject("", p.sizing, p.gates...)
		return
	}
	campaign := 1
	if m != nil {
		campaign = m.Campaigns + 1
	}
	p.order(campaign, 1)
}

// common is what holds for every entry.
func (p *entryPlan) common() {
	j, s := p.j, p.j.s
	maxAge := s.settings.Signals.MaxAge
	if j.sig.Type == EODMonitor {
		maxAge = s.settings.Signals.EODMaxAge
	}
	j.stale(maxAge)
	if !p.known {
		j.fail(ReasonUnknownInstrument, "instrument", j.sig.Instrument)
	}
	if s.Trading.Mode != Active {
		j.fail(ReasonNotTrading, "trading_state", string(s.Trading.Mode), "reason", s.Trading.Reason)
	}
	if p.known && s.settings.Signals.EnforceSession && !p.in.Session.Contains(j.c.Now) {
		j.fail(ReasonMarketClosed, "time", j.c.Now.In(exchangeTime).Format("Mon 15:04"))
	}
	if p.stop.Cmp(p.price) >= 0 {
		j.fail(ReasonInvalidRisk, "price", p.price.String(), "stop", p.stop.String())
	}
	if !p.atr.IsPos() {
		j.fail(ReasonInvalidATR)
	}
	for _, o := range s.OpenOrders() {
		if o.Instrument == j.sig.Instrument && o.State == UnknownSent {
			j.fail(ReasonUnknownOrder, "order_id", string(o.OrderID))
			break
		}
	}
	if m := s.Markets[j.sig.Instrument]; m != nil && len(m.Late) > 0 {
		j.fail(ReasonLateFill, "position_id", string(m.Late[0].PositionID))
	}
	if p.figures = s.Figures(); !p.figures.Equity.IsPos() {
		j.fail(ReasonNoEquity, "equity", p.figures.Equity.String())
	}
	p.diverge()
}

// diverge holds the signal's price against the broker's quote; without one the decision says that it was not checked: an entry by its
// checks, a refusal by having no such gate among those that were measured.
func (p *entryPlan) diverge() {
	quote := p.j.c.Quote
	if quote == nil || !quote.IsPos() {
		p.checks["price"] = "unchecked"
		return
	}
	gap := mul(over(rat(p.price.Sub(*quote).Abs()), rat(*quote)), big.NewRat(100, 1))
	p.checks["price"], p.checks["quote"], p.checks["divergence_percent"] = "checked", quote.String(), quotient(gap).String()
	p.gates = append(p.gates, Gate{Code: ReasonPriceDivergence, Value: quotient(gap), Limit: p.divergence})
	if gap.Cmp(rat(p.divergence)) > 0 {
		p.j.fail(ReasonPriceDivergence, "quote", quote.String(), "price", p.price.String(), "percent", quotient(gap).String(), "limit", p.divergence.String())
	}
}

// sizable says whether lots can be worked out: otherwise the reasons until here say why not.
func (p *entryPlan) sizable() bool {
	if !p.known || p.stop.Cmp(p.price) >= 0 || !p.atr.IsPos() {
		return false
	}
	if p.j.s.settings.SizingMode == SizingSender {
		p.sizeSender()
		return false // the gates are off
	}
	return p.figures.Equity.IsPos()
}

// sizeSender takes the sender's lots as they are.
func (p *entryPlan) sizeSender() {
	lots := p.j.sig.Lots
	p.sizing = &Sizing{Mode: SizingSender, Limiter: LimiterSender}
	if lots == nil || !lots.IsPos() || !lots.Equal(lots.Trunc(0)) || lots.Cmp(Int(MaxSenderLots)) > 0 {
		sent := "none"
		if lots != nil {
			sent = lots.String()
		}
		p.j.fail(ReasonZeroLots, "limiter", LimiterSender, "lots", sent, "max", count(MaxSenderLots))
		return
	}
	n, _ := lots.Int64()
	p.sizing.Lots = int(n)
}

// MaxSenderLots bounds what a sender may order in one signal.
const MaxSenderLots = 100_000

func (p *entryPlan) sizeBase() {
	f, risk := p.figures, p.j.s.settings.Risk
	p.setSizing(BaseSize{
		Equity: f.Equity, AvailableMargin: AvailableMargin(f.Equity, f.Margin, risk.MaxMarginPercent), Price: p.price, Stop: p.stop, ATR: p.atr,
		ER: p.er, RiskPercent: p.in.InitialRisk, VolPercent: p.in.InitialVol, PointValue: p.in.PointValue, MarginPerLot: p.in.MarginPerLot,
	}.Size())
}

func (p *entryPlan) setSizing(sz Sizing) {
	sz.EquityMode = string(p.j.s.settings.Risk.SizingEquity)
	p.sizing = &sz
	if sz.Lots == 0 {
		p.j.fail(ReasonZeroLots, "limiter", sz.Limiter)
	}
}

// portfolioGates hold the caps with the new lots at the order's limit and to the lower of both stops. On the limit is allowed.
func (p *entryPlan) portfolioGates() {
	f, lots := p.figures, p.sizing.Lots
	limit := LimitPrice(p.price, p.j.s.settings.Orders.EntrySlippage, p.in.Tick)
	stop := minOf(p.stop, InitialStop(p.price, p.in.InitialATR, p.atr))
	addRisk := RiskOf(limit.Mul(Int(lots)), lots, stop, p.in.PointValue)
	addVol := VolatilityOf(p.atr, lots, p.in.PointValue)
	p.cap(ReasonPortfolioRisk, f.Risk, addRisk, f.Equity, p.riskCap)
	p.cap(ReasonPortfolioVolatility, f.Volatility, addVol, f.Equity, p.volCap)
}

func (p *entryPlan) cap(code ReasonCode, current, added, equity, limit Decimal) {
	percent := Percent(current.Add(added), equity)
	p.gates = append(p.gates, Gate{Code: code, Value: percent, Limit: limit})
	if !WithinCap(current, added, equity, limit) {
		p.j.fail(code, "percent", percent.String(), "limit", limit.String(), "current", current.String(), "added", added.String(), "equity", equity.String())
	}
}

// LimitPrice is where an entry's limit stands: the price plus the slippage, rounded down to the tick but never below the price
// rounded up to it, so that the order can fill at the price it was decided on.
func LimitPrice(price, slippage, tick Decimal) Decimal {
	above := mul(rat(price), new(big.Rat).Add(big.NewRat(1, 1), rat(slippage)))
	return maxOf(onTick(above, tick, 0), onTick(rat(price), tick, 1))
}

// onTick is the tick at or below the price, or with up 1 the tick at or above it.
func onTick(price *big.Rat, tick Decimal, up int64) Decimal {
	ticks := new(big.Rat).Quo(price, rat(tick))
	n, rest := new(big.Int).QuoRem(ticks.Num(), ticks.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		n.Add(n, big.NewInt(up))
	}
	return tick.Mul(decimalOf(n, false, 0))
}

// order accepts the entry and reserves its layer.
func (p *entryPlan) order(campaign, layer int) {
	j, s, in := p.j, p.j.s, p.in
	root := j.accept()
	limit := LimitPrice(p.price, s.settings.Orders.EntrySlippage, in.Tick)
	entry := &Entry{
		PositionID: NewPositionID(in.Name, campaign, layer), Campaign: campaign, Layer: layer, SignalTime: j.sig.Timestamp, SignalPrice: p.price,
		SignalStop: p.stop, InitialStop: InitialStop(p.price, in.InitialATR, p.atr), ATR: p.atr,
		MarginPerLot: in.MarginPerLot, TrailingATR: in.TrailingATR, Sizing: *p.sizing, Gates: p.gates, Checks: p.checks,
	}
	if named := j.sig.Position; len(named) > 0 && !slices.Contains(named, LayerName(layer)) {
		entry.NamedLayer = named[0]
	}
	id := NewOrderID(s.Portfolio, s.OrderCount)
	j.d.after(root, &OrderInitialized{
		OrderID: id, N: s.OrderCount, Tag: id.Tag(), Kind: EntryOrder, Broker: s.settings.BrokerName, Instrument: in.Name, Exchange: in.Exchange,
		Contract: in.Contract, Side: Buy, Type: LimitOrder, Product: Product, Lots: p.sizing.Lots, LotSize: in.LotSize,
		Quantity: p.sizing.Lots * in.LotSize, LimitPrice: &limit, RefPrice: p.price, PointValue: in.PointValue, ExpiresAt: later(j.c.Now, j.c.Log).Add(s.settings.Orders.ExpireAfter),
		SignalID: j.id, Entry: entry,
	})
}

// later is the second time if it is after the first.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// The words of an order.
const (
	Buy         = "BUY"
	Sell        = "SELL"
	LimitOrder  = "LIMIT"
	MarketOrder = "MARKET"
	Product     = "NRML"
)
