package domain

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var received = time.Date(2025, 11, 12, 3, 45, 7, 0, time.UTC)

const (
	goodEntry = `{"type":"BASE_ENTRY","instrument":"BANK_NIFTY","timestamp":"2025-11-12T09:15:00+05:30","position":"Long_1",` +
		`"price":52000.05,"stop":"51650","atr":350,"er":0.82,"supertrend":51700.5}`
	goodBar = `{"type":"MARKET_DATA","instrument":"BANK_NIFTY","timestamp":"2025-11-12T03:45:00Z","price":52000,"atr":0,"supertrend":51700}`
	goodEOD = `{"type":"EOD_MONITOR","instrument":"GOLD_MINI","timestamp":"2025-11-12 23:10","price":"122000",` +
		`"conditions":{"rsi_condition":true,"ema_condition":true,"dc_condition":true,"adx_condition":true,"er_condition":true,` +
		`"st_condition":true,"not_doji":false,"long_entry":false,"long_exit":true},` +
		`"indicators":{"rsi":61.5,"ema":121000,"dc_upper":122500,"adx":22,"er":0.4,"supertrend":120000,"atr":900},` +
		`"position_status":{"in":"position"},"sizing":7}`
	goodExit = `{"type":"EXIT","instrument":"BANK_NIFTY","timestamp":"2025-11-12T10:00:00+05:30","position":"Long_2","price":52100}`
)

// with sets a member of a body to a piece of JSON text; an empty text takes the member out. Order is kept.
func with(t *testing.T, body, key, text string) string {
	t.Helper()
	root, _, fault := readJSON(body)
	require.Nil(t, fault)
	for _, m := range root.members {
		if m.key != key {
			continue
		}
		if text == "" {
			return cutMember(body, root.members, key)
		}
		return body[:m.start] + `"` + key + `":` + text + body[m.end:]
	}
	return strings.TrimSuffix(body, "}") + `,"` + key + `":` + text + "}"
}

func parsed(t *testing.T, body string) Submission {
	t.Helper()
	sub, _, problems := ParseSignal([]byte(body), received)
	require.Empty(t, problems, body)
	return sub
}

// codes writes problems as "code field", in their order.
func codes(problems []Problem) (out []string) {
	for _, p := range problems {
		out = append(out, p.Code+" "+p.Field)
	}
	return out
}

func refused(t *testing.T, body string, want ...string) {
	t.Helper()
	sub, _, problems := ParseSignal([]byte(body), received)
	require.Equal(t, want, codes(problems), body)
	require.Equal(t, Submission{}, sub, "a faulty body yields no signal")
	for _, p := range problems {
		require.Contains(t, p.Message, ":", "the message says what to send: %s", p.Message)
		require.LessOrEqual(t, len(p.Message)+len(p.Field), 400)
	}
}

func dec(s string) *Decimal { d := D(s); return &d }

func TestABaseEntryIsReadInFull(t *testing.T) {
	sub := parsed(t, with(t, with(t, with(t, goodEntry, "lots", `"3"`), "roc", "-1.25"), "id", `"tv-17"`))
	require.Equal(t, Signal{
		Type: BaseEntry, Instrument: "BANK_NIFTY", Timestamp: time.Date(2025, 11, 12, 3, 45, 0, 0, time.UTC),
		Position: []string{"Long_1"}, Price: dec("52000.05"), Stop: dec("51650"), ATR: dec("350"), ER: dec("0.82"),
		Supertrend: dec("51700.5"), Lots: dec("3"), ROC: dec("-1.25"),
	}, sub.Signal)
	require.Equal(t, "tv-17", sub.ClientID)
	require.Equal(t, SignalID("tv-17"), sub.ID())
	require.Empty(t, sub.Flags)
}

func TestTypeAndInstrumentIgnoreCaseAndAreKeptUpper(t *testing.T) {
	for text, typ := range map[string]SignalType{
		`"pyramid"`: Pyramid, `" Base_Entry "`: BaseEntry, `"PYRAMID"`: Pyramid,
	} {
		sub := parsed(t, with(t, with(t, goodEntry, "type", text), "instrument", `" bank_nifty "`))
		require.Equal(t, typ, sub.Signal.Type)
		require.Equal(t, "BANK_NIFTY", sub.Signal.Instrument)
	}
}

func TestABarHasPriceATRAndSupertrendAndNothingElse(t *testing.T) {
	sub := parsed(t, with(t, with(t, goodBar, "stop", `"rubbish"`), "position", `"nonsense"`))
	require.Equal(t, Signal{
		Type: MarketData, Instrument: "BANK_NIFTY", Timestamp: time.Date(2025, 11, 12, 3, 45, 0, 0, time.UTC),
		Price: dec("52000"), ATR: dec("0"), Supertrend: dec("51700"),
	}, sub.Signal)
}

func TestAnEndOfDaySignalHasConditionsAndIndicators(t *testing.T) {
	sub := parsed(t, goodEOD)
	require.Equal(t, Signal{
		Type: EODMonitor, Instrument: "GOLD_MINI", Timestamp: time.Date(2025, 11, 12, 17, 40, 0, 0, time.UTC), Price: dec("122000"),
		Conditions: &Conditions{RSI: true, EMA: true, DC: true, ADX: true, ER: true, ST: true, LongExit: true},
		Indicators: &Indicators{
			RSI: D("61.5"), EMA: D("121000"), DCUpper: D("122500"), ADX: D("22"), ER: D("0.4"), Supertrend: D("120000"), ATR: D("900"),
		},
	}, sub.Signal)
	require.Equal(t, goodEOD, sub.Raw, "what is not interpreted is kept")

	withROC := strings.Replace(goodEOD, `"atr":900`, `"atr":900,"roc":"-2.5"`, 1)
	require.Equal(t, dec("-2.5"), parsed(t, withROC).Signal.Indicators.ROC)
}

func TestEveryFaultOfABodyIsListedAtOnce(t *testing.T) {
	refused(t, `{"type":"PYRAMID","instrument":"BANK NIFTY","id":7,"timestamp":"today","position":"Short_1","price":0,"atr":-1,"er":1.01,"lots":true}`,
		"invalid_field instrument", "invalid_field id", "invalid_field timestamp", "invalid_field position", "invalid_field price",
		"missing_field stop", "invalid_field atr", "invalid_field er", "missing_field supertrend", "invalid_field lots")
	refused(t, `{}`, "missing_field type", "missing_field instrument")
	refused(t, `{"type":"MARKET_DATA","instrument":"X"}`,
		"missing_field timestamp", "missing_field price", "missing_field atr", "missing_field supertrend")
	refused(t, `{"type":"EOD_MONITOR","instrument":"X","timestamp":"2025-01-01T00:00Z","price":1,"conditions":{"rsi_condition":1,"ema_condition":"true","dc_condition":null},"indicators":{"rsi":"x","er":2,"atr":-1}}`,
		"invalid_field conditions.rsi_condition", "invalid_field conditions.ema_condition", "missing_field conditions.dc_condition",
		"missing_field conditions.adx_condition", "missing_field conditions.er_condition", "missing_field conditions.st_condition",
		"missing_field conditions.not_doji", "missing_field conditions.long_entry", "missing_field conditions.long_exit",
		"invalid_field indicators.rsi", "missing_field indicators.ema", "missing_field indicators.dc_upper", "missing_field indicators.adx",
		"invalid_field indicators.er", "missing_field indicators.supertrend", "invalid_field indicators.atr")
	refused(t, with(t, with(t, goodEOD, "conditions", "[]"), "indicators", ""), "invalid_field conditions", "missing_field indicators")
}

func TestEachFieldOfAnEntryIsHeldToItsForm(t *testing.T) {
	for _, c := range []struct{ key, text, want string }{
		{"type", `"BUY"`, "invalid_field type"},
		{"type", `5`, "invalid_field type"},
		{"type", `null`, "missing_field type"},
		{"instrument", ``, "missing_field instrument"},
		{"instrument", `""`, "invalid_field instrument"},
		{"instrument", `17`, "invalid_field instrument"},
		{"instrument", `"BANK NIFTY"`, "invalid_field instrument"},
		{"instrument", `"` + strings.Repeat("A", MaxInstrumentName+1) + `"`, "invalid_field instrument"},
		{"instrument", `"ſILVER"`, "invalid_field instrument"}, // its upper case would be SILVER
		{"position", `"Long_0"`, "invalid_field position"},
		{"position", `"Long_7"`, "invalid_field position"},
		{"position", `"ALL"`, "invalid_field position"},
		{"position", `["Long_1"]`, "invalid_field position"},
		{"position", ``, "missing_field position"},
		{"price", `0`, "invalid_field price"},
		{"price", `-0.0`, "invalid_field price"},
		{"price", `"-1"`, "invalid_field price"},
		{"price", `"NaN"`, "invalid_field price"},
		{"price", `"Infinity"`, "invalid_field price"},
		{"price", `null`, "missing_field price"},
		{"price", `[1]`, "invalid_field price"},
		{"price", `1000000000000`, "invalid_field price"},
		{"price", `1.000000001`, "invalid_field price"},
		{"stop", `""`, "invalid_field stop"},
		{"atr", `-0.00000001`, "invalid_field atr"},
		{"er", `1.00000001`, "invalid_field er"},
		{"er", `-0.00000001`, "invalid_field er"},
		{"timestamp", `1731379500`, "invalid_field timestamp"},
		{"timestamp", `"2025-11-12"`, "invalid_field timestamp"},
		{"timestamp", ``, "missing_field timestamp"},
		{"id", `""`, "invalid_field id"},
		{"id", `" a"`, "invalid_field id"},
		{"id", `"a\u0000b"`, "invalid_field id"},
		{"id", `"a\ud800b"`, "invalid_field id"},
		{"id", `"` + strings.Repeat("é", MaxClientID+1) + `"`, "invalid_field id"},
	} {
		refused(t, with(t, goodEntry, c.key, c.text), c.want)
	}
}

func TestEachLimitIsReachedFromWithin(t *testing.T) {
	for _, c := range []struct{ key, text string }{
		{"price", `999999999999.99999999`}, {"price", `"0.00000001"`}, {"price", `1e11`}, {"price", `10000000000000e-2`},
		{"atr", `0`}, {"er", `0`}, {"er", `1`}, {"er", `"1.0"`}, {"stop", `-5`}, {"lots", `null`}, {"roc", `null`}, {"id", `null`},
		{"instrument", `"` + strings.Repeat("a", MaxInstrumentName) + `"`}, {"instrument", `"M&M-2_x"`},
		{"id", `"` + strings.Repeat("é", MaxClientID) + `"`}, {"position", `"LONG_6"`}, {"position", `" long_1 "`},
	} {
		parsed(t, with(t, goodEntry, c.key, c.text))
	}
	require.Equal(t, []string{"Long_6"}, parsed(t, with(t, goodEntry, "position", `"lonG_6"`)).Signal.Position)
}

func TestOneObjectIsAllowedAndNothingElse(t *testing.T) {
	for body, field := range map[string]string{
		"": "", " ": "", "[]": "", "17": "", `"x"`: "", "null": "", goodEntry + goodEntry: "", goodEntry + ",": "", "{": "", `{"a":1`: "a",
		"\xef\xbb\xbf{}": "", "{\"a\":\"\xff\"}": "", `{"price":NaN}`: "price", `{"price":-Infinity}`: "price", `{"a":{"b":Infinity}}`: "a.b",
		`{'a':1}`: "", "{\"a\":\"\x1f\"}": "a", `{"a":"\x"}`: "a", `{"a":"\u12g4"}`: "a", `{"a":01}`: "a", `{"a":1,}`: "", `{"type":"EXIT","instrument":"X","position":"ALL","price":NaN}`: "price",
	} {
		sub, secret, problems := ParseSignal([]byte(body), received)
		require.Len(t, problems, 1, body)
		require.Equal(t, BadJSON, problems[0].Code, body)
		if !strings.HasPrefix(body, `{"a":1`) {
			require.Equal(t, field, problems[0].Field, body)
		}
		require.Empty(t, secret)
		require.Equal(t, Submission{}, sub)
	}
}

func TestNestingIsBounded(t *testing.T) {
	nested := func(depth int) string { // depth counts the signal's own object
		return with(t, goodEntry, "note", strings.Repeat("[", depth-1)+strings.Repeat("]", depth-1))
	}
	parsed(t, nested(MaxJSONDepth))
	refused(t, strings.Replace(nested(MaxJSONDepth), "[]", "[{}]", 1), "bad_json note")
}

func TestAKeyGivenTwiceIsNamedAtAnyDepth(t *testing.T) {
	refused(t, with(t, goodEntry, "note", `{"a":[{"b":1,"b":1}],"a":2}`), "bad_json note.a.b", "bad_json note.a")
	refused(t, strings.TrimSuffix(goodEntry, "}")+`,"pri\u0063e":1}`, "bad_json price")
	refused(t, strings.TrimSuffix(goodEntry, "}")+`,"type":"EXIT"}`, "bad_json type")
	refused(t, strings.TrimSuffix(goodEntry, "}")+`,"id":"a","id":"a"}`, "bad_json id")
}

func TestOnlySoManyDuplicatesAreNamed(t *testing.T) {
	var b strings.Builder
	for i := range maxDuplicateKeys + 5 {
		fmt.Fprintf(&b, `"k%d":1,"k%d":2,`, i, i)
	}
	_, _, problems := ParseSignal([]byte("{"+b.String()+goodEntry[1:]), received)
	require.Len(t, problems, maxDuplicateKeys)

	// A doubled position is seen even behind so many others: an exit of the wrong layer is worse than none.
	exit := "{" + b.String() + `"position":"ALL",` + goodExit[1:]
	_, _, problems = ParseSignal([]byte(exit), received)
	require.Equal(t, []string{"bad_json position"}, codes(problems))
}

func TestALongKeyIsShortenedInAProblem(t *testing.T) {
	key := strings.Repeat("é", 3000)
	_, _, problems := ParseSignal([]byte(strings.TrimSuffix(goodEntry, "}")+`,"`+key+`":1,"`+key+`":2}`), received)
	require.Len(t, problems, 1)
	require.LessOrEqual(t, len(problems[0].Field), maxPathText+len("..."))
	text, err := json.Marshal(problems)
	require.NoError(t, err)
	require.NotContains(t, string(text), "\ufffd", "cut on a rune's edge")
}
