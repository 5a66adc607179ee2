package main

import (
	"bufio"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// goldenFigures reads a file of the golden figures: independent results in IEEE doubles.
func goldenFigures(t *testing.T, name string) []map[string]any {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", "domain", "testdata", "golden", name))
	require.NoError(t, err)
	defer file.Close()
	var out []map[string]any
	for lines := bufio.NewScanner(file); lines.Scan(); {
		dec := json.NewDecoder(strings.NewReader(lines.Text()))
		dec.UseNumber()
		row := map[string]any{}
		require.NoError(t, dec.Decode(&row))
		out = append(out, row)
	}
	require.NotEmpty(t, out)
	return out
}

// sizeThrough sends questions through the verb and reads the answers.
func sizeThrough(t *testing.T, questions []map[string]any) []map[string]json.Number {
	t.Helper()
	var in strings.Builder
	for _, q := range questions {
		text, err := json.Marshal(q)
		require.NoError(t, err)
		in.Write(append(text, '\n'))
	}
	out, _ := pmctlIn(t, in.String(), exitFine, "size")
	var answers []map[string]json.Number
	for line := range strings.SplitSeq(strings.TrimSpace(out), "\n") {
		// The limiter is text; it is kept as a number's text would be, since both are compared as text first.
		row := map[string]any{}
		dec := json.NewDecoder(strings.NewReader(line))
		dec.UseNumber()
		require.NoError(t, dec.Decode(&row))
		answer := map[string]json.Number{}
		for k, v := range row {
			switch v := v.(type) {
			case json.Number:
				answer[k] = v
			case string:
				answer[k] = json.Number(v)
			}
		}
		answers = append(answers, answer)
	}
	require.Len(t, answers, len(questions), "one answer a question, in the same order")
	return answers
}

func sameFigure(t *testing.T, line int, want any, got json.Number) {
	t.Helper()
	a, okA := new(big.Rat).SetString(want.(json.Number).String())
	b, okB := new(big.Rat).SetString(got.String())
	require.True(t, okA && okB, "line %d: %v and %v", line, want, got)
	diff := new(big.Rat).Abs(new(big.Rat).Sub(a, b))
	bound := new(big.Rat).Mul(big.NewRat(1, 1_000_000_000), new(big.Rat).Abs(a))
	// Stored quotients have twelve digits after the point: a figure near zero cannot agree to nine of its own.
	bound.Add(bound, big.NewRat(1, 1_000_000_000_000))
	require.LessOrEqual(t, diff.Cmp(bound), 0, "line %d: %s is not %s", line, got, want)
}

func TestEveryGoldenBaseSizeComesOutOfTheVerb(t *testing.T) {
	rows := goldenFigures(t, "sizing_base.jsonl")
	questions := make([]map[string]any, len(rows))
	for i, r := range rows {
		questions[i] = map[string]any{"kind": "base"}
		for _, k := range []string{"instrument", "equity", "available_margin", "price", "stop", "atr", "er"} {
			questions[i][k] = r[k]
		}
	}
	for i, got := range sizeThrough(t, questions) {
		require.Equal(t, rows[i]["final_lots"].(json.Number).String(), got["lots"].String(), "line %d", i+1)
		require.Equal(t, rows[i]["limiter"], got["limiter"].String(), "line %d", i+1)
		sameFigure(t, i+1, rows[i]["lot_r"], got["lots_risk"])
		sameFigure(t, i+1, rows[i]["lot_v"], got["lots_volatility"])
		sameFigure(t, i+1, rows[i]["lot_m"], got["lots_margin"])
	}
}

func TestEveryGoldenPyramidSizeComesOutOfTheVerb(t *testing.T) {
	rows := goldenFigures(t, "sizing_pyramid.jsonl")
	questions := make([]map[string]any, len(rows))
	for i, r := range rows {
		questions[i] = map[string]any{"kind": "pyramid", "base_lots": r["base_position_size"]}
		for _, k := range []string{"instrument", "available_margin", "price", "stop", "profit_after_base_risk", "pyramid_count"} {
			questions[i][k] = r[k]
		}
	}
	for i, got := range sizeThrough(t, questions) {
		limiter := rows[i]["limiter"].(string)
		if strings.HasPrefix(limiter, "geometric_0.5^") {
			limiter = "discipline"
		}
		require.Equal(t, limiter, got["limiter"].String(), "line %d", i+1)
		for ours, theirs := range map[string]string{"lots": "final_lots", "lots_margin": "lot_a", "lots_discipline": "lot_b", "lots_risk_budget": "lot_c"} {
			require.Equal(t, rows[i][theirs].(json.Number).String(), got[ours].String(), "line %d: %s", i+1, ours)
		}
	}
}

func TestAQuestionThatCannotBeAnsweredIsNamedByItsLine(t *testing.T) {
	good := `{"kind":"pyramid","instrument":"GOLD_MINI","available_margin":"900000","price":1000,"stop":900,"base_lots":8,"profit_after_base_risk":0,"pyramid_count":0}`
	for question, want := range map[string]string{
		`{"kind":"pyramid","instrument":"TIN"}`:                      `instrument "TIN" is not in the configuration`,
		`{"kind":"base","instrument":"COPPER","price":1}`:            "the size of a base needs equity, available_margin, stop, atr, er",
		`{"kind":"half","instrument":"COPPER"}`:                      `kind "half" is neither base nor pyramid`,
		`{"kind":"base"`:                                             "unexpected end of JSON",
		`{"kind":"base","instrument":"COPPER","price":"NaN"}`:        "not a number",
		strings.Replace(good, `"base_lots":8`, `"base_lots":-8`, 1):  "counts: 0 or more",
		strings.Replace(good, `"base_lots":8`, `"base_lots":1.5`, 1): "cannot unmarshal",
		strings.Replace(good, `"pyramid_count":0`, `"unknown":0`, 1): "needs pyramid_count",
	} {
		out, errs := pmctlIn(t, good+"\n\n"+question+"\n"+good+"\n", exitFailed, "size")
		require.Contains(t, errs, "line 3: ")
		require.Contains(t, errs, want)
		require.Equal(t, 1, strings.Count(out, "\n"), "what was asked before is answered")
	}
	_, errs := pmctlIn(t, strings.Repeat("x", maxSizeLine+1), exitFailed, "size")
	require.Contains(t, errs, "token too long")
}

func TestMarginAndPointValueCanBeGiven(t *testing.T) {
	args := append(sizeArgs("base"), "-o", "json")
	out, _ := pmctl(t, exitFine, append(args, "--margin-per-lot", "1000000", "--point-value", "60")...)
	require.Equal(t, "3", field(t, out, "lots_margin"))
	require.Equal(t, "1.952380952381", field(t, out, "lots_risk"))
	_, errs := pmctl(t, exitFailed, append(args, "--margin-per-lot", "0")...)
	require.Contains(t, errs, "--margin-per-lot: 0 is not above 0")
}

func TestTheDayChoosesTheInstrumentsValues(t *testing.T) {
	args := append(sizeArgs("base"), "-o", "json")
	out, _ := pmctl(t, exitFine, append(args, "--day", "2023-07-03")...)
	require.Equal(t, "7.809523809524", field(t, out, "lots_risk"), "15 rupees a point on that day, 30 today")
	_, errs := pmctl(t, exitFailed, append(args, "--day", "monday")...)
	require.Contains(t, errs, "is not a day like 2025-12-30")
	_, errs = pmctl(t, exitFailed, append(args, "--er", "x")...)
	require.Contains(t, errs, "--er: not a number")
}

func TestASizeThatIsAskedForWronglyNamesTheFlagAndWhatItTakes(t *testing.T) {
	for want, args := range map[string][]string{
		`--kind "foo" is none of base, pyramid`:                                             {"--kind", "foo"},
		`--instrument: instrument "" is not in the configuration, which has BANK_NIFTY, `:   {"--kind", "base"},
		`--instrument: instrument "TIN" is not in the configuration, which has BANK_NIFTY,`: {"--kind", "base", "--instrument", "TIN"},
	} {
		_, errs := pmctl(t, exitFailed, append([]string{"size"}, args...)...)
		require.Contains(t, errs, want)
	}
	_, errs := pmctlIn(t, `{"kind":"base"}`, exitFailed, "size")
	require.Contains(t, errs, `line 1: instrument "" is not in the configuration, which has BANK_NIFTY, `)
}
