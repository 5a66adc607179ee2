package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEachVerbPrintsWhatItsGoldenShows(t *testing.T) {
	dir := storyLog(t)
	verbs := map[string][]string{
		"status.txt":               {"status", "--data", "testlog"},
		"status.json":              {"status", "--data", "testlog", "-o", "json"},
		"portfolio.txt":            {"portfolio", "--data", "testlog"},
		"portfolio.yaml":           {"portfolio", "--data", "testlog", "-o", "yaml"},
		"positions.txt":            {"positions", "--data", "testlog"},
		"positions-all.txt":        {"positions", "--data", "testlog", "--status", "all"},
		"positions.json":           {"positions", "--data", "testlog", "-o", "json"},
		"positions-gold.ndjson":    {"positions", "--data", "testlog", "--status", "all", "--instrument", "GOLD_MINI", "-o", "ndjson"},
		"pyramids.txt":             {"pyramids", "--data", "testlog"},
		"pyramids.json":            {"pyramids", "--data", "testlog", "-o", "json"},
		"orders.txt":               {"orders", "--data", "testlog"},
		"orders-two.json":          {"orders", "--data", "testlog", "--limit", "2", "-o", "json"},
		"orders-open.txt":          {"orders", "--data", "testlog", "--status", "open"},
		"signals.txt":              {"signals", "--data", "testlog"},
		"signals-rejected.json":    {"signals", "--data", "testlog", "--status", "rejected", "-o", "json"},
		"replay.txt":               {"replay", "--data", "testlog"},
		"replay-part.json":         {"replay", "--data", "testlog", "--from", "14", "--until", "15", "-o", "json"},
		"replay-part.ndjson":       {"replay", "--data", "testlog", "--from", "18", "--until", "20", "-o", "ndjson"},
		"replay-position.txt":      {"replay", "--data", "testlog", "--position", "GOLD_MINI-1-Long_1"},
		"replay-order.txt":         {"replay", "--data", "testlog", "--order", "pmGNHVE3PVWDQYFIS6MA"},
		"log-info.txt":             {"log", "info", "--data", "testlog"},
		"log-info.json":            {"log", "info", "--data", "testlog", "-o", "json"},
		"log-verify.txt":           {"log", "verify", "--data", "testlog"},
		"log-verify.json":          {"log", "verify", "--data", "testlog", "-o", "json"},
		"instances.txt":            {"instances", "--data", "testlog"},
		"format-of-a-log.txt":      {"format", "--data", "testlog"},
		"recovery.txt":             {"recovery", "--data", "testlog"},
		"explain-position.txt":     {"explain", "BANK_NIFTY-1-Long_2", "--data", "testlog"},
		"explain-position.yaml":    {"explain", "GOLD_MINI-1-Long_1", "--data", "testlog", "-o", "yaml"},
		"backtest.txt":             {"backtest", "testdata/story.ndjson", "--fee", "0.0005"},
		"backtest.json":            {"backtest", "testdata/story.ndjson", "--fee", "0.0005", "-o", "json"},
		"import-tradingview.txt":   {"import", "tradingview", "testdata/export.csv", "--instrument", "COPPER"},
		"import-tradingview.jsonl": {"import", "tradingview", "testdata/export.csv", "--instrument", "COPPER", "--synthesize", "2%", "-o", "ndjson"},
		"size-base.txt":            sizeArgs("base"),
		"size-base.json":           append(sizeArgs("base"), "-o", "json"),
		"size-pyramid.txt":         sizeArgs("pyramid"),
		"help.txt":                 {"--help"},
	}
	for name, args := range verbs {
		t.Run(name, func(t *testing.T) {
			// The folder stands in the output of some verbs; it must have the same name wherever the test runs.
			t.Chdir(t.TempDir())
			require.NoError(t, os.Symlink(dir, "testlog"))
			here := projectFolder(t)
			for i, a := range args {
				if filepath.Dir(a) == "testdata" {
					args[i] = filepath.Join(here, a)
				}
			}
			out, _ := pmctl(t, exitFine, args...)
			t.Chdir(here)
			if args[0] == "format" {
				out = unnumbered(out)
			}
			golden(t, name, out)
		})
	}
}

var started, _ = os.Getwd()

// projectFolder is where the tests of this package stand.
func projectFolder(t *testing.T) string {
	t.Helper()
	require.NotEmpty(t, started)
	return started
}

func sizeArgs(kind string) []string {
	args := []string{"size", "--kind", kind, "--instrument", "BANK_NIFTY", "--available-margin", "3000000", "--price", "52000", "--stop", "51650", "--day", "2026-01-05"}
	if kind == "base" {
		return append(args, "--equity", "5000000", "--atr", "350", "--er", "0.82")
	}
	return append(args, "--base-lots", "8", "--profit-after-base-risk", "250000", "--pyramid-count", "0")
}

func TestVersionNamesTheBuildAndTheFormat(t *testing.T) {
	out, _ := pmctl(t, exitFine, "version", "-o", "json")
	require.JSONEq(t, `"pm-log/1"`, field(t, out, "log_format"))
	require.JSONEq(t, `"dev"`, field(t, out, "version"))
}

func TestATableIsColouredOnATerminalOnlyAndNotWhereNobodyWantsIt(t *testing.T) {
	dir := storyLog(t)
	for _, c := range []struct {
		terminal, noColor bool
		env               string
		coloured          bool
	}{{terminal: false}, {terminal: true, coloured: true}, {terminal: true, noColor: true}, {terminal: true, env: "1"}} {
		tool := newTool("")
		tool.c.outTerminal = c.terminal
		tool.c.env = func(name string) string { return map[string]string{"NO_COLOR": c.env}[name] }
		args := []string{"positions", "--data", dir}
		if c.noColor {
			args = append(args, "--no-color")
		}
		require.Zero(t, tool.run(args...))
		if c.coloured {
			require.Contains(t, tool.out.String(), colorGood)
		} else {
			require.NotContains(t, tool.out.String(), "\x1b[")
		}
	}
}

func TestColumnsStayAlignedUnderColours(t *testing.T) {
	plain, coloured := &table{}, &table{color: true}
	for _, tab := range []*table{plain, coloured} {
		tab.head = []string{"NAME", ">N", "REST"}
		tab.row("a", "1,000", "x")
		tab.paint(1, colorBad)
		tab.row("longer", "2", "")
	}
	var a, b writer
	require.NoError(t, plain.print(&a))
	require.NoError(t, coloured.print(&b))
	require.Equal(t, "NAME        N  REST\na       1,000  x\nlonger      2\n", a.String())
	require.Equal(t, a.String(), b.uncoloured())
}
