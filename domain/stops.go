package domain

import "math/big"

// InitialStop is price − multiple × ATR: ours, whatever stop the signal carries.
func InitialStop(price, multiple, atr Decimal) Decimal {
	return price.Sub(multiple.Mul(atr))
}

// Trail is one bar's work on one layer: the highest price so far and the stop that follows it.
// The stop never moves down, and a bar without ATR moves no stop: at ATR 0 the trail would stand at the high and sell everything.
func Trail(stop, highest, price, multiple, atr Decimal) (newStop, newHighest Decimal) {
	newHighest = maxOf(highest, price)
	if !atr.IsPos() {
		return stop, newHighest
	}
	return maxOf(stop, newHighest.Sub(multiple.Mul(atr))), newHighest
}

// Hit says whether the price is strictly below the stop.
func Hit(price, stop Decimal) bool { return price.Cmp(stop) < 0 }

// The causes of a peel-off.
const (
	PeelRisk       = "risk"
	PeelVolatility = "volatility"
)

// PeelLots says how many of the lots must go so that risk and volatility are back within their percent of equity, and why.
// Risk and volatility are the instrument's, in rupees; the excess is shared evenly by the lots, the larger need wins.
func PeelLots(risk, volatility, equity Decimal, lots int, riskPercent, volPercent Decimal) (peel int, causes []string) {
	need := func(amount, percent Decimal, cause string) {
		excess := new(big.Rat).Sub(rat(amount), mul(rat(equity), rat(percent), big.NewRat(1, 100)))
		if excess.Sign() <= 0 || !amount.IsPos() || lots <= 0 {
			return
		}
		causes = append(causes, cause)
		perLot := new(big.Rat).Quo(rat(amount), ratInt(lots))
		peel = max(peel, ceil(excess.Quo(excess, perLot)))
	}
	need(risk, riskPercent, PeelRisk)
	need(volatility, volPercent, PeelVolatility)
	return min(peel, lots), causes
}
