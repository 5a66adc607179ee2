package canon

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"
	"unsafe"
)

const lowerHex = "0123456789abcdef"

// plain marks the bytes that stand for themselves in a string. Bytes from 0x80 on do too, once they are known to be UTF-8.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf
	}
	return t
}()

func writeString(dst []byte, at unsafe.Pointer) ([]byte, error) {
	return appendText(dst, *(*string)(at))
}

// appendText writes a string in quotes, with no escape that is not needed.
func appendText(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return dst, fmt.Errorf("canon: text is not UTF-8: %.40q", s)
	}
	dst = append(dst, '"')
	from := 0
	for i := range len(s) {
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

func readString(d *Decoder, at unsafe.Pointer) (err error) {
	*(*string)(at), err = d.text()
	return err
}

// text reads a string with its quotes. The text is a copy: it does not keep the record's bytes alive.
func (d *Decoder) text() (string, error) {
	if !d.take('"') {
		return "", d.fail("a string must begin here")
	}
	start := d.pos
	d.pos += plainRun(d.data[start:])
	if d.pos < len(d.data) && d.data[d.pos] == '"' { // nearly every string is plain to its end
		d.pos++
		return d.Memory.Text(d.data[start : d.pos-1]), nil
	}
	return d.escaped(start)
}

// escaped reads on in a string that has something else than plain bytes, and undoes its escapes on the way.
func (d *Decoder) escaped(start int) (string, error) {
	out, wide := append(d.buf[:0], d.data[start:d.pos]...), false
	for d.pos < len(d.data) {
		c := d.data[d.pos]
		switch {
		case c == '"':
			d.buf = out
			if wide && !utf8.Valid(out) {
				return "", d.fail("the string is not UTF-8")
			}
			d.pos++
			return d.Memory.Text(out), nil
		case c == '\\':
			plain, n := unescape(d.data[d.pos:])
			if n == 0 {
				return "", d.fail(`an escape that is not \" or \\ or \u00xx of a control character`)
			}
			out = append(out, plain)
			d.pos += n
		case c >= utf8.RuneSelf:
			wide = true
			out = append(out, c)
			d.pos++
		default:
			return "", d.fail("a control character must be escaped")
		}
		run := d.data[d.pos:]
		run = run[:plainRun(run)]
		out = append(out, run...)
		d.pos += len(run)
	}
	return "", d.fail("the string has no end")
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

// unescape reads the canonical escape at the start of b: the byte that it stands for, and its length, 0 if there is none.
func unescape(b []byte) (c byte, n int) {
	if len(b) >= 2 && (b[1] == '"' || b[1] == '\\') {
		return b[1], 2
	}
	if len(b) < 6 || string(b[1:4]) != "u00" || b[4] != '0' && b[4] != '1' {
		return 0, 0
	}
	switch low := b[5]; {
	case '0' <= low && low <= '9':
		return (b[4]-'0')<<4 | (low - '0'), 6
	case 'a' <= low && low <= 'f':
		return (b[4]-'0')<<4 | (low - 'a' + 10), 6
	}
	return 0, 0
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
