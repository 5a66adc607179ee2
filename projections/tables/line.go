package tables

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"pm/domain"
)

// Null is how a line writes a column without a value.
const Null = `\N`

// The forms of times and days, as PostgreSQL writes them with the ISO style in UTC.
const (
	timeForm = "2006-01-02 15:04:05.999999+00"
	dateForm = "2006-01-02"
)

// Split cuts a line into its columns, still escaped.
func Split(line string) []string { return strings.Split(line, "\t") }

// Join makes a line of columns that are escaped.
func Join(columns []string) string { return strings.Join(columns, "\t") }

// Value reads a column: its text, or null.
func Value(column string) (text string, null bool) {
	if column == Null {
		return "", true
	}
	if !strings.Contains(column, `\`) {
		return column, false
	}
	var b strings.Builder
	for i := 0; i < len(column); i++ {
		c := column[i]
		if c == '\\' && i+1 < len(column) {
			i++
			c = column[i]
			if plain := strings.IndexByte("bfnrtv", c); plain >= 0 {
				c = "\b\f\n\r\t\v"[plain]
			}
		}
		b.WriteByte(c)
	}
	return b.String(), false
}

// Escape writes a text as a column of a line. A NUL, which PostgreSQL cannot hold in a text, becomes U+FFFD: a projection must not
// stop for what a sender put into a name.
func Escape(text string) string { return string(appendText(nil, text)) }

func appendText(b []byte, text string) []byte {
	start := 0
	for i := range len(text) {
		var short string
		switch text[i] {
		case 0:
			short = "\uFFFD"
		case '\\':
			short = `\\`
		case '\b':
			short = `\b`
		case '\f':
			short = `\f`
		case '\n':
			short = `\n`
		case '\r':
			short = `\r`
		case '\t':
			short = `\t`
		case '\v':
			short = `\v`
		default:
			continue
		}
		b = append(append(b, text[start:i]...), short...)
		start = i + 1
	}
	return append(b, text[start:]...)
}

func appendDecimal(b []byte, d domain.Decimal) []byte {
	out, err := d.AppendText(b)
	if err != nil {
		panic("a decimal cannot be written: " + err.Error()) // the library's own never fails
	}
	return out
}

// TrimScale takes away the zeros that end a decimal behind its point: stores give back 100000.00 where a person has written that, and the
// line of the same value says 100000. Nothing is written into text.
func TrimScale(text []byte) []byte {
	point := bytes.IndexByte(text, '.')
	if point < 1 {
		return text
	}
	for _, c := range text[point+1:] {
		if c < '0' || c > '9' {
			return text // not a decimal as pm writes one
		}
	}
	return bytes.TrimSuffix(bytes.TrimRight(text, "0"), []byte("."))
}

// appendTime writes a time in timeForm. A history has three times in nearly every line, and AppendFormat, which reads the form anew for each,
// took a third of what it costs to make the lines.
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.Truncate(time.Microsecond).AppendFormat(b, timeForm)
	}
	hour, minute, second := t.Clock()
	b = append(twoDigits(twoDigits(b, year/100), year%100), '-')
	b = append(twoDigits(b, int(month)), '-')
	b = append(twoDigits(b, day), ' ')
	b = append(twoDigits(b, hour), ':')
	b = append(twoDigits(b, minute), ':')
	b = twoDigits(b, second)
	if micro := t.Nanosecond() / 1000; micro > 0 {
		b = twoDigits(twoDigits(twoDigits(append(b, '.'), micro/10_000), micro/100%100), micro%100)
		b = bytes.TrimRight(b, "0")
	}
	return append(b, "+00"...)
}

func twoDigits(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 't')
	}
	return append(b, 'f')
}

// field is a column and how a row of T writes it.
type field[T any] struct {
	Column
	put func([]byte, *T) []byte
}

func text[T any, S ~string](name string, get func(*T) S) field[T] {
	return field[T]{Column{name, Text, false}, func(b []byte, v *T) []byte { return appendText(b, string(get(v))) }}
}

// maybeText is null where the text is empty.
func maybeText[T any, S ~string](name string, get func(*T) S) field[T] {
	return field[T]{Column{name, Text, true}, func(b []byte, v *T) []byte {
		if s := get(v); s != "" {
			return appendText(b, string(s))
		}
		return append(b, Null...)
	}}
}

func integer[T any, N ~int | ~int64 | ~uint64](name string, get func(*T) N) field[T] {
	return field[T]{Column{name, Integer, false}, func(b []byte, v *T) []byte { return strconv.AppendInt(b, int64(get(v)), 10) }}
}

func maybeInteger[T any](name string, get func(*T) *uint64) field[T] {
	return field[T]{Column{name, Integer, true}, func(b []byte, v *T) []byte {
		if n := get(v); n != nil {
			return strconv.AppendUint(b, *n, 10)
		}
		return append(b, Null...)
	}}
}

func decimal[T any](name string, get func(*T) domain.Decimal) field[T] {
	return field[T]{Column{name, Decimal, false}, func(b []byte, v *T) []byte { return appendDecimal(b, get(v)) }}
}

func maybeDecimal[T any](name string, get func(*T) *domain.Decimal) field[T] {
	return field[T]{Column{name, Decimal, true}, func(b []byte, v *T) []byte {
		if d := get(v); d != nil {
			return appendDecimal(b, *d)
		}
		return append(b, Null...)
	}}
}

func flag[T any](name string, get func(*T) bool) field[T] {
	return field[T]{Column{name, Bool, false}, func(b []byte, v *T) []byte { return appendBool(b, get(v)) }}
}

func instant[T any](name string, get func(*T) time.Time) field[T] {
	return field[T]{Column{name, Time, false}, func(b []byte, v *T) []byte { return appendTime(b, get(v)) }}
}

func maybeInstant[T any](name string, get func(*T) *time.Time) field[T] {
	return field[T]{Column{name, Time, true}, func(b []byte, v *T) []byte {
		if t := get(v); t != nil {
			return appendTime(b, *t)
		}
		return append(b, Null...)
	}}
}

// columnsOf are the columns of some fields.
func columnsOf[T any](fields []field[T]) []Column {
	out := make([]Column, len(fields))
	for i, f := range fields {
		out[i] = f.Column
	}
	return out
}

// appendLine writes a row without an end of line.
func appendLine[T any](b []byte, fields []field[T], row *T) []byte {
	for i := range fields {
		if i > 0 {
			b = append(b, '\t')
		}
		b = fields[i].put(b, row)
	}
	return b
}
