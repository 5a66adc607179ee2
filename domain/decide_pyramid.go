package domain

import "math/big"

// pyramid judges a pyramid: all gates are evaluated, every failed one is named. Which layer it is, is ours to derive.
func (j *judgement) pyramid(p *entryPlan) {
	if j.window() {
		return
	}
	p.common()
	var c *Campaign
	if m := j.s.Markets[j.sig.Instrument]; m != nil {
		c = m.Campaign
	}
	if c == nil {
		j.fail(ReasonNoBase)
		j.reject("", nil)
		return
	}
	layer := c.Filled + 1
	filled := p.rules(c)
	if filled && p.known && j.s.settings.SizingMode == SizingOwn {
		p.ladder(c)
	}
	if filled && p.sizable() {
		p.sizePyramid(c)
		p.portfolioGates()
	}
	if len(j.reasons) > 0 {
		j.reject(LayerName(layer), p.sizing, p.gates...)
		return
	}
	p.order(c.Number, layer)
}

// rules are the life-cycle rules, which hold in every mode; they say whether the base has filled, so that gates can be measured.
func (p *entryPlan) rules(c *Campaign) bool {
	j := p.j
	pending := j.s.EntryInFlight(j.sig.Instrument)
	if pending != nil {
		j.fail(ReasonEntryPending, "order_id", string(pending.OrderID))
	}
	if base := c.Base(); (base == nil || base.Free() == 0) && (c.Filled > 0 || pending == nil) {
		j.fail(ReasonNoBase, "campaign", count(c.Number))
	}
	if p.known && c.Filled > p.in.MaxPyramids {
		j.fail(ReasonMaxPyramids, "max", count(p.in.MaxPyramids))
	}
	return c.Filled > 0
}

// ladder are the gates of the instrument: one R, spacing, profit.
func (p *entryPlan) ladder(c *Campaign) {
	j, base := p.j, c.BaseEntry()
	r := OneR(base, c.BaseStop)
	move := new(big.Rat).Sub(rat(p.price), base.rat())
	p.gates = append(p.gates, Gate{Code: ReasonOneR, Value: quotient(move), Limit: quotient(r)})
	switch {
	case r.Sign() <= 0:
		j.fail(ReasonInvalidRisk, "base_entry", base.Price().String(), "base_stop", c.BaseStop.String())
	case !AboveOneR(p.price, base, c.BaseStop):
		j.fail(ReasonOneR, "move", quotient(move).String(), "r", quotient(r).String())
	}
	spaces := quotient(over(rat(p.price.Sub(c.LastPrice)), rat(p.atr)))
	p.gates = append(p.gates, Gate{Code: ReasonSpacing, Value: spaces, Limit: p.in.Spacing})
	if !Spaced(p.price, c.LastPrice, p.atr, p.in.Spacing) {
		j.fail(ReasonSpacing, "atrs", spaces.String(), "limit", p.in.Spacing.String(), "last_price", c.LastPrice.String())
	}
	profit := zero
	for _, l := range c.Layers {
		profit = profit.Add(ProfitAt(p.price, l.Cost, l.Lots, l.PointValue))
	}
	p.gates = append(p.gates, Gate{Code: ReasonProfit, Value: profit, Limit: zero})
	if !profit.IsPos() {
		j.fail(ReasonProfit, "profit", profit.String())
	}
}

func (p *entryPlan) sizePyramid(c *Campaign) {
	f, risk := p.figures, p.j.s.settings.Risk
	value := p.in.PointValue
	if base := c.Base(); base != nil { // the table may have changed since it was bought: today's value is for the new lots
		value = base.PointValue
	}
	baseRisk := RiskOf(c.BaseCost, c.BaseLots, c.BaseStop, value)
	profit := maxOf(zero, ProfitAt(p.price, c.BaseCost, c.BaseLots, value).Sub(baseRisk))
	sz := PyramidSize{
		AvailableMargin: AvailableMargin(f.Equity, f.Margin, risk.MaxMarginPercent), Price: p.price, Stop: p.stop, BaseLots: c.BaseLots,
		Pyramids: c.Filled - 1, Profit: profit, PointValue: p.in.PointValue, MarginPerLot: p.in.MarginPerLot,
	}.Size()
	sz.Equity = &f.Equity
	p.setSizing(sz)
}
