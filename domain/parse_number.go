package domain

import (
	"fmt"
	"strings"

	"github.com/quagmt/udecimal"
)

// numberForm is what a sender is told about numbers.
var numberForm = fmt.Sprintf("send a finite number with at most %d digits before and %d after the point", PriceDigits, PriceDecimals)

const (
	// MaxNumberText is how many characters a number may be written with.
	MaxNumberText = 4096
	// maxExponentDigits bounds the exponent that is looked at, leading zeros apart. A longer one cannot fit, since
	// MaxNumberText leaves too few zeros to make up for it; so it is refused without being computed.
	maxExponentDigits = 4
)

// ParseDecimal reads a number written as JSON writes numbers, exactly. The value counts, not the spelling:
// "1.50", "15e-1" and "1.5000000000" are 1.5. It fails on more than PriceDigits digits before or PriceDecimals
// after the point, and on everything that is no number: NaN, infinities, "1,5", "+1", "0x10", "".
func ParseDecimal(text string) (Decimal, error) {
	if text == "" || len(text) > MaxNumberText || numberLen(text) != len(text) {
		return Decimal{}, fmt.Errorf("not a number: %s", numberForm)
	}
	digits, point, negative := splitNumber(text)
	if digits == "" {
		return Decimal{}, nil // zero, whatever its exponent; -0 is 0
	}
	if point > PriceDigits || len(digits)-point > PriceDecimals {
		return Decimal{}, fmt.Errorf("too many digits: %s", numberForm)
	}
	plain := placePoint(digits, point)
	if negative {
		plain = "-" + plain
	}
	d, err := udecimal.Parse(plain)
	if err != nil {
		return Decimal{}, fmt.Errorf("not a number: %s", numberForm)
	}
	return d, nil
}

// splitNumber takes a JSON number apart: its digits without zeros at either end, and how many of them stand
// before the point (negative: so many zeros follow the point). No digits mean zero.
func splitNumber(text string) (digits string, point int, negative bool) {
	text, negative = strings.CutPrefix(text, "-")
	exponent := 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		exponent = readExponent(text[i+1:])
		text = text[:i]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	digits = whole + fraction
	stripped := strings.TrimLeft(digits, "0")
	point = len(whole) - (len(digits) - len(stripped)) + exponent
	return strings.TrimRight(stripped, "0"), point, negative
}

// readExponent reads a well-formed exponent. One too long to matter is read as its first digits: still far out of range.
func readExponent(text string) int {
	text, minus := strings.CutPrefix(text, "-")
	text = strings.TrimLeft(strings.TrimPrefix(text, "+"), "0")
	if len(text) > maxExponentDigits {
		text = strings.Repeat("9", maxExponentDigits)
	}
	n := 0
	for _, c := range []byte(text) {
		n = n*10 + int(c-'0')
	}
	if minus {
		return -n
	}
	return n
}

// placePoint writes digits with the point after the first n of them, zeros filled in, as short as can be.
func placePoint(digits string, n int) string {
	switch {
	case n <= 0:
		return "0." + strings.Repeat("0", -n) + digits
	case n >= len(digits):
		return digits + strings.Repeat("0", n-len(digits))
	default:
		return digits[:n] + "." + digits[n:]
	}
}
