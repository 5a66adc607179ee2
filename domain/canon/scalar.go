package canon

import (
	"fmt"
	"reflect"
	"strconv"
)

func writeBool(dst []byte, v reflect.Value) ([]byte, error) {
	return strconv.AppendBool(dst, v.Bool()), nil
}

func readBool(d *Decoder, v reflect.Value) error {
	rest := d.data[d.pos:]
	switch {
	case len(rest) >= 4 && string(rest[:4]) == "true":
		d.pos += 4
		v.SetBool(true)
	case len(rest) >= 5 && string(rest[:5]) == "false":
		d.pos += 5
		v.SetBool(false)
	default:
		return d.fail("true or false must come here")
	}
	return nil
}

func writeInt(dst []byte, v reflect.Value) ([]byte, error) {
	return strconv.AppendInt(dst, v.Int(), 10), nil
}

func writeUint(dst []byte, v reflect.Value) ([]byte, error) {
	return strconv.AppendUint(dst, v.Uint(), 10), nil
}

// readInt takes -?(0|[1-9]\d*), but not -0, within the type's range.
func readInt(d *Decoder, v reflect.Value) error {
	start := d.pos
	neg := d.take('-')
	n, err := d.digits()
	if err != nil {
		return err
	}
	// The most negative number has no positive twin, hence the one more on that side.
	limit := uint64(1) << 63
	if neg && n == 0 || n > limit || !neg && n == limit {
		d.pos = start
		return d.fail("-0 or a number out of range")
	}
	i := int64(n)
	if neg {
		i = -i
	}
	if v.OverflowInt(i) {
		d.pos = start
		return d.fail(fmt.Sprintf("the number does not fit %s", v.Type()))
	}
	v.SetInt(i)
	return nil
}

// readUint takes 0|[1-9]\d* within the type's range.
func readUint(d *Decoder, v reflect.Value) error {
	start := d.pos
	n, err := d.digits()
	if err != nil {
		return err
	}
	if v.OverflowUint(n) {
		d.pos = start
		return d.fail(fmt.Sprintf("the number does not fit %s", v.Type()))
	}
	v.SetUint(n)
	return nil
}

// digits reads a whole number without leading zeros that fits 64 bits.
func (d *Decoder) digits() (uint64, error) {
	start, n := d.pos, uint64(0)
	const cut = (1<<64 - 1) / 10
	for d.pos < len(d.data) {
		c := uint64(d.data[d.pos]) - '0'
		if c > 9 {
			break
		}
		if n > cut || n*10 > (1<<64-1)-c {
			return 0, d.fail("a number of more than 64 bits")
		}
		n = n*10 + c
		d.pos++
	}
	switch {
	case d.pos == start:
		return 0, d.fail("a whole number must come here")
	case d.data[start] == '0' && d.pos > start+1:
		return 0, d.fail("a leading zero")
	}
	return n, nil
}
