package tradingview

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

const header = "Trade #,Type,Date/Time,Signal,Price INR,Position size (qty),Position size (value),Net P&L INR,Net P&L %," +
	"Run-up INR,Run-up %,Drawdown INR,Drawdown %,Cumulative P&L INR,Cumulative P&L %\n"

// rows writes a trade's two rows: "time comment price" of the entry and of the exit, comma separated.
func rows(n, lots int, entry, exit string) string {
	return fmt.Sprintf("%d,Exit long,%s,%d,0,0,0,0,0,0,0,0,0\n%d,Entry long,%s,%d,0,0,0,0,0,0,0,0,0\n", n, exit, lots, n, entry, lots)
}

func read(t *testing.T, text string) []Line {
	t.Helper()
	lines, err := Read(strings.NewReader(header+text), "BANK_NIFTY", Options{})
	require.NoError(t, err)
	return lines
}

// story writes lines as "type position lots", with a star where the layers were inferred.
func story(lines []Line) (out []string) {
	for _, l := range lines {
		text := fmt.Sprintf("%s %s %d", l.Type, strings.Join(l.Position, "+"), l.Lots)
		if l.Inferred {
			text += " *"
		}
		out = append(out, text)
	}
	return out
}

func TestAnExportBecomesTheSignalsOfItsStrategy(t *testing.T) {
	// The file has a byte order mark and CRLF, one order over two trades, a partial exit and a trade still open.
	file, err := os.Open("testdata/campaigns.csv")
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	lines, err := Read(file, " bank_nifty", Options{SynthesizePercent: DefaultSynthesizePercent()})
	require.NoError(t, err)

	var got bytes.Buffer
	require.NoError(t, WriteNDJSON(&got, lines))
	want, err := os.ReadFile("testdata/campaigns.ndjson")
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
	require.Equal(t, []int{3, 5}, lines[0].Rows, "an order knows its lines")
}

func TestEveryLineIsAWellFormedSignal(t *testing.T) {
	file, err := os.Open("testdata/campaigns.csv")
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	lines, err := Read(file, "M&M", Options{SynthesizePercent: DefaultSynthesizePercent()})
	require.NoError(t, err)
	checkBodies(t, lines)
}

// checkBodies sends every line through the service's own parser and compares what it understood.
func checkBodies(t *testing.T, lines []Line) {
	t.Helper()
	for _, l := range lines {
		text, err := l.Body()
		require.NoError(t, err)
		sub, _, problems := domain.ParseSignal(text, time.Unix(0, 0))
		require.Empty(t, problems, "%s", text)
		require.Empty(t, sub.Flags)
		lots := domain.Int(l.Lots)
		want := domain.Signal{
			Type: l.Type, Instrument: l.Instrument, Timestamp: l.At, Position: l.Position, Price: &l.Price, Lots: &lots,
			Stop: l.Stop, ATR: l.ATR, ER: l.ER, Supertrend: l.Supertrend,
		}
		require.Equal(t, want.Content(), sub.Signal.Content(), "%s", text)
	}
}

func TestWithoutSynthesisTheMissingFiguresAreLeftOut(t *testing.T) {
	lines := read(t, rows(1, 3, "2025-01-02 09:15,ENTRY-3L,100", "2025-01-03 09:15,EXIT - Below <ST> & more,99.5"))
	text, err := lines[0].Body()
	require.NoError(t, err)
	require.Equal(t, `{"type":"BASE_ENTRY","instrument":"BANK_NIFTY","position":"Long_1","timestamp":"2025-01-02T09:15:00+05:30","price":100,"lots":3}`, string(text))
	text, err = lines[1].Body()
	require.NoError(t, err)
	require.Contains(t, string(text), `"reason":"EXIT - Below <ST> & more"`)
}

func TestSynthesizedFiguresAreExactUpToEightDecimals(t *testing.T) {
	line := func(price, percent string) Line {
		p, err := ParsePercent(percent)
		require.NoError(t, err)
		lines, err := Read(strings.NewReader(header+rows(1, 3, "2025-01-02 09:15,ENTRY-3L,"+price, "2025-01-03 09:15,EXIT,9")), "X", Options{p})
		require.NoError(t, err)
		return lines[0]
	}
	l := line("52000.05", "1%")
	require.Equal(t, []string{"520.0005", "51480.0495", "51480.0495", "1"},
		[]string{l.ATR.String(), l.Stop.String(), l.Supertrend.String(), l.ER.String()})
	require.Equal(t, "1234.56789012", line("123456.789012", "1").ATR.String())
	require.Equal(t, "9876543.20987654", line("987654320987.65432101", "0.001").ATR.String(), "what is beyond eight digits is rounded")
	require.Equal(t, "0.00000002", line("0.0000015", "1").ATR.String(), "half to even")
}

func TestAPercentageLiesBetweenZeroAndAHundred(t *testing.T) {
	for _, text := range []string{"0", "0%", "100", "-1", "x", "", "%", "1%%", "NaN"} {
		_, err := ParsePercent(text)
		require.Error(t, err, text)
	}
	for _, text := range []string{"0.00000001%", "99.99999999", " 1 % "} {
		_, err := ParsePercent(text)
		require.NoError(t, err, text)
	}
	hundred := domain.Int(100)
	_, err := Read(strings.NewReader(header), "X", Options{&hundred})
	require.ErrorContains(t, err, "below 100")
}

func TestAPartialExitClosesTheFewestLayersThatFitAndTheNewestOfThem(t *testing.T) {
	campaign := func(exitLots ...int) string {
		out := rows(1, 6, "2025-01-01 09:15,ENTRY-6L,100", "2025-01-05 09:15,EXIT - rest,99") +
			rows(2, 3, "2025-01-01 10:15,PYR1-3L,101", "2025-01-05 09:15,EXIT - rest,99") +
			rows(3, 2, "2025-01-01 11:15,PYR2-2L,102", "2025-01-05 09:15,EXIT - rest,99") +
			rows(4, 1, "2025-01-01 12:15,PYR3-1L,103", "2025-01-05 09:15,EXIT - rest,99")
		// The tester matches first in, first out, so who leaves first in the rows says nothing: split trade 1 as it would.
		left := 6
		for i, n := range exitLots {
			out = strings.Replace(out, rows(1, left, "2025-01-01 09:15,ENTRY-6L,100", "2025-01-05 09:15,EXIT - rest,99"),
				rows(10+i, n, "2025-01-01 09:15,ENTRY-6L,100", fmt.Sprintf("2025-01-02 1%d:15,EXIT - part,98", i))+
					rows(1, left-n, "2025-01-01 09:15,ENTRY-6L,100", "2025-01-05 09:15,EXIT - rest,99"), 1)
			left -= n
		}
		return out
	}
	for want, exits := range map[string][]int{
		"EXIT Long_2 3 *":        {3}, // one layer rather than Long_3 and Long_4
		"EXIT Long_2+Long_3 5 *": {5},
		"EXIT Long_4 1 *":        {1},
		"EXIT Long_2+Long_4 4 *": {4}, // two layers rather than none of four lots
	} {
		lines := story(read(t, campaign(exits...)))
		require.Equal(t, want, lines[4])
		require.Regexp(t, `^EXIT ALL \d+$`, lines[5], "the rest covers all that is open")
	}
	require.Equal(t, []string{"EXIT Long_3 2 *", "EXIT Long_2 3 *"}, story(read(t, campaign(2, 3)))[4:6])
}

func TestOfEquallyManyLayersTheNewestLeave(t *testing.T) {
	set, err := (&book{4, 2, 2, 2}).fit(2)
	require.NoError(t, err)
	require.Equal(t, uint(0b1000), set)
	set, err = (&book{4, 2, 2, 2, 0, 4}).fit(6)
	require.NoError(t, err)
	require.Equal(t, uint(0b101000), set)
	_, err = (&book{4, 2}).fit(5)
	require.ErrorContains(t, err, "fits no whole layers")
}

func TestAtOneTimeExitsOfOlderLayersGoFirstAndThoseOfNewOnesLast(t *testing.T) {
	text := rows(3, 1, "2025-01-02 09:15,PYR1-1L,101", "2025-01-02 09:15,EXIT - second,90") +
		rows(9, 2, "2025-01-02 09:15,ENTRY-2L,100", "2025-01-02 09:15,EXIT - second,90") +
		rows(1, 5, "2025-01-01 09:15,ENTRY-5L,99", "2025-01-02 09:15,EXIT - first,90")
	require.Equal(t, []string{"BASE_ENTRY Long_1 5", "EXIT ALL 5", "BASE_ENTRY Long_1 2", "PYRAMID Long_2 1", "EXIT ALL 3"}, story(read(t, text)))
}

func TestAnOpenTradeMakesNoExit(t *testing.T) {
	require.Equal(t, []string{"BASE_ENTRY Long_1 2"}, story(read(t, rows(1, 2, "2025-01-01 09:15,EOD-ENTRY-2L,1", "2025-01-02 09:15,Open,2"))))
}

func TestAnExportWithoutTradesHasNoSignals(t *testing.T) {
	require.Empty(t, read(t, ""))
}

func TestWhatDoesNotFitIsNamedWithItsLines(t *testing.T) {
	base := rows(1, 2, "2025-01-01 09:15,ENTRY-2L,100", "2025-01-09 09:15,EXIT,99")
	for name, c := range map[string]struct{ text, want string }{
		"empty":             {"", "the export is empty"},
		"other columns":     {strings.Replace(header, "Signal", "Comment", 1), "line 1: column 4"},
		"fewer columns":     {"a,b\n", "line 1"},
		"short row":         {header + base + "2,Exit long\n", "line 4"},
		"open quote":        {header + "1,\"Exit long,x\n", "line 2"},
		"half a trade":      {header + base + strings.SplitAfter(rows(2, 1, "2025-01-10 09:15,ENTRY-1L,1", "2025-01-11 09:15,EXIT,1"), "\n")[0], "line 4: trade 2 has one row"},
		"trade number":      {header + strings.ReplaceAll(base, "1,E", "0,E"), "line 2: Trade #"},
		"short side":        {header + strings.Replace(base, "Exit long", "Exit short", 1), "line 2: Type"},
		"time":              {header + strings.Replace(base, "2025-01-01 09:15", "2025-01-01", 1), "line 3: Date/Time"},
		"price":             {header + strings.Replace(base, "L,100", "L,1e99", 1), "line 3: Price INR"},
		"price of nothing":  {header + strings.Replace(base, "L,100", "L,0", 1), "line 3: Price INR"},
		"lots":              {header + rows(1, 0, "2025-01-01 09:15,ENTRY-2L,100", "2025-01-09 09:15,EXIT,99"), "line 2: Position size (qty)"},
		"too many lots":     {header + rows(1, MaxLots+1, "2025-01-01 09:15,ENTRY-2L,100", "2025-01-09 09:15,EXIT,99"), "line 2: Position size (qty)"},
		"lots of the rows":  {header + strings.Replace(base, "ENTRY-2L", "ENTRY-3L", 1), "line 3: the comment \"ENTRY-3L\" names 3 lots, the rows have 2"},
		"comment":           {header + strings.Replace(base, "ENTRY-2L", "BUY-2L", 1), "line 3: the comment"},
		"comment lots":      {header + strings.Replace(base, "ENTRY-2L", "ENTRY-2", 1), "line 3: the comment"},
		"pyramid too high":  {header + strings.Replace(base, "ENTRY-2L", "PYR6-2L", 1), "line 3: the comment"},
		"pyramid zero":      {header + strings.Replace(base, "ENTRY-2L", "PYR0-2L", 1), "line 3: the comment"},
		"rows swapped":      {header + strings.Replace(strings.Replace(strings.Replace(base, "Exit", "X", 1), "Entry", "Exit", 1), "X", "Entry", 1), "lines 2, 3: trade 1: the exit row comes first"},
		"rows apart":        {header + strings.Replace(base, "1,Entry", "2,Entry", 1), "lines 2, 3: trade 1 and trade 2"},
		"lots in and out":   {header + strings.Replace(base, "ENTRY-2L,100,2", "ENTRY-2L,100,3", 1), "3 lots went in and 2 came out"},
		"twice":             {header + base + base, "lines 4, 5: trade 1 stands in line 2 already"},
		"exit before entry": {header + rows(1, 2, "2025-01-02 09:15,ENTRY-2L,100", "2025-01-01 09:15,EXIT,99"), "older than its entry"},
		"no base":           {header + strings.Replace(base, "ENTRY-2L", "PYR1-2L", 1), "line 3: \"PYR1-2L\" is a pyramid without an open base"},
		"two bases":         {header + base + rows(2, 1, "2025-01-02 09:15,ENTRY-1L,1", "2025-01-09 09:15,EXIT,99"), "line 5: \"ENTRY-1L\" starts a campaign while 2 lots"},
		"layer twice": {header + base + rows(2, 1, "2025-01-02 09:15,PYR1-1L,1", "2025-01-09 09:15,EXIT,99") + rows(3, 1, "2025-01-03 09:15,PYR1-1L,2", "2025-01-09 09:15,EXIT,99"),
			"line 7: \"PYR1-1L\" enters Long_2, which is open"},
		"part of a layer": {header + rows(1, 1, "2025-01-01 09:15,ENTRY-2L,100", "2025-01-03 09:15,EXIT,99") + rows(2, 1, "2025-01-01 09:15,ENTRY-2L,100", "2025-01-09 09:15,EXIT,99"),
			"line 2: an exit of 1 lots fits no whole layers"},
	} {
		lines, err := Read(strings.NewReader(c.text), "X", Options{})
		require.ErrorContains(t, err, c.want, name)
		require.Nil(t, lines)
	}
	_, err := Read(strings.NewReader(header), "BANK NIFTY", Options{})
	require.ErrorContains(t, err, "not an instrument's name")
}

func TestALongListOfLinesIsCut(t *testing.T) {
	require.Equal(t, "lines 1, 2, 3, 4, 5, 6, 7, 8, ...", lineNumbers([]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}))
}

func TestAnExportHasABound(t *testing.T) {
	fill := func(n int) io.Reader {
		return io.MultiReader(strings.NewReader(header), bytes.NewReader(bytes.Repeat([]byte("\n"), n-len(header))))
	}
	_, err := Read(fill(MaxBytes), "X", Options{})
	require.NoError(t, err, "empty lines are no rows")
	_, err = Read(fill(MaxBytes+1), "X", Options{})
	require.ErrorContains(t, err, "longer than 16777216 bytes")
}

func TestAFaultOfTheReaderOrWriterIsReported(t *testing.T) {
	broken := errors.New("the disk is gone")
	_, err := Read(iotest.ErrReader(broken), "X", Options{})
	require.ErrorIs(t, err, broken)
	lines := read(t, rows(1, 2, "2025-01-01 09:15,ENTRY-2L,100", "2025-01-09 09:15,EXIT,99"))
	require.ErrorIs(t, WriteNDJSON(failing{broken}, lines), broken)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
