package domain

import "github.com/quagmt/udecimal"

// Decimal is an exact decimal number. The library keeps 19 digits after the point and cuts a longer product silently, so
// what is stored is bounded to stay below that (PriceDecimals, PointValueDecimals, quotientDigits), and every comparison whose
// exact product could be longer is made on big.Rat (see rat).
type Decimal = udecimal.Decimal

const (
	// PriceDigits is the most digits that a number of a signal has before the point.
	PriceDigits = 12
	// PriceDecimals is the most digits that a number of a signal has after the point.
	PriceDecimals = 8
	// PointValueDecimals is the most digits after the point of a point value.
	PointValueDecimals = 4
	// QuotientDigits is how many digits after the point a stored quotient keeps, rounded half to even.
	QuotientDigits = 12
)

var (
	zero = Decimal{}
	half = udecimal.MustFromInt64(5, 1)
)

// D reads a decimal that is known to be well formed; it panics on anything else. For tables and tests.
func D(s string) Decimal { return udecimal.MustParse(s) }

// Int makes a whole number.
func Int[N ~int | ~int64 | ~uint64](n N) Decimal { return udecimal.MustFromInt64(int64(n), 0) }
