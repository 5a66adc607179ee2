// Package canon is the only code that turns values into the bytes of the log and back (log format, version 1).
//
// The form is JSON with every freedom taken out, so that a value has exactly one text and equal bytes mean equal values:
//
//   - no white space, no null, no floats;
//   - keys of a struct in the order of its fields, keys of a map sorted;
//   - decimals as strings that match -?(0|[1-9]\d*)(\.\d*[1-9])?, never -0;
//   - times as RFC 3339 in UTC, the fraction as long as it needs to be, at most nine digits;
//   - integers as JSON numbers;
//   - strings are valid UTF-8 and escape only \" and \\ and U+0000 to U+001F as \u00xx in lower case.
//
// Append writes that form. Decode accepts nothing else: whatever it takes, Append writes back byte for byte.
//
// What a type may hold: strings, integers, bools (also named ones), Decimal, time.Time, structs, slices, maps with string keys,
// and pointers. Every exported field has a json tag: a name and, if wanted, omitempty, which leaves out false, 0, "" and empty
// or nil slices, maps and pointers. A pointer means "optional", so it must be omitempty. A field tagged "-" and a field
// that is not exported are no part of the value. Anything else (floats, interfaces, []byte, embedded structs without a key of their own, recursive structs) is an
// error when the type is first seen, not when a strange value comes along.
//
// Both directions run over a plan that is made once a type, by reflection, and kept.
package canon

import (
	"fmt"
	"reflect"

	"github.com/quagmt/udecimal"
)

// Error says where bytes leave the canonical form.
type Error struct {
	Offset int    // in bytes, from 0
	Key    string // the path to the value, for example entry.sizing.lots; "" for the whole
	Reason string
}

// Error reads "canon: at byte 17 (entry.lots): a leading zero".
func (e *Error) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("canon: at byte %d: %s", e.Offset, e.Reason)
	}
	return fmt.Sprintf("canon: at byte %d (%s): %s", e.Offset, e.Key, e.Reason)
}

// Append writes v, or what v points to, at the end of dst. On an error dst comes back as it was.
// Values without a canonical form are errors: text that is not UTF-8, years outside 0 to 9999, decimals longer than MaxDecimal.
func Append(dst []byte, v any) ([]byte, error) {
	val := reflect.ValueOf(v)
	if val.Kind() == reflect.Pointer {
		if val.IsNil() {
			return dst, fmt.Errorf("canon: a nil %T has no canonical form", v)
		}
		val = val.Elem()
	}
	if !val.IsValid() {
		return dst, fmt.Errorf("canon: nil has no canonical form")
	}
	p, err := planOf(val.Type())
	if err != nil {
		return dst, err
	}
	out, err := p.write(dst, addressable(val).Addr().UnsafePointer())
	if err != nil {
		return dst, err
	}
	return out, nil
}

// Decode reads data into what into points to, which is emptied first. Everything that Append would not have written is an *Error;
// what into holds then is undefined.
func Decode(data []byte, into any) error {
	var d Decoder
	return d.Decode(data, into)
}

// Decoder decodes many values and, with a Memory, shares the text of short strings that come again and again: names, ids, sides.
// One goroutine at a time may use it. The zero value is ready and shares nothing.
type Decoder struct {
	Memory   *Memory
	data     []byte
	pos      int
	buf      []byte // of escaped
	decimals pieces[udecimal.Decimal]
}

// piecesAtOnce is small: whoever keeps one decimal of a record for years keeps its neighbours too.
const piecesAtOnce = 16

// pieces makes many small values with one allocation.
type pieces[T any] struct{ rest []T }

func (p *pieces[T]) next() *T {
	if len(p.rest) == 0 {
		p.rest = make([]T, piecesAtOnce)
	}
	one := &p.rest[0]
	p.rest = p.rest[1:]
	return one
}

// Decode does what the function Decode does.
func (d *Decoder) Decode(data []byte, into any) error {
	val := reflect.ValueOf(into)
	if val.Kind() != reflect.Pointer || val.IsNil() {
		return fmt.Errorf("canon: cannot decode into %T: a pointer is needed", into)
	}
	val = val.Elem()
	p, err := planOf(val.Type())
	if err != nil {
		return err
	}
	val.SetZero()
	d.data, d.pos = data, 0
	if err := p.read(d, val.Addr().UnsafePointer()); err != nil {
		return err
	}
	if d.pos != len(data) {
		return d.fail("something follows the value")
	}
	return nil
}

// fail makes the error for the place where the decoder stands.
func (d *Decoder) fail(reason string) error {
	return &Error{Offset: d.pos, Reason: reason}
}

// take moves past c, if c comes next.
func (d *Decoder) take(c byte) bool {
	if d.pos < len(d.data) && d.data[d.pos] == c {
		d.pos++
		return true
	}
	return false
}

// within puts a key in front of an error's path; it runs only on the way out of a failed value.
func within(key string, err error) error {
	e, ok := err.(*Error) //nolint:errorlint // only one that nobody has wrapped can take another key
	if !ok {
		return fmt.Errorf("%s: %w", key, err)
	}
	if e.Key == "" {
		e.Key = key
	} else {
		e.Key = key + "." + e.Key
	}
	return e
}

// addressable gives a value whose parts can be reached by pointer, a copy where v itself cannot.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}
