package domain

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// str reads a string at its opening quote. A lone surrogate becomes U+FFFD, as in every JSON reader that
// answers in UTF-8; the body's own bytes are kept elsewhere.
func (r *jsonReader) str() (string, *jsonFault) {
	r.pos++ // the quote
	start, plain := r.pos, true
	for r.pos < len(r.src) {
		switch c := r.src[r.pos]; {
		case c == '"':
			text := r.src[start:r.pos]
			r.pos++
			if plain {
				return text, nil
			}
			return unescape(text), nil
		case c < 0x20:
			return "", r.fault("a control character stands unescaped in a string")
		case c == '\\':
			plain = false
			n := escapeLen(r.src[r.pos:])
			if n == 0 {
				return "", r.fault("an escape is not one of JSON's")
			}
			r.pos += n
		default:
			r.pos++
		}
	}
	return "", r.fault("a string has no end")
}

// escapeLen is the length of the escape at the head of s, 0 if it is none.
func escapeLen(s string) int {
	if len(s) < 2 {
		return 0
	}
	if s[1] != 'u' {
		if strings.IndexByte(`"\/bfnrt`, s[1]) < 0 {
			return 0
		}
		return 2
	}
	if len(s) < 6 {
		return 0
	}
	for _, c := range []byte(s[2:6]) {
		if !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
			return 0
		}
	}
	return 6
}

// unescape decodes a string whose escapes are known to be well formed.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			i++
			continue
		}
		if s[i+1] != 'u' {
			b.WriteByte("\"\\/\b\f\n\r\t"[strings.IndexByte(`"\/bfnrt`, s[i+1])])
			i += 2
			continue
		}
		c := hexRune(s[i+2 : i+6])
		i += 6
		if utf16.IsSurrogate(c) {
			pair := rune(utf8.RuneError)
			if strings.HasPrefix(s[i:], `\u`) {
				pair = utf16.DecodeRune(c, hexRune(s[i+2:i+6]))
			}
			if c = pair; pair != utf8.RuneError {
				i += 6
			}
		}
		b.WriteRune(c)
	}
	return b.String()
}

func hexRune(s string) rune {
	n, err := strconv.ParseUint(s, 16, 16)
	if err != nil {
		return utf8.RuneError
	}
	return rune(n)
}

// number steps over a number of RFC 8259 and keeps its text.
func (r *jsonReader) number() (jsonValue, *jsonFault) {
	n := numberLen(r.src[r.pos:])
	if n == 0 {
		return jsonValue{}, r.fault("a number is not written as JSON writes numbers")
	}
	text := r.src[r.pos : r.pos+n]
	r.pos += n
	return jsonValue{kind: jsonNumber, text: text}, nil
}

// numberLen is the length of the JSON number at the head of s, 0 if there is none.
func numberLen(s string) int {
	i := 0
	digits := func() int {
		from := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i - from
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	whole := i
	if n := digits(); n == 0 || n > 1 && s[whole] == '0' {
		return 0
	}
	if i < len(s) && s[i] == '.' {
		i++
		if digits() == 0 {
			return 0
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if digits() == 0 {
			return 0
		}
	}
	return i
}
