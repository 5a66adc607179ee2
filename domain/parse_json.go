package domain

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	// MaxJSONDepth is how deep arrays and objects of a signal may nest; the signal's own object is depth 1.
	MaxJSONDepth = 32
	// maxDuplicateKeys is how many keys given twice are named; the first ones say enough to mend a template.
	maxDuplicateKeys = 16
	// noNumber answers what JSON cannot say.
	noNumber = "NaN and infinity are no JSON: send a finite number"
	// maxPathText bounds the bytes of a sender's own key in a message.
	maxPathText = 80
)

type jsonKind byte

const (
	jsonNull jsonKind = iota
	jsonBool
	jsonNumber
	jsonString
	jsonArray
	jsonObject
)

// jsonValue is one value of a sender's body. Numbers keep their text: they never pass through a float.
type jsonValue struct {
	kind    jsonKind
	truth   bool
	text    string // the decoded string, or the number as written
	items   []jsonValue
	members []jsonMember
}

// jsonMember is a key with its value; src[start:end] is the whole member, from the key's quote to the value's end.
type jsonMember struct {
	key        string
	start, end int
	value      jsonValue
}

// get finds a member; nil if there is none. Of a key given twice it is the first.
func (v *jsonValue) get(key string) *jsonValue {
	for i := range v.members {
		if v.members[i].key == key {
			return &v.members[i].value
		}
	}
	return nil
}

// jsonFault says where a text stops being JSON.
type jsonFault struct {
	at   int
	path string
	what string
}

func (f *jsonFault) Error() string { return fmt.Sprintf("%s at byte %d", f.what, f.at) }

// jsonReader is a strict reader of RFC 8259. The standard decoder is not used because it lets pass what must be
// refused here: the last of two equal keys wins, broken UTF-8 is mended, and nobody learns where a member stood.
type jsonReader struct {
	src        string
	pos        int
	path       []string
	duplicates []string   // paths of keys given twice
	passed     *jsonFault // the first fault that was read past
}

// readJSON reads exactly one value and nothing behind it. With a fault it gives what was read whole: of an object the members before
// the fault, and those behind it where the fault is a number that JSON cannot say.
func readJSON(src string) (v jsonValue, duplicates []string, fault *jsonFault) {
	r := &jsonReader{src: src}
	if !utf8.ValidString(src) {
		fault = r.fault("the text is not valid UTF-8")
		r.src = validPart(src)
		r.space()
		v, _ = r.value(1)
		return v, nil, fault
	}
	r.space()
	if r.pos == len(src) {
		return v, nil, r.fault("there is nothing in it, one JSON object is expected")
	}
	if v, fault = r.value(1); fault == nil {
		if r.space(); r.pos < len(src) {
			fault = r.fault("there is more than one value: send one JSON object and nothing behind it")
		}
	}
	if r.passed != nil {
		fault = r.passed // the first one, in the order of the text
	}
	if fault != nil {
		return v, nil, fault
	}
	return v, r.duplicates, nil
}

// validPart is a text up to its first byte that is not UTF-8.
func validPart(src string) string {
	for i, c := range src {
		if c == utf8.RuneError && !strings.HasPrefix(src[i:], string(utf8.RuneError)) {
			return src[:i]
		}
	}
	return src
}

func (r *jsonReader) fault(what string) *jsonFault {
	return &jsonFault{at: r.pos, path: shorten(strings.Join(r.path, ".")), what: what}
}

func (r *jsonReader) peek() byte {
	if r.pos < len(r.src) {
		return r.src[r.pos]
	}
	return 0
}

func (r *jsonReader) space() {
	for r.pos < len(r.src) && strings.IndexByte(" \t\r\n", r.src[r.pos]) >= 0 {
		r.pos++
	}
}

func (r *jsonReader) value(depth int) (jsonValue, *jsonFault) {
	switch c := r.peek(); {
	case c == '{' || c == '[':
		if depth > MaxJSONDepth {
			return jsonValue{}, r.fault(fmt.Sprintf("objects and arrays nest deeper than %d", MaxJSONDepth))
		}
		if c == '{' {
			return r.object(depth)
		}
		return r.array(depth)
	case c == '"':
		text, fault := r.str()
		return jsonValue{kind: jsonString, text: text}, fault
	case c == '-' || c >= '0' && c <= '9':
		if strings.HasPrefix(r.src[r.pos:], "-I") {
			return r.passOver(), nil
		}
		return r.number()
	default:
		return r.word()
	}
}

// word reads null, true and false, and tells the senders of NaN what is wrong: it is the usual fault of a chart
// whose variable has no value yet.
func (r *jsonReader) word() (jsonValue, *jsonFault) {
	rest := r.src[r.pos:]
	switch {
	case strings.HasPrefix(rest, "null"):
		r.pos += len("null")
		return jsonValue{kind: jsonNull}, nil
	case strings.HasPrefix(rest, "true"):
		r.pos += len("true")
		return jsonValue{kind: jsonBool, truth: true}, nil
	case strings.HasPrefix(rest, "false"):
		r.pos += len("false")
		return jsonValue{kind: jsonBool}, nil
	}
	for _, word := range []string{"NaN", "nan", "Inf", "inf", "+Inf", "+inf"} {
		if strings.HasPrefix(rest, word) {
			return r.passOver(), nil
		}
	}
	return jsonValue{}, r.fault("a JSON value is expected")
}

// passOver notes a number that JSON cannot say and goes on behind it, so that a secret further on is still read. The text stays at fault.
func (r *jsonReader) passOver() jsonValue {
	if r.passed == nil {
		r.passed = r.fault(noNumber)
	}
	r.pos = len(r.src) - len(strings.TrimLeft(r.src[r.pos:], "+-NnAaIiFfTtYy"))
	return jsonValue{kind: jsonNull}
}

func (r *jsonReader) object(depth int) (jsonValue, *jsonFault) {
	v := jsonValue{kind: jsonObject}
	seen := map[string]bool{}
	r.pos++ // {
	r.space()
	for first := true; r.peek() != '}'; first = false {
		if fault := r.comma(first, "an object"); fault != nil {
			return v, fault
		}
		m := jsonMember{start: r.pos}
		if r.peek() != '"' {
			return v, r.fault("a key in double quotes is expected")
		}
		var fault *jsonFault
		if m.key, fault = r.str(); fault != nil {
			return v, fault
		}
		r.path = append(r.path, m.key)
		if seen[m.key] && len(r.duplicates) < maxDuplicateKeys {
			r.duplicates = append(r.duplicates, shorten(strings.Join(r.path, ".")))
		}
		seen[m.key] = true
		if r.space(); r.peek() != ':' {
			return v, r.fault("a colon is expected behind a key")
		}
		r.pos++
		r.space()
		if m.value, fault = r.value(depth + 1); fault != nil {
			return v, fault
		}
		m.end = r.pos
		v.members = append(v.members, m)
		r.path = r.path[:len(r.path)-1]
		r.space()
	}
	r.pos++ // }
	return v, nil
}

func (r *jsonReader) array(depth int) (jsonValue, *jsonFault) {
	v := jsonValue{kind: jsonArray}
	r.pos++ // [
	r.space()
	for first := true; r.peek() != ']'; first = false {
		if fault := r.comma(first, "an array"); fault != nil {
			return v, fault
		}
		item, fault := r.value(depth + 1)
		if fault != nil {
			return v, fault
		}
		v.items = append(v.items, item)
		r.space()
	}
	r.pos++ // ]
	return v, nil
}

// comma steps over what separates this member from the one before it.
func (r *jsonReader) comma(first bool, in string) *jsonFault {
	if r.pos >= len(r.src) {
		return r.fault(in + " has no end")
	}
	if first {
		return nil
	}
	if r.peek() != ',' {
		return r.fault("a comma or the end of " + in + " is expected")
	}
	r.pos++
	r.space()
	return nil
}

// shorten bounds a text of the sender's, on a rune's edge.
func shorten(text string) string {
	if len(text) <= maxPathText {
		return text
	}
	cut := maxPathText
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "..."
}
