package domain

import (
	"math/big"

	"github.com/quagmt/udecimal"
)

// rat is the exact value of d. Gates and floors are decided on it, so no rounded quotient ever decides anything.
func rat(d Decimal) *big.Rat {
	neg, hi, lo, prec, ok := d.ToHiLo()
	if !ok { // longer than 128 bits: slow, exact, and only reached by absurd figures
		r, _ := new(big.Rat).SetString(d.String())
		return r
	}
	num := new(big.Int)
	if hi != 0 {
		num.Lsh(num.SetUint64(hi), 64)
		num.Or(num, new(big.Int).SetUint64(lo))
	} else {
		num.SetUint64(lo)
	}
	if neg {
		num.Neg(num)
	}
	if prec == 0 {
		return new(big.Rat).SetInt(num)
	}
	return new(big.Rat).SetFrac(num, pow10(int(prec)))
}

func ratInt(n int) *big.Rat { return new(big.Rat).SetInt64(int64(n)) }

// powers of ten up to what the decimal library holds; shared, so never changed.
var powers = func() (out [maxDecimals + 1]*big.Int) {
	for n := range out {
		out[n] = new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	}
	return out
}()

func pow10(n int) *big.Int { return powers[n] }

// mul is the exact product of its factors.
func mul(first *big.Rat, rest ...*big.Rat) *big.Rat {
	out := new(big.Rat).Set(first)
	for _, r := range rest {
		out.Mul(out, r)
	}
	return out
}

// maxWhole bounds every floored figure, far above any real number of lots, so that it fits an int everywhere.
const maxWhole = 1_000_000_000_000

// floor is the greatest whole number not above r, kept within ±maxWhole.
func floor(r *big.Rat) int {
	q := new(big.Int)
	q.Div(r.Num(), r.Denom()) // Euclidean: rounds down, as the denominator is positive
	switch {
	case q.Cmp(big.NewInt(maxWhole)) > 0:
		return maxWhole
	case q.Cmp(big.NewInt(-maxWhole)) < 0:
		return -maxWhole
	}
	return int(q.Int64())
}

// ceil is the smallest whole number not below r.
func ceil(r *big.Rat) int { return -floor(new(big.Rat).Neg(r)) }

// quotient rounds r to QuotientDigits after the point, half to even.
func quotient(r *big.Rat) Decimal { return roundRat(r, QuotientDigits) }

func roundRat(r *big.Rat, digits int) Decimal {
	num := new(big.Int).Mul(r.Num(), pow10(digits))
	q, rem := new(big.Int).QuoRem(new(big.Int).Abs(num), r.Denom(), new(big.Int))
	rem.Lsh(rem, 1)
	switch c := rem.Cmp(r.Denom()); {
	case c > 0, c == 0 && q.Bit(0) == 1:
		q.Add(q, big.NewInt(1))
	}
	return decimalOf(q, r.Sign() < 0, digits)
}

func decimalOf(coef *big.Int, neg bool, digits int) Decimal {
	if coef.BitLen() <= 128 {
		lo := new(big.Int).And(coef, new(big.Int).SetUint64(^uint64(0))).Uint64()
		hi := new(big.Int).Rsh(coef, 64).Uint64()
		d, err := udecimal.NewFromHiLo(neg && coef.Sign() != 0, hi, lo, uint8(digits))
		if err == nil {
			return d
		}
	}
	return udecimal.MustParse(new(big.Rat).SetFrac(signed(coef, neg), pow10(digits)).FloatString(digits))
}

func signed(coef *big.Int, neg bool) *big.Int {
	if neg {
		return new(big.Int).Neg(coef)
	}
	return coef
}

// maxOf and minOf choose between two decimals.
func maxOf(a, b Decimal) Decimal {
	if a.Cmp(b) >= 0 {
		return a
	}
	return b
}

func minOf(a, b Decimal) Decimal {
	if a.Cmp(b) <= 0 {
		return a
	}
	return b
}

func ptr[T any](v T) *T { return &v }
