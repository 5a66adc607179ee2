package domain

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxClientID is how many characters a sender's id may have.
	MaxClientID = 128
	// MaxInstrumentName is how many characters an instrument's name may have.
	MaxInstrumentName = 40
)

// What a sender is told to send.
const (
	typeForm       = "send one of BASE_ENTRY, PYRAMID, EXIT, MARKET_DATA, EOD_MONITOR"
	instrumentForm = "send a name of 1 to 40 of A-Z, 0-9, _, & and -, for example BANK_NIFTY"
	idForm         = "send 1 to 128 printable characters without space at either end, or leave id out"
	layerForm      = "send a layer, Long_1 to Long_6"
	exitForm       = "send a layer (Long_1 to Long_6), an array of layers, or ALL"
	onceForm       = "the key is given twice: send each key once"
	objectForm     = "send an object"
	boolForm       = "send true or false"
)

// form goes through the members of one body and collects what is wrong.
type form struct {
	root       *jsonValue
	duplicates []string
	receivedAt time.Time
	exit       bool // faults that do not keep an EXIT from being understood become flags
	problems   []Problem
	flags      []string
}

// refuse notes a fault that no signal survives.
func (f *form) refuse(code, field, message string) {
	f.problems = append(f.problems, Problem{Code: code, Field: field, Message: message})
}

// fault notes a fault that an EXIT survives.
func (f *form) fault(code, field, message string) {
	if f.exit {
		f.flags = append(f.flags, field+": "+message)
		return
	}
	f.refuse(code, field, message)
}

func (f *form) submission() Submission {
	var sub Submission
	sig := &sub.Signal
	sig.Type = f.signalType()
	f.exit = sig.Type == Exit
	f.noDuplicates()
	sig.Instrument = f.instrument()
	sub.ClientID = f.clientID()
	if sig.Type == "" {
		return sub // what else is needed depends on the type
	}
	sig.Timestamp = f.timestamp()
	switch sig.Type {
	case BaseEntry, Pyramid:
		sig.Position = f.layer()
		f.entryNumbers(sig)
	case Exit:
		sig.Position = f.layersToExit()
		f.entryNumbers(sig)
	case MarketData:
		sig.Price = f.number(f.root, "", "price", true, above0)
		sig.ATR = f.number(f.root, "", "atr", true, notBelow0)
		sig.Supertrend = f.number(f.root, "", "supertrend", true, anyNumber)
	case EODMonitor:
		sig.Price = f.number(f.root, "", "price", true, above0)
		sig.Conditions = f.conditions()
		sig.Indicators = f.indicators()
	}
	return sub
}

// entryNumbers reads the figures of an entry; an exit may carry the same ones and needs none.
func (f *form) entryNumbers(sig *Signal) {
	need := !f.exit
	sig.Price = f.number(f.root, "", "price", need, above0)
	sig.Stop = f.number(f.root, "", "stop", need, anyNumber)
	sig.ATR = f.number(f.root, "", "atr", need, notBelow0)
	sig.ER = f.number(f.root, "", "er", need, ratio)
	sig.Supertrend = f.number(f.root, "", "supertrend", need, anyNumber)
	sig.Lots = f.number(f.root, "", "lots", false, anyNumber)
	sig.ROC = f.number(f.root, "", "roc", false, anyNumber)
}

// noDuplicates names every key that was given twice. Nobody knows which of two values was meant, so for an EXIT
// the field counts as empty, and where the fault touches what an EXIT is, or who sent it, even an EXIT is refused.
func (f *form) noDuplicates() {
	for _, path := range f.duplicates {
		if !essential(path) {
			f.fault(BadJSON, path, onceForm)
		}
	}
	for _, key := range []string{"type", "instrument", "position", "secret"} {
		if f.twice(key) {
			f.refuse(BadJSON, key, onceForm)
		}
	}
}

func essential(path string) bool {
	return path == "type" || path == "instrument" || path == "position" || path == "secret"
}

// twice counts for itself: the reader names only the first keys that were given twice.
func (f *form) twice(key string) bool {
	n := 0
	for i := range f.root.members {
		if f.root.members[i].key == key {
			n++
		}
	}
	return n > 1
}

// text reads a string member without the white space around it. given is false where nothing can be said about the
// value, because it is absent (null counts as absent) or given twice; ok is false if it is no string.
func (f *form) text(key string) (text string, given, ok bool) {
	v := f.root.get(key)
	if v == nil || v.kind == jsonNull || f.twice(key) {
		return "", false, false
	}
	return strings.TrimSpace(v.text), true, v.kind == jsonString
}

func (f *form) signalType() SignalType {
	text, given, ok := f.text("type")
	switch typ := SignalType(upperASCII(text)); {
	case f.twice("type"):
		return "" // named among the duplicates
	case !given:
		f.refuse(MissingField, "type", "the type is missing: "+typeForm)
		return ""
	case ok && (typ == BaseEntry || typ == Pyramid || typ == Exit || typ == MarketData || typ == EODMonitor):
		return typ
	default:
		f.refuse(InvalidField, "type", "no known type: "+typeForm)
		return ""
	}
}

func (f *form) instrument() string {
	text, given, ok := f.text("instrument")
	if f.twice("instrument") {
		return ""
	}
	if !given {
		f.refuse(MissingField, "instrument", "the instrument is missing: "+instrumentForm)
		return ""
	}
	name, fine := ParseInstrument(text)
	if !ok || !fine {
		f.refuse(InvalidField, "instrument", "not an instrument's name: "+instrumentForm)
	}
	return name
}

// ParseInstrument reads an instrument's name in any case; ok is false if it is none. Whether the instrument is known is
// not asked here.
func ParseInstrument(text string) (name string, ok bool) {
	name = upperASCII(strings.TrimSpace(text))
	if name == "" || len(name) > MaxInstrumentName {
		return "", false
	}
	for _, c := range []byte(name) {
		if !(c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '&' || c == '-') {
			return "", false
		}
	}
	return name, true
}

// upperASCII leaves letters beyond ASCII alone: Unicode has others whose upper case is an ASCII letter.
func upperASCII(text string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' {
			return c - 'a' + 'A'
		}
		return c
	}, text)
}

// clientID reads the idempotency key as it is; null counts as absent.
func (f *form) clientID() string {
	v := f.root.get("id")
	if v == nil || v.kind == jsonNull || f.twice("id") {
		return ""
	}
	if v.kind != jsonString || !printableID(v.text) {
		f.fault(InvalidField, "id", "not an id: "+idForm)
		return ""
	}
	return v.text
}

// printableID refuses U+FFFD too: it stands for bytes that could not be decoded, and two broken ids would be equal.
func printableID(id string) bool {
	if id == "" || utf8.RuneCountInString(id) > MaxClientID || strings.TrimSpace(id) != id {
		return false
	}
	for _, c := range id {
		if !unicode.IsPrint(c) || c == utf8.RuneError {
			return false
		}
	}
	return true
}

func (f *form) timestamp() time.Time {
	text, given, ok := f.text("timestamp")
	if f.twice("timestamp") {
		return f.receivedAt
	}
	if !given {
		f.fault(MissingField, "timestamp", "the time is missing: "+errTime.Error())
		return f.receivedAt
	}
	at, err := ParseInstant(text)
	if err != nil || !ok {
		f.fault(InvalidField, "timestamp", "the time is unreadable: "+errTime.Error())
		return f.receivedAt
	}
	return at
}

// layer reads the one layer of an entry.
func (f *form) layer() []string {
	text, given, ok := f.text("position")
	if f.twice("position") {
		return nil
	}
	if !given {
		f.fault(MissingField, "position", "the position is missing: "+layerForm)
		return nil
	}
	n, named := ParseLayer(text)
	if !ok || !named {
		f.fault(InvalidField, "position", "names no layer: "+layerForm)
		return nil
	}
	return []string{LayerName(n)}
}
