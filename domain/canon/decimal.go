package canon

import (
	"fmt"
	"unsafe"

	"github.com/quagmt/udecimal"
)

// MaxDecimal is the longest decimal that is written or read, in bytes without the quotes; the library reads no longer one.
const MaxDecimal = 200

// fastDigits is how many digits surely fit a uint64.
const fastDigits = 18

func writeDecimal(dst []byte, at unsafe.Pointer) ([]byte, error) {
	start := len(dst) + 1
	// The library writes the shortest form, without exponent, trailing zeros or a negative zero; the tests hold it to that.
	dst, err := (*udecimal.Decimal)(at).AppendText(append(dst, '"'))
	if err != nil {
		return dst, fmt.Errorf("canon: decimal: %w", err)
	}
	if n := len(dst) - start; n > MaxDecimal {
		return dst, fmt.Errorf("canon: a decimal of %d bytes, at most %d are allowed", n, MaxDecimal)
	}
	return append(dst, '"'), nil
}

func readDecimal(d *Decoder, at unsafe.Pointer) (err error) {
	*(*udecimal.Decimal)(at), err = d.decimal()
	return err
}

// decimal reads "-?(0|[1-9]\d*)(\.\d*[1-9])?" with its quotes, but not -0.
func (d *Decoder) decimal() (udecimal.Decimal, error) {
	if !d.take('"') {
		return udecimal.Decimal{}, d.fail("a decimal in quotes must come here")
	}
	start := d.pos
	neg := d.take('-')
	first := d.pos
	whole, coef := d.mantissa(0)
	fraction := 0
	if whole > 0 && d.take('.') {
		fraction, coef = d.mantissa(coef)
		if fraction == 0 || d.data[d.pos-1] == '0' {
			return udecimal.Decimal{}, d.fail("a decimal ends in its point or in a zero behind it")
		}
	}
	switch {
	case whole == 0:
		return udecimal.Decimal{}, d.fail("a digit must come here")
	case whole > 1 && d.data[first] == '0':
		return udecimal.Decimal{}, d.fail("a leading zero")
	case neg && d.pos-first == 1 && d.data[first] == '0':
		return udecimal.Decimal{}, d.fail("-0 is written 0")
	}
	text := d.data[start:d.pos]
	if !d.take('"') {
		return udecimal.Decimal{}, d.fail("a digit or the end of the decimal must come here")
	}
	x, err := toDecimal(text, neg, coef, whole+fraction, fraction)
	if err != nil {
		return x, d.fail("decimal: " + err.Error())
	}
	return x, nil
}

// mantissa reads digits and adds them to coef, which means nothing once there are more than fastDigits of them.
func (d *Decoder) mantissa(coef uint64) (count int, sum uint64) {
	start := d.pos
	for d.pos < len(d.data) {
		c := d.data[d.pos] - '0'
		if c > 9 {
			break
		}
		coef = coef*10 + uint64(c)
		d.pos++
	}
	return d.pos - start, coef
}

func toDecimal(text []byte, neg bool, coef uint64, digits, fraction int) (udecimal.Decimal, error) {
	if digits <= fastDigits {
		return udecimal.NewFromHiLo(neg, 0, coef, uint8(fraction))
	}
	return udecimal.Parse(string(text))
}
