package domain

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quagmt/udecimal"
)

// Instrument is one row of the table as it stands on one day. Percents are of the sizing equity, multiples are of the ATR.
type Instrument struct {
	Name         string
	Exchange     string
	Contract     string
	Session      Session
	LotSize      int     // units
	MaxPyramids  int     // beside the base
	PointValue   Decimal // rupees a point a lot
	MarginPerLot Decimal // rupees
	Tick         Decimal // points
	InitialRisk  Decimal
	OngoingRisk  Decimal
	InitialVol   Decimal
	OngoingVol   Decimal
	InitialATR   Decimal
	TrailingATR  Decimal
	Spacing      Decimal
}

// The attributes of an instrument in the flat map: instruments.<NAME>.<attribute>, or with @YYYY-MM-DD appended for a value that
// holds from that exchange day on. point_value may be left out: then it is the lot size of the day.
const (
	attrExchange    = "exchange"
	attrContract    = "contract"
	attrSession     = "session"
	attrLotSize     = "lot_size"
	attrMaxPyramids = "max_pyramids"
	attrPointValue  = "point_value"
	attrMargin      = "margin_per_lot"
	attrTick        = "tick"
	attrInitialRisk = "initial_risk_percent"
	attrOngoingRisk = "ongoing_risk_percent"
	attrInitialVol  = "initial_volatility_percent"
	attrOngoingVol  = "ongoing_volatility_percent"
	attrInitialATR  = "initial_stop_atr"
	attrTrailingATR = "trailing_stop_atr"
	attrSpacing     = "pyramid_spacing_atr"
)

var instrumentAttrs = []string{
	attrExchange, attrContract, attrSession, attrLotSize, attrMaxPyramids, attrPointValue, attrMargin, attrTick, attrInitialRisk,
	attrOngoingRisk, attrInitialVol, attrOngoingVol, attrInitialATR, attrTrailingATR, attrSpacing,
}

const instrumentPrefix = "instruments."

// instrumentTable is an instrument's rows in order of their first day: each is complete, so a decision only picks one.
type instrumentTable struct {
	rows []datedInstrument
}

type datedInstrument struct {
	from string // YYYY-MM-DD in exchange time, "" for always
	Instrument
}

// Instrument gives the row in force on the exchange day of t, the earliest one for a day before all; ok is false for an unknown name.
func (s *Settings) Instrument(name string, t time.Time) (Instrument, bool) {
	table, ok := s.instruments[name]
	if !ok {
		return Instrument{}, false
	}
	day := t.In(exchangeTime).Format(time.DateOnly)
	row := table.rows[0]
	for _, r := range table.rows[1:] {
		if r.from <= day {
			row = r
		}
	}
	return row.Instrument, true
}

// Instruments lists the names of the table, sorted.
func (s *Settings) Instruments() []string { return slices.Sorted(maps.Keys(s.instruments)) }

func (r *settingReader) instruments() map[string]*instrumentTable {
	days := map[string]map[string]bool{}     // instrument -> days on which a value changes
	keys := map[string]map[string][]string{} // instrument -> attribute -> its keys, sorted by day
	for _, key := range slices.Sorted(maps.Keys(r.flat)) {
		name, attr, day, ok := splitInstrumentKey(key)
		if !ok {
			continue
		}
		if !slices.Contains(instrumentAttrs, attr) {
			r.used[key] = true
			r.fail("%s: an instrument has no %q; it has %s", key, attr, strings.Join(instrumentAttrs, ", "))
			continue
		}
		if days[name] == nil {
			days[name], keys[name] = map[string]bool{"": true}, map[string][]string{}
		}
		if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
			r.used[key] = true
			r.fail("%s: %q is not a day like 2025-12-30", key, day)
			continue
		}
		days[name][day] = true
		keys[name][attr] = append(keys[name][attr], key)
	}
	out := map[string]*instrumentTable{}
	for _, name := range slices.Sorted(maps.Keys(days)) {
		table := &instrumentTable{}
		for i, day := range slices.Sorted(maps.Keys(days[name])) {
			table.rows = append(table.rows, datedInstrument{day, r.instrument(rowReader{r: r, keys: keys[name], name: name, day: day, first: i == 0})})
		}
		out[name] = table
	}
	return out
}

func splitInstrumentKey(key string) (name, attr, day string, ok bool) {
	rest, ok := strings.CutPrefix(key, instrumentPrefix)
	if !ok {
		return "", "", "", false
	}
	dot := strings.LastIndexByte(rest, '.')
	if dot <= 0 {
		return rest, "", "", true
	}
	attr, day, _ = strings.Cut(rest[dot+1:], "@")
	return rest[:dot], attr, day, true
}

// instrument reads one complete row; problems of a value are reported once, on the row where it first holds.
func (r *settingReader) instrument(row rowReader) Instrument {
	in := Instrument{
		Name: row.name, Exchange: row.text(attrExchange), Contract: row.text(attrContract), Session: row.session(),
		LotSize: row.whole(attrLotSize, 1, 1_000_000), MaxPyramids: row.whole(attrMaxPyramids, 0, MaxLayers-1),
		MarginPerLot: row.positive(attrMargin), Tick: row.positive(attrTick),
		InitialRisk: row.positive(attrInitialRisk), OngoingRisk: row.positive(attrOngoingRisk),
		InitialVol: row.positive(attrInitialVol), OngoingVol: row.positive(attrOngoingVol),
		InitialATR: row.positive(attrInitialATR), TrailingATR: row.positive(attrTrailingATR), Spacing: row.positive(attrSpacing),
	}
	if _, key := row.value(attrPointValue); key == "" {
		in.PointValue = Int(in.LotSize)
	} else if in.PointValue = row.positive(attrPointValue); in.PointValue.Prec() > PointValueDecimals {
		r.fail("%s: at most %d digits after the point", key, PointValueDecimals)
	}
	return in
}

// rowReader reads the values in force on one day.
type rowReader struct {
	r         *settingReader
	keys      map[string][]string // by attribute
	name, day string
	first     bool
}

// value is the latest one not after the row's day, else the earliest there is; key is "" if there is none.
func (w rowReader) value(attr string) (value, key string) {
	keys := w.keys[attr]
	if len(keys) == 0 {
		return "", ""
	}
	key = keys[0]
	for _, k := range keys[1:] {
		if _, _, day, _ := splitInstrumentKey(k); day <= w.day {
			key = k
		}
	}
	w.r.used[key] = true
	return w.r.flat[key], key
}

func (w rowReader) text(attr string) string {
	v, key := w.value(attr)
	if v == "" && w.first {
		w.r.fail("%s%s.%s: is missing", instrumentPrefix, w.name, attr)
	} else if v == "" && key != "" {
		w.r.fail("%s: is empty", key)
	}
	return v
}

func (w rowReader) session() Session {
	v, key := w.value(attrSession)
	s, err := ParseSession(w.text(attrSession))
	if v != "" && err != nil {
		w.r.fail("%s: %v", key, err)
	}
	return s
}

func (w rowReader) whole(attr string, low, high int) int {
	v := w.text(attr)
	n, err := strconv.Atoi(v)
	if v != "" && (err != nil || n < low || n > high) {
		w.r.fail("%s%s.%s: %q is not a whole number from %d to %d", instrumentPrefix, w.name, attr, v, low, high)
	}
	return n
}

func (w rowReader) positive(attr string) Decimal {
	v := w.text(attr)
	d, err := udecimal.Parse(v)
	if v != "" && (err != nil || !d.IsPos() || d.Prec() > PriceDecimals) {
		w.r.fail("%s%s.%s: %q is not a number above zero with at most %d digits after the point", instrumentPrefix, w.name, attr, v, PriceDecimals)
	}
	return d
}
