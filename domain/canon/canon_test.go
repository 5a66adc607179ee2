package canon_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"pm/domain/canon"
)

type (
	name  string
	state int8
	part  struct {
		Name name             `json:"name"`
		Px   udecimal.Decimal `json:"px"`
	}
	// every has each shape that a value may have.
	every struct {
		Text    string                      `json:"text"`
		Name    name                        `json:"name,omitempty"`
		Int     int                         `json:"int"`
		Small   state                       `json:"small,omitempty"`
		Big     uint64                      `json:"big"`
		Yes     bool                        `json:"yes"`
		Maybe   bool                        `json:"maybe,omitempty"`
		Px      udecimal.Decimal            `json:"px"`
		OptPx   *udecimal.Decimal           `json:"opt_px,omitempty"`
		OptInt  *uint64                     `json:"opt_int,omitempty"`
		At      time.Time                   `json:"at"`
		OptAt   *time.Time                  `json:"opt_at,omitempty"`
		Part    part                        `json:"part"`
		OptPart *part                       `json:"opt_part,omitempty"`
		Parts   []part                      `json:"parts"`
		Names   []name                      `json:"names,omitempty"`
		Nested  [][]*part                   `json:"nested,omitempty"`
		Words   map[string]string           `json:"words"`
		ByName  map[name]*part              `json:"by_name,omitempty"`
		Deep    map[string]map[string][]int `json:"deep,omitempty"`
		Skipped func()                      `json:"-"`
		hidden  float64
	}
)

func dec(s string) udecimal.Decimal { return udecimal.MustParse(s) }

func ptr[T any](v T) *T { return &v }

func full() every {
	at := time.Date(2025, 1, 2, 3, 45, 0, 120_000_000, time.UTC)
	return every{
		Text: "a \"b\" \\ c\n\x00\x1f/ü€😀\u2028\x7f", Name: "n", Int: -42, Small: -128, Big: math.MaxUint64, Yes: true, Maybe: true,
		Px: dec("51650.05"), OptPx: ptr(dec("-0.5")), OptInt: ptr(uint64(0)), At: at, OptAt: ptr(at.Truncate(time.Second)),
		Part: part{"p", dec("0")}, OptPart: &part{"q", dec("1")}, Parts: []part{{"r", dec("2")}, {"s", dec("3")}},
		Names: []name{"", "x"}, Nested: [][]*part{{}, {{"t", dec("4")}}}, Words: map[string]string{"b": "1", "a": "2", "B": "3"},
		ByName: map[name]*part{"k": {"u", dec("5")}}, Deep: map[string]map[string][]int{"x": {"y": {1, -1}, "w": {}}},
	}
}

const fullText = `{"text":"a \"b\" \\ c\u000a\u0000\u001f/ü€😀` + "\u2028\x7f" + `","name":"n","int":-42,"small":-128,"big":18446744073709551615,` +
	`"yes":true,"maybe":true,"px":"51650.05","opt_px":"-0.5","opt_int":0,"at":"2025-01-02T03:45:00.12Z","opt_at":"2025-01-02T03:45:00Z",` +
	`"part":{"name":"p","px":"0"},"opt_part":{"name":"q","px":"1"},"parts":[{"name":"r","px":"2"},{"name":"s","px":"3"}],` +
	`"names":["","x"],"nested":[[],[{"name":"t","px":"4"}]],"words":{"B":"3","a":"2","b":"1"},` +
	`"by_name":{"k":{"name":"u","px":"5"}},"deep":{"x":{"w":[],"y":[1,-1]}}}`

const emptyText = `{"text":"","int":0,"big":0,"yes":false,"px":"0","at":"0001-01-01T00:00:00Z","part":{"name":"","px":"0"},"parts":[],"words":{}}`

func TestAppendWritesTheOneTextOfAValue(t *testing.T) {
	v := full()
	for _, in := range []any{v, &v} {
		got, err := canon.Append([]byte("before "), in)
		require.NoError(t, err)
		require.Equal(t, "before "+fullText, string(got))
	}
	got, err := canon.Append(nil, every{hidden: 1.5})
	require.NoError(t, err)
	require.Equal(t, emptyText, string(got))
}

func TestDecodeReadsBackWhatAppendWrote(t *testing.T) {
	var got every
	require.NoError(t, canon.Decode([]byte(fullText), &got))
	require.Equal(t, full(), got)
	require.NoError(t, canon.Decode([]byte(emptyText), &got), "a used value is emptied first")
	require.Equal(t, every{Parts: []part{}, Words: map[string]string{}}, got)
}

func TestAnyValueMayStandAtTheTop(t *testing.T) {
	for text, into := range map[string]any{
		`{"a":["1"]}`: &map[string][]udecimal.Decimal{}, `[{"x":1}]`: &[]map[name]int{}, `"x"`: ptr(name("")), `-5`: ptr(state(0)),
	} {
		require.NoError(t, canon.Decode([]byte(text), into))
		got, err := canon.Append(nil, into)
		require.NoError(t, err)
		require.Equal(t, text, string(got))
	}
}

func TestDecodeRefusesEveryOtherSpelling(t *testing.T) {
	for _, c := range []struct{ from, to string }{
		{`{"text"`, ` {"text"`}, {`{"text"`, `{ "text"`}, {`"text":`, `"text": `}, {`,"name":"n"`, `, "name":"n"`}, {`}}}`, `}}} `}, {`}}}`, `}}}{}`}, {`}}}`, `}}`},
		{`"text"`, `"Text"`}, {`"text"`, `"te\u0078t"`}, {`"int":-42,`, ``}, {`"int":-42,`, `"int":-42,"int":-42,`}, {`"int":-42,`, `"int":-42,"new":1,`},
		{`"name":"n","int":-42`, `"int":-42,"name":"n"`}, {`"name":"n"`, `"name":""`}, {`"name":"n"`, `"name":null`}, {`"maybe":true`, `"maybe":false`},
		{`-42`, `-042`}, {`-42`, `-0`}, {`-42`, `-`}, {`-42`, `+42`}, {`-42`, `4.2`}, {`-42`, `42e0`}, {`-42`, `"42"`}, {`-42`, `9223372036854775808`}, {`-128`, `-129`},
		{`-128`, `0`}, {`18446744073709551615`, `18446744073709551616`}, {`18446744073709551615`, `99999999999999999999`}, {`18446744073709551615`, `-1`}, {`"yes":true`, `"yes":1`}, {`"yes":true`, `"yes":tru`},
		{`"51650.05"`, `51650.05`}, {`51650.05`, `51650.050`}, {`51650.05`, `51650.`}, {`51650.05`, `.5`}, {`51650.05`, `00.5`}, {`51650.05`, `051650`}, {`51650.05`, `-0`}, {`51650.05`, `-0.0`},
		{`51650.05`, `+1`}, {`51650.05`, `1e5`}, {`51650.05`, ``}, {`51650.05`, `NaN`}, {`51650.05`, `0.01234567890123456789`}, {`51650.05`, `1.5.5`}, {`51650.05`, `-`},
		{`T03:45:00.12Z`, `T03:45:00.120Z`}, {`T03:45:00.12Z`, `T03:45:00.Z`}, {`T03:45:00.12Z`, `T03:45:00.0Z`}, {`T03:45:00.12Z`, `T03:45:00.12+00:00`}, {`T03:45:00.12Z`, `T24:00:00Z`},
		{`T03:45:00.12Z`, `T03:60:00Z`}, {`T03:45:00.12Z`, `T03:45:60Z`}, {`T03:45:00.12Z`, `T03:45:00.1234567891Z`}, {`T03:45:00.12Z`, `t03:45:00z`}, {`T03:45:00.12Z`, `T3:45:00Z`}, {`2025-01-02T03:45:00.12Z`, ``},
		{`2025-01-02`, `2025-02-29`}, {`2025-01-02`, `2025-13-01`}, {`2025-01-02`, `2025-00-01`}, {`2025-01-02`, `2025-04-31`}, {`2025-01-02`, `2025-01-00`}, {`2025-01-02`, `1900-02-29`}, {`2025-01-02`, `20x5-01-02`},
		{`\"b`, `\u0022b`}, {`\u000a`, `\n`}, {`\u000a`, `\u000A`}, {`\u000a`, "\n"}, {`\u000a`, `\u0041`}, {`\u000a`, `\/`}, {`ü`, "\xff"}, {`ü`, "\xed\xa0\x80"}, {`\u000a`, `\u00`},
		{`[1,-1]`, `[1,-1,]`}, {`[1,-1]`, `[1 ,-1]`}, {`[1,-1]`, `[1-1]`}, {`"names":["","x"]`, `"names":[]`}, {`"nested":[[],`, `"nested":[null,`}, {`{"w":[],"y":[1,-1]}`, `{"y":[1,-1],"w":[]}`},
		{`{"B":"3","a"`, `{"B":"3","B":"3","a"`}, {`"B":"3"`, `"B" :"3"`}, {`"b":"1"}`, `"b":"1",}`}, {`"b":"1"}`, `"b":"1"`}, {`{"w":[],`, `{w:[],`}, {`"deep":{"x"`, `"deep":{},"x":{"x"`},
		{`"opt_part":{`, `"opt_part":null,"x":{`}, {`"part":{`, `"part":[`}, {`"parts":[`, `"parts":{`}, {`"words":{`, `"words":[`},
	} {
		bad := strings.Replace(fullText, c.from, c.to, 1)
		require.NotEqual(t, fullText, bad, "the case %q changes nothing", c.from)
		var e *canon.Error
		require.ErrorAs(t, canon.Decode([]byte(bad), new(every)), &e, "%s → %s", c.from, c.to)
		require.LessOrEqual(t, e.Offset, len(bad))
	}
	for n := range len(fullText) {
		require.Error(t, canon.Decode([]byte(fullText[:n]), new(every)), "cut after %d bytes", n)
	}
}

func TestErrorsNameThePlaceAndTheKey(t *testing.T) {
	text := `{"deep":{"x":{"y":[1,01]}}}`
	var v struct {
		Deep map[string]map[string][]int `json:"deep"`
	}
	err := canon.Decode([]byte(text), &v)
	require.EqualError(t, err, "canon: at byte 23 (deep.x.y.1): a leading zero")
	require.EqualError(t, canon.Decode([]byte(`{}`), &v), `canon: at byte 0: the key "deep" must come here`)
}

func TestDecimalsOfEverySizeKeepTheirValue(t *testing.T) {
	longest := "-" + strings.Repeat("9", canon.MaxDecimal-1)
	for _, s := range []string{
		"0", "1", "-1", "0.1", "-0.00000001", "100", "999999999999999999", "9999999999999999999", "123456789012345678.9", "0.0000000000000000001",
		"340282366920938463463374607431768211455", "340282366920938463463374607431768211456.5", "-999999999999.99999999", longest,
	} {
		var got udecimal.Decimal
		require.NoError(t, canon.Decode([]byte(`"`+s+`"`), &got), s)
		require.Equal(t, dec(s), got, s)
		text, err := canon.Append(nil, got)
		require.NoError(t, err)
		require.Equal(t, `"`+s+`"`, string(text))
	}
	require.Error(t, canon.Decode([]byte(`"-`+strings.Repeat("9", canon.MaxDecimal)+`"`), new(udecimal.Decimal)))
	long := dec(longest).Mul(dec("10"))
	_, err := canon.Append(nil, long)
	require.ErrorContains(t, err, "201 bytes")
}

func TestEqualDecimalsHaveEqualTexts(t *testing.T) {
	for _, s := range []string{"1.50", "1.5000", "01.5", "+1.5"} {
		text, err := canon.Append(nil, dec(s))
		require.NoError(t, err)
		require.Equal(t, `"1.5"`, string(text))
	}
	zero, err := canon.Append(nil, dec("-0.00"))
	require.NoError(t, err)
	require.Equal(t, `"0"`, string(zero))
}

func TestTimesAreWrittenInUTCWithinTheYearsOfRFC3339(t *testing.T) {
	kolkata := time.FixedZone("IST", 19800)
	text, err := canon.Append(nil, time.Date(2024, 2, 29, 5, 29, 59, 999_999_999, kolkata))
	require.NoError(t, err)
	require.Equal(t, `"2024-02-28T23:59:59.999999999Z"`, string(text))
	for _, edge := range []time.Time{time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 1, time.UTC)} {
		text, err := canon.Append(nil, edge)
		require.NoError(t, err)
		var back time.Time
		require.NoError(t, canon.Decode(text, &back))
		require.Equal(t, edge, back)
	}
	for _, beyond := range []time.Time{time.Date(-1, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		_, err := canon.Append(nil, beyond)
		require.ErrorContains(t, err, "outside 0 to 9999")
	}
}

func TestTheSmallReadersAgreeWithDecode(t *testing.T) {
	for _, text := range []string{`"2025-01-02T03:04:05.6Z"`, `"2025-01-02T03:04:05.60Z"`, `"2025-01-02T03:04:05Z" `, `x`, ``} {
		var want time.Time
		wantErr := canon.Decode([]byte(text), &want)
		got, err := canon.ParseTime([]byte(text))
		require.Equal(t, wantErr == nil, err == nil, text)
		if err == nil {
			require.Equal(t, want, got)
		}
	}
	for length := range 20 {
		text := strings.Repeat("a", length)
		require.True(t, canon.Plain([]byte(text)))
		for at := range length {
			for c := range 256 {
				odd := []byte(text)
				odd[at] = byte(c)
				quoted := append(append([]byte{'"'}, odd...), '"')
				var s string
				plain := canon.Decode(quoted, &s) == nil && s == string(odd) && c < 0x80
				require.Equal(t, plain, canon.Plain(odd), "%q", odd)
			}
		}
	}
}

func TestEveryDayOfTheCalendarIsReadAsTheStandardLibraryReadsIt(t *testing.T) {
	day := time.Date(0, time.January, 1, 23, 59, 58, 987_654_321, time.UTC)
	for day.Year() <= 9999 {
		text := day.AppendFormat(nil, `"2006-01-02T15:04:05.999999999Z"`)
		got, err := canon.ParseTime(text)
		if err != nil || got != day {
			t.Fatalf("%s is read as %s: %v", text, got, err)
		}
		day = day.AddDate(0, 0, 1)
	}
}

func TestOptionalDecimalsOfOneDecoderAreApart(t *testing.T) {
	type prices struct {
		Low  *udecimal.Decimal `json:"low,omitempty"`
		High *udecimal.Decimal `json:"high,omitempty"`
	}
	var d canon.Decoder
	all := make([]prices, 100)
	for i := range all {
		require.NoError(t, d.Decode(fmt.Appendf(nil, `{"low":"%d","high":"%d"}`, i, i+1000), &all[i]))
	}
	for i := range all {
		require.Equal(t, fmt.Sprint(i), all[i].Low.String())
		require.Equal(t, fmt.Sprint(i+1000), all[i].High.String())
	}
}

func TestListsGrowPastTheirFirstRoom(t *testing.T) {
	type pair struct {
		N int    `json:"n"`
		S string `json:"s"`
	}
	type lists struct {
		Pairs []pair   `json:"pairs"`
		Words []string `json:"words"`
	}
	for n := range 40 {
		var want, got lists
		for i := range n {
			want.Pairs, want.Words = append(want.Pairs, pair{i, fmt.Sprint(i)}), append(want.Words, fmt.Sprint("w", i))
		}
		data, err := canon.Append(nil, &want)
		require.NoError(t, err)
		require.NoError(t, canon.Decode(data, &got))
		again, err := canon.Append(nil, &got)
		require.NoError(t, err)
		require.Equal(t, string(data), string(again))
		require.Len(t, got.Pairs, n)
		require.Len(t, got.Words, n)
	}
}
