package domain

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestTheSecretIsCutOutAndEverythingElseStays(t *testing.T) {
	for body, raw := range map[string]string{
		` {"secret":"s3","type":"EXIT", "instrument":"X","position":"ALL" } `:                                     ` {"type":"EXIT", "instrument":"X","position":"ALL" } `,
		"{\n  \"type\": \"EXIT\",\n  \"secret\" : \"s3\" ,\n  \"instrument\":\"X\",\n  \"position\":\"ALL\"\n}\n": "{\n  \"type\": \"EXIT\",\n  \"instrument\":\"X\",\n  \"position\":\"ALL\"\n}\n",
		`{"type":"EXIT","instrument":"X","position":"ALL" , "secret" : "s3" }`:                                    `{"type":"EXIT","instrument":"X","position":"ALL" }`,
		`{"type":"EXIT","instrument":"X","s\u0065cret":"s3","position":"ALL"}`:                                    `{"type":"EXIT","instrument":"X","position":"ALL"}`,
		`{"type":"EXIT","instrument":"X","position":"ALL","secret":"\u0073\u0033"}`:                               `{"type":"EXIT","instrument":"X","position":"ALL"}`,
		`{"type":"EXIT","instrument":"X","position":"ALL","x":{"secret":1},"secret":"s3"}`:                        `{"type":"EXIT","instrument":"X","position":"ALL","x":{"secret":1}}`,
	} {
		sub, secret, problems := ParseSignal([]byte(body), received)
		require.Empty(t, problems)
		require.Equal(t, "s3", secret)
		require.Equal(t, raw, sub.Raw)
	}
	require.Equal(t, "{ }", cutMember(`{ "secret":1}`, []jsonMember{{key: "secret", start: 2, end: 12}}, "secret"))
}

func TestASecretOfAnotherTypeIsNoSecretAndIsCutAllTheSame(t *testing.T) {
	for _, text := range []string{`12345`, `null`, `true`, `["hush"]`, `{"hush":"hush","hush":2}`} {
		sub, secret, problems := ParseSignal([]byte(with(t, goodExit, "secret", text)), received)
		require.Empty(t, problems)
		require.Empty(t, secret)
		require.Equal(t, goodExit, sub.Raw)
	}
}

func TestTheSecretStandsInNoProblemAndNoFlag(t *testing.T) {
	const hush = "correct-horse"
	for _, body := range []string{
		strings.Replace(with(t, goodEntry, "price", `"x"`), "{", `{"secret":"`+hush+`",`, 1),
		with(t, with(t, goodExit, "price", `"x"`), "secret", `"`+hush+`"`),
		`{"secret":"` + hush + `","secret":"` + hush + `"}`,
		`{"secret":"` + hush + `" oops`,
		`{"secret":"` + hush,
	} {
		sub, _, problems := ParseSignal([]byte(body), received)
		text, err := json.Marshal([]any{sub, problems})
		require.NoError(t, err)
		require.NotContains(t, string(text), hush)
		require.NotContains(t, string(text), hush[:8])
	}
}

func TestTheSecretIsAnsweredBesideProblemsSoThatTheSenderCanBeKnownFirst(t *testing.T) {
	_, secret, problems := ParseSignal([]byte(`{"secret":"s3","type":"BUY"}`), received)
	require.NotEmpty(t, problems)
	require.Equal(t, "s3", secret)
	_, secret, _ = ParseSignal([]byte(`{"secret":"s3","secret":"s4"}`), received)
	require.Empty(t, secret)
}

func TestTheSecretOfABodyThatIsNotJSONIsTheOneThatWasReadWhole(t *testing.T) {
	for body, want := range map[string]string{
		`{"secret":"s3","type":"MARKET_DATA","price":NaN}`:         "s3",
		`{"type":"MARKET_DATA","price":NaN,"secret":"s3"}`:         "s3",
		`{"type":"MARKET_DATA","price":-Infinity,"secret":"s3"`:    "s3",
		`{"x":[NaN,{"atr":nan}],"price":+Inf,"secret":"s3","a":,}`: "s3",
		`{"secret":"s3","price":{{close}}}`:                        "s3",
		`{"secret":"s3","price":`:                                  "s3",
		`{"secret":"s3"} {"secret":"s4"}`:                          "s3",
		"{\"secret\":\"s3\",\"position\":\"Long_\xff1\"}":          "s3",
		`{"price":{{close}},"secret":"s3"}`:                        "",
		`{"secret":"s3`:                                            "",
		"{\"secret\":\"s3\xff\"}":                                  "",
		"{\"position\":\"\xff\",\"secret\":\"s3\"}":                "",
		`{"secret":"s3","secret":"s3","price":NaN}`:                "",
		`{"secret":"s3","price":NaN,"secret":"s4"}`:                "",
		`{"secret":NaN,"price":1}`:                                 "",
		`{"secret":["s3"],"price":NaN}`:                            "",
		`{"x":{"secret":"s3"},"price":NaN}`:                        "",
		`{"x":{"secret":"s3","price":}`:                            "",
		`[{"secret":"s3"},NaN]`:                                    "",
		`"s3" NaN`:                                                 "",
	} {
		sub, secret, problems := ParseSignal([]byte(body), received)
		require.Equal(t, want, secret, body)
		require.Equal(t, BadJSON, problems[0].Code, body)
		require.Equal(t, Submission{}, sub, body)
	}
	_, _, problems := ParseSignal([]byte(`{"price":NaN,"stop":Infinity,"atr":{{atr}}}`), received)
	require.Equal(t, "price", problems[0].Field, "the first fault is the one that is told")
	require.Contains(t, problems[0].Message, "finite number at byte 9")
}

func TestADecimalIsReadExactlyOrNotAtAll(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "0.0": "0", "0e999999999999": "0", "1": "1", "-1.50": "-1.5", "1.5000000000000": "1.5", "15e-1": "1.5",
		"0.15E+1": "1.5", "1e11": "100000000000", "999999999999.99999999": "999999999999.99999999", "0.00000001": "0.00000001",
		"1e-8": "0.00000001", "1e00000000000000000001": "10", "100000000000000000000e-20": "1", "120e-1": "12",
		"0." + strings.Repeat("0", MaxNumberText-8) + "1e4089": "1",
	} {
		got, err := ParseDecimal(text)
		require.NoError(t, err, text)
		require.Equal(t, D(want), got, text)
		require.Equal(t, want, got.String())
	}
	for _, text := range []string{
		"", " 1", "1 ", "+1", ".5", "5.", "01", "-", "1e", "1e+", "0x10", "1_000", "1,5", "NaN", "nan", "Infinity", "-inf", "١", "1.2.3", "--1",
		"1000000000000", "1e12", "0.000000001", "1e-9", "1.000000001", "1e999999999999999999999", "1e18446744073709551616", "1e-18446744073709551616", "1e-999999999999999999999", "1e100000", "1e9999",
		strings.Repeat("9", 13), "0." + strings.Repeat("0", MaxNumberText-7) + "1e4090",
	} {
		_, err := ParseDecimal(text)
		require.Error(t, err, text)
	}
}

func TestADecimalEqualsWhatExactArithmeticReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,13})(\.[0-9]{1,10})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "text")
		exact, ok := new(big.Rat).SetString(text)
		require.True(t, ok)
		got, err := ParseDecimal(text)
		scaled := new(big.Rat).Mul(exact, new(big.Rat).SetInt64(1e8))
		limit := new(big.Rat).SetInt64(1e12)
		fits := scaled.IsInt() && new(big.Rat).Abs(exact).Cmp(limit) < 0
		require.Equal(t, fits, err == nil, text)
		if fits {
			back, _ := new(big.Rat).SetString(got.String())
			require.Zero(t, back.Cmp(exact))
		}
	})
}

func TestATimeWithoutAZoneIsExchangeTime(t *testing.T) {
	utc := func(h, m, s, n int) time.Time { return time.Date(2025, 1, 2, h, m, s, n, time.UTC) }
	for text, want := range map[string]time.Time{
		"2025-01-02T15:04:05": utc(9, 34, 5, 0), "2025-01-02 15:04": utc(9, 34, 0, 0), "2025-01-02t15:04:05.25": utc(9, 34, 5, 250000000),
		"2025-01-02T15:04:05Z": utc(15, 4, 5, 0), "2025-01-02T15:04:05.000000001z": utc(15, 4, 5, 1), "2025-01-02T15:04Z": utc(15, 4, 0, 0),
		"2025-01-02T15:04:05+05:30": utc(9, 34, 5, 0), "2025-01-02T15:04:05+0530": utc(9, 34, 5, 0), "2025-01-02T15:04:05-01": utc(16, 4, 5, 0),
		"2000-01-01T05:30:00": time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), "2100-12-31T23:59:59Z": time.Date(2100, 12, 31, 23, 59, 59, 0, time.UTC),
		"2024-02-29T00:00:00Z": time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
	} {
		got, err := ParseInstant(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{
		"", "2025-01-02", "15:04:05", "2025-01-02T", "2025-01-02T15", "2025-01-02T5:04:05Z", "2025-1-2T15:04:05Z", "02-01-2025 15:04", "1731379500",
		"2025-02-29T00:00:00Z", "2025-06-31T00:00:00Z", "2025-13-01T00:00:00Z", "2025-00-01T00:00:00Z", "2025-01-00T00:00:00Z", "2025-01-02T24:00:00Z",
		"2025-01-02T15:60:00Z", "2025-01-02T15:04:60Z", "2025-01-02T15:04:05.Z", "2025-01-02T15:04:05.0000000001Z", "2025-01-02T15:04:05+24:00",
		"2025-01-02T15:04:05+05:60", "2025-01-02T15:04:05+5:30", "2025-01-02T15:04:05 IST", "2025-01-02T15:04:05Z ", "2025-01-02T15:04:05+05:",
		"1999-12-31T23:59:59Z", "2101-01-01T00:00:00Z", "２025-01-02T15:04:05Z", "2025/01/02T15:04:05Z", "2025-01-02T15:04:05ZZ", "+025-01-02T15:04:05Z",
	} {
		_, err := ParseInstant(text)
		require.Error(t, err, text)
	}
}

// plain turns a value into what encoding/json would make of it.
func plain(v jsonValue) any {
	switch v.kind {
	case jsonBool:
		return v.truth
	case jsonNumber:
		return json.Number(v.text)
	case jsonString:
		return v.text
	case jsonArray:
		out := []any{}
		for _, item := range v.items {
			out = append(out, plain(item))
		}
		return out
	case jsonObject:
		out := map[string]any{}
		for _, m := range v.members {
			out[m.key] = plain(m.value)
		}
		return out
	default:
		return nil
	}
}

func decode(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	require.NoError(t, d.Decode(&v))
	return v
}

func FuzzParseSignal(f *testing.F) {
	for _, seed := range []string{goodEntry, goodBar, goodEOD, goodExit, `{"type":"EXIT","secret":"s","position":null,"instrument":"x"}`, `{"a":1e-5,"a":"\ud83d\ude00\ud800"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > 16<<10 {
			return // the door refuses it
		}
		root, duplicates, fault := readJSON(string(body))
		if fault == nil {
			require.True(t, json.Valid(body), "what we read, the standard reader reads")
			if len(duplicates) == 0 {
				require.Equal(t, decode(t, body), plain(root))
			}
		} else if json.Valid(body) {
			require.Regexp(t, "UTF-8|nest deeper", fault.what, "we refuse nothing else that the standard reader takes")
		}

		sub, secret, problems := ParseSignal(body, received)
		again, _, _ := ParseSignal(body, received)
		require.Equal(t, sub, again)
		if len(problems) > 0 {
			require.Equal(t, Submission{}, sub)
			return
		}
		checkUsable(t, body, sub, secret)
	})
}

// checkUsable holds what every accepted form promises.
func checkUsable(t *testing.T, body []byte, sub Submission, secret string) {
	sig := sub.Signal
	require.NotEmpty(t, sig.Type)
	require.Regexp(t, `^[A-Z0-9_&-]{1,40}$`, sig.Instrument)
	require.Equal(t, time.UTC, sig.Timestamp.Location())
	require.NotEmpty(t, sub.ID())
	require.Len(t, sub.Content(), 64)
	if sig.Type != Exit {
		require.Empty(t, sub.Flags)
		require.Positive(t, sig.Price.Sign())
	} else {
		require.Equal(t, len(sig.Position) == 0, strings.Contains(strings.Join(sub.Flags, "\n"), "position: names no layer"))
	}
	sent, _, _ := readJSON(string(body))
	kept, _, fault := readJSON(sub.Raw)
	require.Nil(t, fault, "what is kept is JSON")
	require.Nil(t, kept.get("secret"))
	if s := sent.get("secret"); s != nil && s.kind == jsonString {
		require.Equal(t, s.text, secret)
	}
	want := sent.members[:0:0]
	for _, m := range sent.members {
		if m.key != "secret" {
			want = append(want, m)
		}
	}
	require.Len(t, kept.members, len(want))
	for i, m := range kept.members {
		require.Equal(t, string(body[want[i].start:want[i].end]), sub.Raw[m.start:m.end], "every other member is byte for byte what was sent")
	}
}
