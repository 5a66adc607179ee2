package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/broker/paper"
	"pm/domain"
	"pm/eventstore"
)

// report runs a backtest and reads its report.
func report(t *testing.T, args ...string) (r backtestReport, text string) {
	t.Helper()
	text, _ = pmctl(t, exitFine, append(append([]string{"backtest"}, args...), "-o", "json")...)
	require.NoError(t, json.Unmarshal([]byte(text), &r))
	return r, text
}

func TestTheRealExportsGiveTheFiguresThatTheyWereMadeWith(t *testing.T) {
	for _, c := range []struct {
		file, instrument, pointValue string
		orders                       orderCounts
		net                          string
		open                         int
	}{
		{"Bank_Nifty_Trend_Following_v4.1.csv", "BANK_NIFTY", "35", orderCounts{327, 373, 411}, "150839316.04", 1},
		{"Gold_Mini_Trend_Following.csv", "GOLD_MINI", "10", orderCounts{368, 2, 369}, "30603208.39", 0},
	} {
		t.Run(c.instrument, func(t *testing.T) {
			args := []string{
				shared(t, c.file), "--tradingview", "--instrument", c.instrument, "--sizing", "sender", "--point-value", c.pointValue,
				"--fee", "0.0005", "--capital", "5000000",
			}
			r, text := report(t, args...)
			require.Equal(t, c.orders, r.Orders)
			require.Equal(t, c.open, r.Open)
			require.Zero(t, r.Rejected)
			want := domain.D(c.net)
			off := r.NetPnL.Sub(want).Abs()
			require.LessOrEqual(t, off.Cmp(want.Mul(domain.D("0.0001"))), 0, "net P&L %s is not within 0.01 %% of %s", r.NetPnL, want)
			_, again := report(t, args...)
			require.Equal(t, text, again, "the same input gives the same report and the same head hash")
		})
	}
}

func TestOwnSizingRunsTheRealExportsThroughSizingAndGates(t *testing.T) {
	for _, c := range []struct {
		file, instrument string
		refusals         bool
	}{{"Bank_Nifty_Trend_Following_v4.1.csv", "BANK_NIFTY", true}, {"Gold_Mini_Trend_Following.csv", "GOLD_MINI", false}} {
		r, _ := report(t, shared(t, c.file), "--tradingview", "--instrument", c.instrument, "--sizing", "own", "--synthesize", "1%", "--fee", "0.0005")
		require.Positive(t, r.Orders.Base)
		require.Equal(t, r.Signals, r.Accepted+r.Rejected+r.Duplicates)
		require.Equal(t, c.refusals, r.Rejected > 0)
		require.Equal(t, c.refusals, r.Rejections["not_open"] > 0, "the exits of refused layers are refused, not lost")
		for code := range r.Rejections {
			require.Contains(t, domain.Reasons, domain.ReasonCode(code))
		}
	}
}

func TestTheReportHasTheKeysOfTheContractAndNoOthers(t *testing.T) {
	_, text := report(t, "testdata/story.ndjson")
	var doc map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(text), &doc))
	keys := []string{}
	for key := range doc {
		keys = append(keys, key)
	}
	require.ElementsMatch(t, []string{
		"signals", "accepted", "rejected", "duplicates", "orders", "closed_trades", "net_pnl", "fees", "final_equity", "open_positions", "events",
		"head_hash", "started", "finished", "rejections",
	}, keys)
	require.JSONEq(t, `{"base":2,"pyramid":1,"exit":2}`, string(doc["orders"]))
}

func TestALogInAFolderIsTheSameAsOneInMemory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	inMemory, _ := report(t, "testdata/story.ndjson", "--fee", "0.0005")
	inFolder, _ := report(t, "testdata/story.ndjson", "--fee", "0.0005", "--log", dir)
	require.Equal(t, inMemory, inFolder)
	info, _ := pmctl(t, exitFine, "log", "info", "--data", dir, "-o", "json")
	require.Equal(t, `"`+inFolder.HeadHash+`"`, field(t, info, "head_hash"))
	other, _ := report(t, "testdata/story.ndjson", "--fee", "0.0004")
	require.NotEqual(t, inMemory.HeadHash, other.HeadHash)
}

func TestABacktestNeverContinuesALog(t *testing.T) {
	dir := storyLog(t)
	before, _ := pmctl(t, exitFine, "log", "info", "--data", dir, "-o", "json")
	_, errs := pmctl(t, exitFailed, "backtest", "testdata/story.ndjson", "--log", dir)
	require.Contains(t, errs, "a backtest needs a new folder")
	after, _ := pmctl(t, exitFine, "log", "info", "--data", dir, "-o", "json")
	require.Equal(t, before, after)
}

// A base of 4 lots at 1000 is sold in part; the fee of each side is 0.1 %, the point value 10.
const halfSold = `{"type":"BASE_ENTRY","instrument":"GOLD_MINI","position":"Long_1","timestamp":"2026-01-05T10:00:00+05:30","price":1000,"stop":900,"atr":50,"er":1,"supertrend":900,"lots":4}
{"type":"PYRAMID","instrument":"GOLD_MINI","position":"Long_2","timestamp":"2026-01-05T11:00:00+05:30","price":1100,"stop":1000,"atr":50,"er":1,"supertrend":1000,"lots":2}
{"type":"EXIT","instrument":"GOLD_MINI","position":"Long_1","timestamp":"2026-01-05T12:00:00+05:30","price":1200}
`

func TestNetProfitIsThatOfClosedLotsWithBothSidesFees(t *testing.T) {
	r, _ := report(t, writeFile(t, "half.ndjson", halfSold), "--sizing", "sender", "--fee", "0.001", "--capital", "1000000")
	// 4 lots x 10 x 200 = 8000 gross; fees 40 on the way in, 48 on the way out. The open layer's own 22 count in fees and equity only.
	require.Equal(t, "7912", r.NetPnL.String())
	require.Equal(t, "110", r.Fees.String())
	require.Equal(t, "1007890", r.Equity.String())
	require.Equal(t, 1, r.Closed)
	require.Equal(t, 1, r.Open)
}

func TestALayerThatIsSoldInPartCountsThePartWithItsShareOfTheEntrysFees(t *testing.T) {
	l := newLedger()
	l.take(&domain.OrderInitialized{OrderID: "in", Entry: &domain.Entry{PositionID: "GOLD_MINI-1-Long_1", Layer: 1}}, nil)
	l.take(&domain.OrderFilled{OrderID: "in", Fee: domain.D("40")}, nil)
	l.take(&domain.OrderInitialized{OrderID: "out"}, nil)
	l.take(&domain.OrderFilled{OrderID: "out", Fee: domain.D("12")}, nil)
	require.Equal(t, orderCounts{Base: 1, Exit: 1}, l.orders)
	layer := &domain.Layer{PositionID: "GOLD_MINI-1-Long_1", Bought: 4, Sold: 1, Lots: 3, Realized: domain.D("2000"), Fees: domain.D("52")}
	require.Equal(t, "1978", l.soldPart(layer).String(), "2000 gross, 12 on the way out, a quarter of 40 on the way in")
}

func TestAnOrderThatFillsInPartsCountsOnce(t *testing.T) {
	l := newLedger()
	l.take(&domain.OrderInitialized{OrderID: "in", Entry: &domain.Entry{PositionID: "A-1-Long_2", Layer: 2}}, nil)
	l.take(&domain.OrderFilled{OrderID: "in"}, nil)
	l.take(&domain.OrderFilled{OrderID: "in"}, nil)
	l.take(&domain.OrderInitialized{OrderID: "never"}, nil)
	require.Equal(t, orderCounts{Pyramid: 1}, l.orders)
}

func TestSeveralFilesAreMergedByTimeAndEachKeepsItsOrder(t *testing.T) {
	story, err := os.ReadFile("testdata/story.ndjson")
	require.NoError(t, err)
	var bank, gold []string
	for _, line := range strings.Split(strings.TrimSpace(string(story)), "\n") {
		if strings.Contains(line, "BANK_NIFTY") {
			bank = append(bank, line)
		} else {
			gold = append(gold, line)
		}
	}
	whole, _ := report(t, "testdata/story.ndjson")
	parts, _ := report(t, writeFile(t, "bank.ndjson", strings.Join(bank, "\n")), writeFile(t, "gold.ndjson", strings.Join(gold, "\n")))
	require.Equal(t, whole, parts)
}

func TestFormErrorsStopABacktestBeforeItBegins(t *testing.T) {
	file := writeFile(t, "bad.ndjson", `{"type":"EXIT","instrument":"COPPER","position":"ALL"}`+"\n\n"+`{"type":"PYRAMID","instrument":"COPPER"}`+"\nnot json\n")
	_, errs := pmctl(t, exitFailed, "backtest", file)
	require.Contains(t, errs, "bad.ndjson line 3: missing_field timestamp")
	require.Contains(t, errs, "bad.ndjson line 4: bad_json")
	require.NotContains(t, errs, "line 1:")
}

func TestALongListOfFormErrorsIsCut(t *testing.T) {
	_, errs := pmctl(t, exitFailed, "backtest", writeFile(t, "bad.ndjson", strings.Repeat("x\n", maxProblems+3)))
	require.Equal(t, maxProblems, strings.Count(errs, "bad_json"))
	require.Contains(t, errs, "and 3 more")
}

func TestALineMayBeAsLongAsABodyAtTheWebhookAndNoLonger(t *testing.T) {
	line := func(n int) string {
		head := `{"type":"EXIT","instrument":"COPPER","position":"ALL","timestamp":"2026-01-05T10:00:00Z","note":"`
		return head + strings.Repeat("x", n-len(head)-2) + `"}`
	}
	r, _ := report(t, writeFile(t, "long.ndjson", line(maxBody)+"\n"))
	require.Equal(t, 1, r.Signals)
	_, errs := pmctl(t, exitFailed, "backtest", writeFile(t, "long.ndjson", "\n"+line(maxBody+1)+"\n"))
	require.Contains(t, errs, "line 2")
}

func TestAFileHoldsAtMostAMillionSignals(t *testing.T) {
	lines, err := readLines(strings.NewReader(strings.Repeat("x\n", maxFeed)))
	require.NoError(t, err)
	require.Len(t, lines, maxFeed)
	_, err = readLines(strings.NewReader(strings.Repeat("x\n", maxFeed+1)))
	require.ErrorContains(t, err, "more than 1000000 signals")
}

func TestWhatABacktestCannotKnowItAsksFor(t *testing.T) {
	for want, args := range map[string][]string{
		"--tradingview needs --instrument":       {"testdata/export.csv", "--tradingview"},
		"one value cannot serve both":            {"testdata/story.ndjson", "--point-value", "30"},
		"--point-value: -1 is not above 0":       {"testdata/story.ndjson", "--point-value", "-1"},
		"is not in the configuration":            {"testdata/export.csv", "--tradingview", "--instrument", "TIN", "--point-value", "3"},
		"the files hold no signals":              {writeFile(t, "empty.ndjson", "\n\n")},
		`--sizing "both" is none of own, sender`: {"testdata/story.ndjson", "--sizing", "both"},
		"--capital: not a number":                {"testdata/story.ndjson", "--capital", "lots"},
		"testdata/export.csv is a Strategy Tester export of TradingView: read it with --tradingview and --instrument NAME": {"testdata/export.csv"},
		"--fee: not a number":                    {"testdata/story.ndjson", "--fee", "much"},
		"fee is 1.5, want a fraction":            {"testdata/story.ndjson", "--fee", "1.5"},
		"no such file":                           {"testdata/none.ndjson"},
		"requires at least 1 arg":                {},
		"--synthesize: a percentage above 0 and": {"testdata/export.csv", "--tradingview", "--instrument", "COPPER", "--synthesize=0"},
	} {
		_, errs := pmctl(t, exitFailed, append([]string{"backtest"}, args...)...)
		require.Contains(t, errs, want)
	}
}

func TestSynthesizeStandsWithAValueBehindItOrAlone(t *testing.T) {
	for given, want := range map[string]string{
		"--synthesize":              "--synthesize=1%",
		"--synthesize 2% -o json":   "--synthesize=2% -o json",
		"--synthesize 2":            "--synthesize=2",
		"--synthesize -o json":      "--synthesize=1% -o json",
		"--synthesize=3% file":      "--synthesize=3% file",
		"--synthesize export.csv":   "--synthesize=1% export.csv",
		"backtest --fee 1 --log 2%": "backtest --fee 1 --log 2%",
	} {
		require.Equal(t, want, strings.Join(joinSynthesize(strings.Fields(given)), " "))
	}
}

func TestARunThatItsOwnLogDoesNotConfirmIsAFinding(t *testing.T) {
	tool := newTool("")
	feed, err := tool.c.readFeed([]string{"testdata/story.ndjson"}, &backtestFlags{})
	require.NoError(t, err)
	conf, err := loadConfig("", nil)
	require.NoError(t, err)
	f, log := &backtestFlags{}, eventstore.NewMemory(backtestName)
	run, err := newBacktest(t.Context(), log, paper.Options{}, f.opened(conf, conf.Decision()), feed[0].sub.Signal.Timestamp)
	require.NoError(t, err)
	for i := range feed {
		require.NoError(t, run.take(t.Context(), &feed[i]))
	}
	_, err = run.report(t.Context(), log)
	require.NoError(t, err)
	run.engine.State().Capital.Fees = domain.D("0.01") // a fold that remembers what the log does not say
	_, err = run.report(t.Context(), log)
	require.ErrorContains(t, err, "gives another state than the run had")
	require.Equal(t, exitFinding, exitCode(err))
}
