package abuse

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// put replaces the value of one member of a sound base entry.
func put(key, value string) string {
	body := base("")
	at := strings.Index(body, `"`+key+`":`)
	if at < 0 {
		panic("no member " + key)
	}
	begin := at + len(key) + 3
	end := begin + strings.IndexAny(body[begin:], ",}")
	if body[begin] == '"' {
		end = begin + 2 + strings.IndexByte(body[begin+1:], '"')
	}
	return body[:begin] + value + body[end:]
}

// without takes one member out of a sound base entry.
func without(key string) string {
	return strings.Replace(strings.Replace(put(key, "\x00"), `"`+key+`":`+"\x00,", "", 1), `,"`+key+`":`+"\x00", "", 1)
}

// formCase is a body that is no signal, and what its sender has to read: the code, the member, and a word that says what is wrong.
type formCase struct{ body, code, field, tells string }

const maxBody = 16 << 10

// form is the table of faults of form. The bodies are those that broken templates and curious strangers send.
func form() map[string]formCase {
	nested := func(open, end string, n int) string { return strings.Repeat(open, n) + strings.Repeat(end, n) }
	return map[string]formCase{
		"nothing at all":               {``, "bad_json", "", "expected"},
		"white space":                  {"\r\n\t ", "bad_json", "", "expected"},
		"a text":                       {`"buy"`, "bad_json", "", "object"},
		"an array":                     {`[` + base("") + `]`, "bad_json", "", "object"},
		"null":                         {`null`, "bad_json", "", "object"},
		"a form of a browser":          {`type=EXIT&instrument=BANK_NIFTY`, "bad_json", "", "byte"},
		"XML":                          {`<?xml version="1.0"?><type>EXIT</type>`, "bad_json", "", "byte"},
		"a template left in":           {put("price", "{{close}}"), "bad_json", "price", "byte"},
		"cut off":                      {base("")[:60], "bad_json", "timestamp", "no end"},
		"a comma too many":             {base(","), "bad_json", "", "byte"},
		"a comment":                    {base("") + "// long", "bad_json", "", "one"},
		"two values":                   {base("") + base(""), "bad_json", "", "one"},
		"two values on two lines":      {base("") + "\n" + base("") + "\n", "bad_json", "", "one"},
		"a byte order mark":            {"\ufeff" + base(""), "bad_json", "", "byte"},
		"invalid UTF-8":                {put("position", "\"Long_\xff1\""), "bad_json", "", "UTF-8"},
		"half a surrogate":             {base(`,"id":"\ud800"`), "invalid_field", "id", "printable"},
		"a NUL in a text":              {put("position", "\"Long_\x001\""), "bad_json", "position", ""},
		"nested 10,000 deep":           {nested("[", "]", maxBody/2), "bad_json", "", "deep"},
		"nested deep in a member":      {base(`,"x":` + strings.Repeat(`[`, 10_000)), "bad_json", "x", "deep"},
		"nested 33 deep":               {base(`,"x":` + nested("[", "]", 32)), "bad_json", "x", "deep"},
		"NaN":                          {put("price", "NaN"), "bad_json", "price", "finite"},
		"NaN as a text":                {put("price", `"NaN"`), "invalid_field", "price", ""},
		"infinity":                     {put("stop", "-Infinity"), "bad_json", "stop", "finite"},
		"infinity as a text":           {put("atr", `"Infinity"`), "invalid_field", "atr", ""},
		"a huge exponent":              {put("price", "1e999999999"), "invalid_field", "price", "digits"},
		"a huge negative exponent":     {put("price", "1e-999999999"), "invalid_field", "price", "digits"},
		"a huge exponent as a text":    {put("atr", `"9E+2147483648"`), "invalid_field", "atr", "digits"},
		"a number of 10,000 digits":    {put("price", strings.Repeat("9", 10_000)), "invalid_field", "price", "digits"},
		"13 digits before the point":   {put("price", "1000000000000"), "invalid_field", "price", "digits"},
		"9 digits behind the point":    {put("price", "50000.123456789"), "invalid_field", "price", "digits"},
		"a hexadecimal price":          {put("price", "0xC350"), "bad_json", "", "comma"},
		"a price with a comma":         {put("price", `"50,000"`), "invalid_field", "price", ""},
		"a price of nothing":           {put("price", "0"), "invalid_field", "price", ""},
		"a negative price":             {put("price", "-50000"), "invalid_field", "price", ""},
		"a price that is true":         {put("price", "true"), "invalid_field", "price", ""},
		"a price that is an object":    {put("price", `{"$gt":0}`), "invalid_field", "price", ""},
		"a price that is null":         {put("price", "null"), "missing_field", "price", "missing"},
		"a negative ATR":               {put("atr", "-1"), "invalid_field", "atr", ""},
		"ER above one":                 {put("er", "1.00000001"), "invalid_field", "er", "1"},
		"ER below nothing":             {put("er", "-0.1"), "invalid_field", "er", ""},
		"a time of no day":             {put("timestamp", `"09:15:00"`), "invalid_field", "timestamp", ""},
		"a day without a time":         {put("timestamp", `"2026-01-05"`), "invalid_field", "timestamp", ""},
		"the 30th of February":         {put("timestamp", `"2026-02-30T10:00:00Z"`), "invalid_field", "timestamp", ""},
		"a time that is a number":      {put("timestamp", "1767589200"), "invalid_field", "timestamp", ""},
		"a type of a stranger":         {put("type", `"DROP TABLE"`), "invalid_field", "type", ""},
		"a type that is a list":        {put("type", `["EXIT"]`), "invalid_field", "type", ""},
		"an instrument of no text":     {put("instrument", "7"), "invalid_field", "instrument", ""},
		"a layer that is a number":     {put("position", "1"), "invalid_field", "position", ""},
		"a key twice":                  {base(`,"price":1`), "bad_json", "price", "twice"},
		"a key twice, once as escapes": {base(`,"pr\u0069ce":1`), "bad_json", "price", "twice"},
		"a key twice, further in":      {base(`,"x":{"a":1,"a":2}`), "bad_json", "x.a", "twice"},
		"no type":                      {without("type"), "missing_field", "type", ""},
		"no instrument":                {without("instrument"), "missing_field", "instrument", ""},
		"no time":                      {without("timestamp"), "missing_field", "timestamp", ""},
		"no price":                     {without("price"), "missing_field", "price", ""},
		"no stop":                      {without("stop"), "missing_field", "stop", ""},
		"an id of 8,000 characters":    {base(`,"id":"` + strings.Repeat("x", 8_000) + `"`), "invalid_field", "id", ""},
		"an exit of nothing":           {`{"type":"EXIT","instrument":"BANK_NIFTY"}`, "missing_field", "position", ""},
	}
}

func TestABodyThatIsNoSignalIsRefusedWithWordsAndLeavesNoTrace(t *testing.T) {
	p := start(t, "")
	before := len(p.history())
	for name, c := range form() {
		t.Run(name, func(t *testing.T) {
			a := p.post(c.body)
			explained(t, name, a, http.StatusBadRequest, c.code)
			require.NotEmpty(t, a.read.Error.Details)
			words := a.read.Error.Message
			for _, d := range a.read.Error.Details {
				require.NotEmpty(t, d.Message)
				words += " " + d.Message
			}
			require.Equal(t, c.field, a.read.Error.Field, a.body)
			require.Contains(t, words, c.tells, a.body)
			require.Less(t, len(a.body), 4096, "an answer is read by people")
		})
	}
	require.Len(t, p.history(), before, "faults of form leave no trace")
	require.Equal(t, "accepted", p.post(base("")).read.Status, "and hurt nobody after them")
}

func TestABodyOfSixteenKiBIsReadAndOneByteMoreIsNot(t *testing.T) {
	p := start(t, "")
	before := len(p.history())
	full := base("")
	full += strings.Repeat(" ", maxBody-len(full))
	explained(t, "one byte more", p.post(full+" "), http.StatusRequestEntityTooLarge, "too_large")
	explained(t, "10,000 deep", p.post(strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)), http.StatusRequestEntityTooLarge, "too_large")
	chunked, err := p.send(http.MethodPost, "/webhook", full+" ", "Authorization", "Bearer "+secret, "Transfer-Encoding", "chunked")
	require.NoError(t, err)
	explained(t, "no length said", chunked, http.StatusRequestEntityTooLarge, "too_large")
	require.Len(t, p.history(), before)
	require.Equal(t, "accepted", p.post(full).read.Status)
}

func TestFieldsThatNobodyKnowsAreKeptAndChangeNothing(t *testing.T) {
	p := start(t, "")
	more := `,"strategy":"x","lots_to_buy":"1000000","__proto__":{"admin":true},"sizing":{"lots":99},"note":"<script>alert(1)</script>"`
	a := p.post(base(more), "Content-Type", "text/html")
	require.Equal(t, "accepted", a.read.Status, a.body)
	require.Equal(t, 8, a.read.Decision.Lots)
	events := p.history()
	require.Equal(t, 1, count(events, "SignalReceived"))
	require.NotContains(t, a.body, "<script>", "an answer repeats nothing that a stranger wrote")
}
