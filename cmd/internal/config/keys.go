package config

import (
	"regexp"
	"slices"
	"strings"
)

// kind is the form of a setting's value.
type kind int

const (
	text kind = iota
	flag
	decimal
	whole
	span
	list
)

// setting is one key beside the instruments.
type setting struct {
	key  string
	kind kind
}

// settings are all keys in the order in which they are printed. From sizing.mode on, decisions read them.
var settings = []setting{
	{"data", text}, {"listen", text},
	{"portfolio.id", text}, {"portfolio.initial_capital", decimal}, {"portfolio.currency", text},
	{"eventstore.url", text}, {"snapshot.url", text}, {"nats.url", text}, {"broker.url", text}, {"ha.enabled", flag},
	{"webhook.secrets", list}, {tokensKey, list}, {"http.trusted_proxies", list}, {"http.allow", list},
	{"log.level", text}, {"log.format", text},
	{"sizing.mode", text},
	{"orders.entry_slippage", decimal}, {"orders.partial", text}, {"orders.expire_after", span}, {"orders.working_timeout", span},
	{"orders.send_window", span},
	{"risk.sizing_equity", text}, {"risk.max_margin_percent", decimal}, {"risk.base_risk_percent", decimal},
	{"risk.base_volatility_percent", decimal}, {"risk.pyramid_risk_percent", decimal}, {"risk.pyramid_volatility_percent", decimal},
	{"risk.base_divergence_percent", decimal}, {"risk.pyramid_divergence_percent", decimal}, {"risk.peel_off", flag},
	{"signals.max_age", span}, {"signals.max_ahead", span}, {"signals.eod_max_age", span}, {"signals.duplicate_window", span},
	{"signals.memory", span}, {"signals.enforce_session", text},
}

// decisionSections are the sections that go into the log.
var decisionSections = []string{"sizing", "orders", "risk", "signals", instrumentSection}

const (
	instrumentSection = "instruments"
	likeAttr          = "like"
	contractAttr      = "contract"
	// always is the day of a value that holds from the beginning.
	always = "always"
)

// attributes of an instrument, in the order in which they are printed.
var attributes = []setting{
	{likeAttr, text}, {"exchange", text}, {contractAttr, text}, {"session", text}, {"tick", decimal}, {"lot_size", whole},
	{"point_value", decimal}, {"margin_per_lot", decimal}, {"initial_risk_percent", decimal}, {"ongoing_risk_percent", decimal},
	{"initial_volatility_percent", decimal}, {"ongoing_volatility_percent", decimal}, {"initial_stop_atr", decimal},
	{"trailing_stop_atr", decimal}, {"max_pyramids", whole}, {"pyramid_spacing_atr", decimal},
}

var instrumentName = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,63}$`)

// kindOf finds the kind of a key; ok is false for a key that does not exist. instruments.<NAME>.<attribute> may end in .<day>.
func kindOf(key string) (kind, bool) {
	if i := slices.IndexFunc(settings, func(s setting) bool { return s.key == key }); i >= 0 {
		return settings[i].kind, true
	}
	parts := strings.Split(key, ".")
	if parts[0] != instrumentSection || len(parts) < 3 || len(parts) > 4 || !instrumentName.MatchString(parts[1]) {
		return 0, false
	}
	i := slices.IndexFunc(attributes, func(s setting) bool { return s.key == parts[2] })
	if i < 0 || parts[2] == likeAttr && len(parts) == 4 {
		return 0, false
	}
	return attributes[i].kind, true
}

// isSection says whether keys stand below this one.
func isSection(key string) bool {
	if key == instrumentSection {
		return true
	}
	return slices.ContainsFunc(settings, func(s setting) bool { return strings.HasPrefix(s.key, key+".") })
}

// unknownKey says what is wrong with a key that does not exist, and names the one that was probably meant.
func unknownKey(key string) string {
	parts := strings.Split(key, ".")
	if parts[0] != instrumentSection || len(parts) < 2 {
		return "no such setting" + didYouMean(key, keysNear())
	}
	switch {
	case !instrumentName.MatchString(parts[1]):
		return "the name of an instrument is written in capitals, digits and underscores, like BANK_NIFTY"
	case len(parts) == 2:
		return "an instrument is a row of attributes, like {like: BANK_NIFTY, contract: MY-FUT}"
	case len(parts) > 3:
		return "no such setting: a value by date is written {\"2025-12-30\": 30}"
	}
	var names []string
	for _, a := range attributes {
		names = append(names, a.key)
	}
	return "an instrument has no " + parts[2] + didYouMean(parts[2], names)
}

// keysNear are the keys that a wrong one is held against: whole keys, and sections for a wrong section.
func keysNear() []string {
	names := []string{instrumentSection}
	for _, s := range settings {
		names = append(names, s.key)
		if section, _, ok := strings.Cut(s.key, "."); ok && !slices.Contains(names, section) {
			names = append(names, section)
		}
	}
	return names
}

func didYouMean(wrong string, names []string) string {
	best, distance := "", len(wrong)/3+2
	for _, name := range names {
		if d := edits(wrong, name); d < distance {
			best, distance = name, d
		}
	}
	if best == "" {
		return "; pm --print-config lists all"
	}
	return "; did you mean " + best + "?"
}

// maxWord bounds the words that edits compares: no key is longer.
const maxWord = 80

// edits is the Levenshtein distance: how many letters to insert, delete or replace.
func edits(a, b string) int {
	if len(a) > maxWord || len(b) > maxWord {
		return max(len(a), len(b))
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		corner := row[0]
		row[0] = i + 1
		for j := range b {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
