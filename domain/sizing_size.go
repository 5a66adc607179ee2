package domain

import "math/big"

// The modes of sizing.
const (
	SizingOwn    = "own"    // lots by risk and margin
	SizingSender = "sender" // the sender's lots as they are; only with a paper broker
)

// The limiters that a size can name.
const (
	LimiterRisk        = "risk"
	LimiterMargin      = "margin"
	LimiterDiscipline  = "discipline"
	LimiterRiskBudget  = "risk_budget"
	LimiterInvalidRisk = "invalid_risk"
	LimiterSender      = "sender"
)

// BaseSize is what the size of a base entry is made of: money in rupees, prices and ATR in points, percents as 1.0 for one percent.
type BaseSize struct {
	Equity, AvailableMargin  Decimal
	Price, Stop, ATR, ER     Decimal
	RiskPercent, VolPercent  Decimal
	PointValue, MarginPerLot Decimal // a lot
}

// Size gives the lots of a base entry: the smaller of what the risk and what the margin allows, rounded down.
// Volatility is reported beside them and limits nothing here; the portfolio gate holds that cap.
func (b BaseSize) Size() Sizing {
	out := Sizing{
		Mode: SizingOwn, Equity: &b.Equity, AvailableMargin: &b.AvailableMargin, Price: &b.Price, Stop: &b.Stop, ATR: &b.ATR, ER: &b.ER,
		RiskPercent: &b.RiskPercent, VolPercent: &b.VolPercent, PointValue: &b.PointValue, MarginPerLot: &b.MarginPerLot,
		LotsRisk: ptr(zero), LotsVolatility: ptr(zero), LotsMargin: ptr(zero), Limiter: LimiterInvalidRisk,
	}
	perLot := mul(rat(b.Price.Sub(b.Stop)), rat(b.PointValue))
	if perLot.Sign() <= 0 {
		return out
	}
	byRisk := mul(rat(b.Equity), rat(b.RiskPercent), big.NewRat(1, 100), rat(b.ER))
	byRisk.Quo(byRisk, perLot)
	byMargin := over(rat(b.AvailableMargin), rat(b.MarginPerLot))
	byVol := over(mul(rat(b.Equity), rat(b.VolPercent), big.NewRat(1, 100)), mul(rat(b.ATR), rat(b.PointValue)))
	out.LotsRisk, out.LotsMargin, out.LotsVolatility = ptr(quotient(byRisk)), ptr(quotient(byMargin)), ptr(quotient(byVol))
	least := byMargin
	out.Limiter = LimiterMargin
	if byRisk.Cmp(byMargin) <= 0 {
		least, out.Limiter = byRisk, LimiterRisk
	}
	out.Lots = max(0, floor(least))
	return out
}

// PyramidSize is what the size of a pyramid is made of. Profit is the base's profit after its own risk, in rupees, clamped by the caller;
// BaseLots are as first filled; Pyramids is how many the campaign already has.
type PyramidSize struct {
	AvailableMargin          Decimal
	Price, Stop              Decimal
	BaseLots, Pyramids       int
	Profit                   Decimal
	PointValue, MarginPerLot Decimal
}

// Size gives the lots of a pyramid: the least of margin, discipline (half the base, halved again each time) and half the profit.
func (p PyramidSize) Size() Sizing {
	margin := floor(over(rat(p.AvailableMargin), rat(p.MarginPerLot)))
	discipline := 0
	if p.Pyramids+1 < 62 { // shifting further gives zero anyway
		discipline = p.BaseLots >> (p.Pyramids + 1)
	}
	budget, limiter, lots := 0, LimiterInvalidRisk, 0
	if perLot := mul(rat(p.Price.Sub(p.Stop)), rat(p.PointValue)); perLot.Sign() > 0 {
		budget = floor(mul(rat(p.Profit), big.NewRat(1, 2), new(big.Rat).Inv(perLot)))
		least := min(margin, discipline, budget)
		switch least {
		case margin:
			limiter = LimiterMargin
		case discipline:
			limiter = LimiterDiscipline
		default:
			limiter = LimiterRiskBudget
		}
		lots = max(0, least)
	}
	return Sizing{
		Mode: SizingOwn, Lots: lots, Limiter: limiter, AvailableMargin: &p.AvailableMargin, Price: &p.Price, Stop: &p.Stop,
		BaseLots: &p.BaseLots, Pyramids: &p.Pyramids, Profit: &p.Profit, PointValue: &p.PointValue, MarginPerLot: &p.MarginPerLot,
		LotsMargin: ptr(Int(margin)), LotsDiscipline: ptr(Int(discipline)), LotsRiskBudget: ptr(Int(budget)),
	}
}

// over is a/b, and 0 where b is not positive: no lots come from a figure that is not there.
func over(a, b *big.Rat) *big.Rat {
	if b.Sign() <= 0 {
		return new(big.Rat)
	}
	return new(big.Rat).Quo(a, b)
}
