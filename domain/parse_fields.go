package domain

import (
	"slices"
	"strings"
)

// layersToExit reads the position of an EXIT. One that names no layer, or a list in which one entry names none, is
// flagged and left empty: selling a guess is worse than asking.
func (f *form) layersToExit() []string {
	v := f.root.get("position")
	if f.twice("position") {
		return nil
	}
	if v == nil {
		f.refuse(MissingField, "position", "the position is missing: "+exitForm)
		return nil
	}
	layers := exitLayers(v)
	if layers == nil {
		f.fault(InvalidField, "position", "names no layer: "+exitForm)
	}
	return layers
}

// exitLayers is nil where the value is unclear. A layer named twice is named once.
func exitLayers(v *jsonValue) []string {
	if v.kind == jsonString && strings.EqualFold(strings.TrimSpace(v.text), AllLayers) {
		return []string{AllLayers}
	}
	names := v.items
	if v.kind == jsonString {
		names = []jsonValue{*v}
	}
	var layers []string
	for _, name := range names {
		n, ok := ParseLayer(strings.TrimSpace(name.text))
		if name.kind != jsonString || !ok {
			return nil
		}
		if !slices.Contains(layers, LayerName(n)) {
			layers = append(layers, LayerName(n))
		}
	}
	return layers
}

// numberRule says what a number must be beyond its digits; an empty answer is consent.
type numberRule func(Decimal) string

func anyNumber(Decimal) string { return "" }

func above0(d Decimal) string {
	if d.Sign() <= 0 {
		return "not above 0: send a number above 0"
	}
	return ""
}

func notBelow0(d Decimal) string {
	if d.Sign() < 0 {
		return "below 0: send 0 or more"
	}
	return ""
}

func ratio(d Decimal) string {
	if d.Sign() < 0 || d.Cmp(Int(1)) > 0 {
		return "outside 0 to 1: send a ratio, for example 0.82"
	}
	return ""
}

// number reads a number or a string that holds one. prefix is the path of the object it stands in, with its point.
func (f *form) number(in *jsonValue, prefix, key string, need bool, rule numberRule) *Decimal {
	if in == f.root && f.twice(key) {
		return nil
	}
	v, field := in.get(key), prefix+key
	if v == nil || v.kind == jsonNull {
		if need {
			f.fault(MissingField, field, "the number is missing: "+numberForm)
		}
		return nil
	}
	if v.kind != jsonNumber && v.kind != jsonString {
		f.fault(InvalidField, field, "not a number: "+numberForm)
		return nil
	}
	d, err := ParseDecimal(strings.TrimSpace(v.text))
	if err != nil {
		f.fault(InvalidField, field, err.Error())
		return nil
	}
	if wrong := rule(d); wrong != "" {
		f.fault(InvalidField, field, wrong)
		return nil
	}
	return &d
}

// object reads a member that must be an object; nil if it is none.
func (f *form) object(key string) *jsonValue {
	v := f.root.get(key)
	switch {
	case v == nil || v.kind == jsonNull:
		f.fault(MissingField, key, "the object is missing: "+objectForm)
		return nil
	case v.kind != jsonObject:
		f.fault(InvalidField, key, "not an object: "+objectForm)
		return nil
	}
	return v
}

func (f *form) conditions() *Conditions {
	v := f.object("conditions")
	if v == nil {
		return nil
	}
	read := func(key string) bool { return f.boolean(v, "conditions.", key) }
	return &Conditions{
		RSI: read("rsi_condition"), EMA: read("ema_condition"), DC: read("dc_condition"), ADX: read("adx_condition"),
		ER: read("er_condition"), ST: read("st_condition"), NotDoji: read("not_doji"),
		LongEntry: read("long_entry"), LongExit: read("long_exit"),
	}
}

func (f *form) boolean(in *jsonValue, prefix, key string) bool {
	v := in.get(key)
	switch {
	case v == nil || v.kind == jsonNull:
		f.fault(MissingField, prefix+key, "the condition is missing: "+boolForm)
		return false
	case v.kind != jsonBool:
		f.fault(InvalidField, prefix+key, "not a condition: "+boolForm)
		return false
	}
	return v.truth
}

func (f *form) indicators() *Indicators {
	v := f.object("indicators")
	if v == nil {
		return nil
	}
	read := func(key string, rule numberRule) Decimal {
		if d := f.number(v, "indicators.", key, true, rule); d != nil {
			return *d
		}
		return Decimal{} // the fault is noted: nobody gets to see this zero
	}
	return &Indicators{
		RSI: read("rsi", anyNumber), EMA: read("ema", anyNumber), DCUpper: read("dc_upper", anyNumber), ADX: read("adx", anyNumber),
		ER: read("er", ratio), Supertrend: read("supertrend", anyNumber), ATR: read("atr", notBelow0),
		ROC: f.number(v, "indicators.", "roc", false, anyNumber),
	}
}
