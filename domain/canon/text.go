package canon

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"reflect"
	"strings"
	"unicode/utf8"
)

const lowerHex = "0123456789abcdef"

// plain marks the bytes that stand for themselves in a string. Bytes from 0x80 on do too, once they are known to be UTF-8.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf
	}
	return t
}()

func writeString(dst []byte, v reflect.Value) ([]byte, error) {
	return appendText(dst, v.String())
}

// appendText writes a string in quotes, with no escape that is not needed.
func appendText(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return dst, fmt.Errorf("canon: text is not UTF-8: %.40q", s)
	}
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if plain[c] || c >= utf8.RuneSelf {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		if c == '"' || c == '\\' {
			dst = append(dst, '\\', c)
		} else {
			dst = append(dst, '\\', 'u', '0', '0', lowerHex[c>>4], lowerHex[c&15])
		}
	}
	return append(append(dst, s[from:]...), '"'), nil
}

func readString(d *Decoder, v reflect.Value) error {
	s, err := d.text()
	if err != nil {
		return err
	}
	v.SetString(s)
	return nil
}

// text reads a string with its quotes. The text is a copy: it does not keep the record's bytes alive.
func (d *Decoder) text() (string, error) {
	raw, escapes, err := d.quoted()
	if err != nil {
		return "", err
	}
	if escapes == 0 {
		return d.Memory.Text(raw), nil
	}
	return unescape(raw, escapes), nil
}

// quoted finds the end of a string, checks every byte of it and moves behind it. escapes is how many escapes it has.
func (d *Decoder) quoted() (raw []byte, escapes int, err error) {
	if !d.take('"') {
		return nil, 0, d.fail("a string must begin here")
	}
	start, wide := d.pos, false
	for {
		d.pos += plainRun(d.data[d.pos:])
		if d.pos == len(d.data) {
			return nil, 0, d.fail("the string has no end")
		}
		c := d.data[d.pos]
		switch {
		case c == '"':
			raw = d.data[start:d.pos]
			if wide && !utf8.Valid(raw) {
				return nil, 0, d.fail("the string is not UTF-8")
			}
			d.pos++
			return raw, escapes, nil
		case c == '\\':
			n := escapeLen(d.data[d.pos:])
			if n == 0 {
				return nil, 0, d.fail(`an escape that is not \" or \\ or \u00xx of a control character`)
			}
			d.pos += n
			escapes++
		case c >= utf8.RuneSelf:
			wide = true
			d.pos++
		default:
			return nil, 0, d.fail("a control character must be escaped")
		}
	}
}

// Plain says whether b stands for itself inside a string: ASCII without quotes, backslashes and control characters.
func Plain(b []byte) bool { return plainRun(b) == len(b) }

// plainRun is how many plain bytes b begins with. It looks at eight bytes at once: most of a log is plain text.
func plainRun(b []byte) int {
	const each, high = 0x0101010101010101, 0x8080808080808080
	n := 0
	for len(b)-n >= 8 {
		x := binary.LittleEndian.Uint64(b[n:])
		quote, slash := x^each*'"', x^each*'\\'
		// The high bit of a byte ends up set where the byte is below 0x20, a quote, a backslash or above 0x7f. A borrow can set it
		// in bytes behind such a one, never before it, and only the first counts.
		if odd := ((x-each*0x20)&^x | (quote-each)&^quote | (slash-each)&^slash | x) & high; odd != 0 {
			return n + bits.TrailingZeros64(odd)/8
		}
		n += 8
	}
	for n < len(b) && plain[b[n]] {
		n++
	}
	return n
}

// escapeLen is the length of the canonical escape at the start of b, 0 if there is none.
func escapeLen(b []byte) int {
	if len(b) >= 2 && (b[1] == '"' || b[1] == '\\') {
		return 2
	}
	if len(b) >= 6 && string(b[1:4]) == "u00" && (b[4] == '0' || b[4] == '1') && lowerHexDigit(b[5]) {
		return 6
	}
	return 0
}

func lowerHexDigit(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }

// unescape undoes the escapes of a string that quoted has checked.
func unescape(raw []byte, escapes int) string {
	var out strings.Builder
	out.Grow(len(raw) - escapes)
	for range escapes {
		i := bytes.IndexByte(raw, '\\')
		out.Write(raw[:i])
		if raw[i+1] != 'u' {
			out.WriteByte(raw[i+1])
			raw = raw[i+2:]
			continue
		}
		low := raw[i+5] - '0'
		if raw[i+5] >= 'a' {
			low = raw[i+5] - 'a' + 10
		}
		out.WriteByte((raw[i+4]-'0')<<4 | low)
		raw = raw[i+6:]
	}
	out.Write(raw)
	return out.String()
}

// Memory bounds: strings up to memoryLen bytes share their text, memorySlots at a time.
const (
	memoryLen   = 40
	memorySlots = 1024
)

// Memory shares short strings among the values of a decoder. It forgets by overwriting, so it never grows.
// One goroutine at a time may use it.
type Memory struct {
	slots [memorySlots]string
}

// Text gives a string with the bytes of raw, one that was given before if it is still known. A nil Memory copies.
func (m *Memory) Text(raw []byte) string {
	if m == nil || len(raw) > memoryLen || len(raw) == 0 {
		return string(raw)
	}
	slot := &m.slots[slotOf(raw)]
	if *slot != string(raw) {
		*slot = string(raw)
	}
	return *slot
}

// slotOf mixes length, beginning and end: names differ in one of them. A clash costs a copy, nothing else.
func slotOf(raw []byte) uint64 {
	h := uint64(len(raw))
	if len(raw) >= 8 {
		h = (h ^ binary.LittleEndian.Uint64(raw)) * 0x9E3779B97F4A7C15
		h ^= binary.LittleEndian.Uint64(raw[len(raw)-8:])
	} else {
		for _, c := range raw {
			h = h<<8 ^ h>>56 ^ uint64(c)
		}
	}
	h *= 0x9E3779B97F4A7C15
	return h >> 54 & (memorySlots - 1)
}
