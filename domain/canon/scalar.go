package canon

import (
	"fmt"
	"reflect"
	"strconv"
	"unsafe"
)

// scalar is the plan of a string, a bool or an integer, also a named one; nil for every other type.
func scalar(t reflect.Type) *plan {
	switch t.Kind() {
	case reflect.String:
		return &plan{write: writeString, read: readString, empty: func(at unsafe.Pointer) bool { return *(*string)(at) == "" }}
	case reflect.Bool:
		return &plan{write: writeBool, read: readBool, empty: func(at unsafe.Pointer) bool { return !*(*bool)(at) }}
	case reflect.Int:
		return planInt[int](t)
	case reflect.Int8:
		return planInt[int8](t)
	case reflect.Int16:
		return planInt[int16](t)
	case reflect.Int32:
		return planInt[int32](t)
	case reflect.Int64:
		return planInt[int64](t)
	case reflect.Uint:
		return planUint[uint](t)
	case reflect.Uint8:
		return planUint[uint8](t)
	case reflect.Uint16:
		return planUint[uint16](t)
	case reflect.Uint32:
		return planUint[uint32](t)
	case reflect.Uint64:
		return planUint[uint64](t)
	default:
		return nil
	}
}

func writeBool(dst []byte, at unsafe.Pointer) ([]byte, error) {
	return strconv.AppendBool(dst, *(*bool)(at)), nil
}

func readBool(d *Decoder, at unsafe.Pointer) error {
	rest := d.data[d.pos:]
	switch {
	case len(rest) >= 4 && string(rest[:4]) == "true":
		d.pos += 4
		*(*bool)(at) = true
	case len(rest) >= 5 && string(rest[:5]) == "false":
		d.pos += 5
		*(*bool)(at) = false
	default:
		return d.fail("true or false must come here")
	}
	return nil
}

func planInt[T int | int8 | int16 | int32 | int64](t reflect.Type) *plan {
	return &plan{
		write: func(dst []byte, at unsafe.Pointer) ([]byte, error) {
			return strconv.AppendInt(dst, int64(*(*T)(at)), 10), nil
		},
		read: func(d *Decoder, at unsafe.Pointer) error {
			start := d.pos
			i, err := d.integer()
			if err == nil && int64(T(i)) != i {
				d.pos = start
				err = d.fail(fmt.Sprintf("the number does not fit %s", t))
			}
			*(*T)(at) = T(i)
			return err
		},
		empty: func(at unsafe.Pointer) bool { return *(*T)(at) == 0 },
	}
}

func planUint[T uint | uint8 | uint16 | uint32 | uint64](t reflect.Type) *plan {
	return &plan{
		write: func(dst []byte, at unsafe.Pointer) ([]byte, error) {
			return strconv.AppendUint(dst, uint64(*(*T)(at)), 10), nil
		},
		read: func(d *Decoder, at unsafe.Pointer) error {
			start := d.pos
			n, err := d.digits()
			if err == nil && uint64(T(n)) != n {
				d.pos = start
				err = d.fail(fmt.Sprintf("the number does not fit %s", t))
			}
			*(*T)(at) = T(n)
			return err
		},
		empty: func(at unsafe.Pointer) bool { return *(*T)(at) == 0 },
	}
}

// integer takes -?(0|[1-9]\d*), but not -0, within 64 bits.
func (d *Decoder) integer() (int64, error) {
	start := d.pos
	neg := d.take('-')
	n, err := d.digits()
	if err != nil {
		return 0, err
	}
	// The most negative number has no positive twin, hence the one more on that side.
	limit := uint64(1) << 63
	if neg && n == 0 || n > limit || !neg && n == limit {
		d.pos = start
		return 0, d.fail("-0 or a number out of range")
	}
	if neg {
		return -int64(n), nil
	}
	return int64(n), nil
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
