package domain

import "math/big"

// Average is an exact average price: cost in points × lots over the lots. It is compared by cross-multiplication and rounded for display only.
type Average struct {
	Cost Decimal
	Lots int
}

// Price is the average for display and stored figures, 12 digits after the point; 0 for no lots.
func (a Average) Price() Decimal {
	if a.Lots == 0 {
		return zero
	}
	return quotient(a.rat())
}

func (a Average) rat() *big.Rat {
	return over(rat(a.Cost), ratInt(a.Lots))
}

// OneR is R: entry minus initial stop. Not positive means that the base has no risk to measure by.
func OneR(entry Average, initialStop Decimal) *big.Rat {
	return new(big.Rat).Sub(entry.rat(), rat(initialStop))
}

// AboveOneR says whether the price has moved by strictly more than R above the base entry.
// Exactly one R is not yet a profit worth adding to.
func AboveOneR(price Decimal, entry Average, initialStop Decimal) bool {
	move := new(big.Rat).Sub(rat(price), entry.rat())
	return move.Cmp(OneR(entry, initialStop)) > 0
}

// Spaced says whether the price is at least spacing × ATR above the last filled layer's signal price. An ATR of zero spaces nothing.
func Spaced(price, last, atr, spacing Decimal) bool {
	if !atr.IsPos() {
		return false
	}
	return rat(price.Sub(last)).Cmp(mul(rat(spacing), rat(atr))) >= 0
}

// WithinCap says whether current + added is at most percent of equity. On the limit is within.
func WithinCap(current, added, equity, percent Decimal) bool {
	return mul(rat(current.Add(added)), big.NewRat(100, 1)).Cmp(mul(rat(percent), rat(equity))) <= 0
}

// Percent is amount in percent of equity for display, 0 where there is no equity.
func Percent(amount, equity Decimal) Decimal {
	return quotient(mul(over(rat(amount), rat(equity)), big.NewRat(100, 1)))
}

// RiskOf is max(0, entry − stop) × lots × point value, entry given by its cost: rupees.
func RiskOf(cost Decimal, lots int, stop, pointValue Decimal) Decimal {
	return maxOf(zero, cost.Sub(stop.Mul(Int(lots)))).Mul(pointValue)
}

// VolatilityOf is ATR × lots × point value: rupees.
func VolatilityOf(atr Decimal, lots int, pointValue Decimal) Decimal {
	return atr.Mul(Int(lots)).Mul(pointValue)
}

// ProfitAt is the gain of lots bought at this cost, at a price: rupees.
func ProfitAt(price, cost Decimal, lots int, pointValue Decimal) Decimal {
	return price.Mul(Int(lots)).Sub(cost).Mul(pointValue)
}

// EquityMode says which equity sizes new risk.
type EquityMode string

// The equity modes.
const (
	EquityClosed  EquityMode = "closed"
	EquityOpen    EquityMode = "open"
	EquityBlended EquityMode = "blended"
)

// Equity is closed equity with none, all or half of the unrealized P&L.
func Equity(mode EquityMode, closed, unrealized Decimal) Decimal {
	switch mode {
	case EquityOpen:
		return closed.Add(unrealized)
	case EquityBlended:
		return closed.Add(unrealized.Mul(half))
	case EquityClosed:
		return closed
	}
	return closed
}

// AvailableMargin is what sizing may still use: max(0, percent of equity − used).
func AvailableMargin(equity, used, percent Decimal) Decimal {
	share := mul(rat(equity), rat(percent), big.NewRat(1, 100))
	return roundRat(maxRat(new(big.Rat), share.Sub(share, rat(used))), maxDecimals)
}

// maxDecimals is the most digits after the point that the decimal library holds.
const maxDecimals = 19

func maxRat(a, b *big.Rat) *big.Rat {
	if a.Cmp(b) >= 0 {
		return a
	}
	return b
}
