package main

import (
	"bytes"
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

type writer struct{ bytes.Buffer }

var ansi = regexp.MustCompile(`\x1b\[[0-9;]*m`)

func (w *writer) uncoloured() string { return ansi.ReplaceAllString(w.String(), "") }

// field is one member of a JSON object, as text.
func field(t *testing.T, text, name string) string {
	t.Helper()
	var doc map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(text), &doc))
	require.Contains(t, doc, name)
	return string(doc[name])
}

func TestMoneyHasTwoDigitsAndSeparators(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0.00", "999.5": "999.50", "1000": "1,000.00", "-1234567.895": "-1,234,567.90", "150839316.492375": "150,839,316.49", "-0.001": "0.00",
	} {
		require.Equal(t, want, money(domain.D(text)), text)
	}
}

func TestAPriceKeepsAllItsDigits(t *testing.T) {
	require.Equal(t, "57,662.14625", price(domain.D("57662.14625")))
	require.Equal(t, "100", price(domain.D("100")))
}

func TestTablesShowExchangeTime(t *testing.T) {
	require.Equal(t, "2026-01-05 09:20:00", clock(time.Date(2026, 1, 5, 3, 50, 0, 0, time.UTC)))
	require.Empty(t, clock(time.Time{}))
}

func TestANumberReadsFromBothFormsAndWritesWithoutLoss(t *testing.T) {
	for text, want := range map[string]string{`1.50`: "1.5", `"1.50"`: "1.5", `5e6`: "5000000", `-7`: "-7", `"0.123456789012"`: "0.123456789012"} {
		var n number
		require.NoError(t, json.Unmarshal([]byte(text), &n), text)
		out, err := json.Marshal(n)
		require.NoError(t, err)
		require.Equal(t, want, string(out))
	}
	for _, text := range []string{`"x"`, `true`, `"NaN"`, `{}`, `""`} {
		var n number
		require.Error(t, json.Unmarshal([]byte(text), &n), text)
	}
}

func TestYAMLKeepsStringsThatLookLikeNumbersAsStrings(t *testing.T) {
	out, err := asYAML(document{{"text", "155501246.548625"}, {"number", json.RawMessage("155501246.548625")}, {"list", []any{}}, {"yes", "true"}})
	require.NoError(t, err)
	require.Equal(t, "text: \"155501246.548625\"\nnumber: 155501246.548625\nlist: []\nyes: \"true\"\n", string(out))
}

func TestProgressSaysHowFastAndHowLongStill(t *testing.T) {
	tool := newTool("")
	tool.c.errTerminal = true
	p := tool.c.progress("events", 1000)
	require.NoError(t, tool.c.wait(t.Context(), 2*time.Second))
	p.step(500)
	require.Contains(t, tool.errs.String(), "500 events, 250/s, 50 %, 2s left")
	p.done()

	silent := newTool("")
	q := silent.c.progress("events", 1000)
	q.step(500)
	q.done()
	require.Empty(t, silent.errs.String(), "nobody looks, so nothing is written")
}
