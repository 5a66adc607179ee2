package tradingview

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

// realExport is an export of a real strategy, which stands beside the repository and is not part of it.
type realExport struct {
	file, instrument, pointValue string
	trades, base, pyramids       int
	exits, partial, layers, open int
	closedNet                    string
}

var realExports = []realExport{
	{"Bank_Nifty_Trend_Following_v4.1.csv", "BANK_NIFTY", "35", 825, 327, 373, 411, 85, 4, 1, "150839316.04"},
	{"Gold_Mini_Trend_Following.csv", "GOLD_MINI", "10", 371, 368, 2, 369, 1, 2, 0, "30603208.39"},
}

// fee is the tester's, as a part of the value on each side.
var fee = domain.D("0.0005")

func (e realExport) read(t *testing.T) ([]trade, []Line) {
	t.Helper()
	folder := filepath.Join("..", "..", "..", "shared", "data", "tradingview")
	text, err := os.ReadFile(filepath.Join(folder, e.file))
	if os.IsNotExist(err) {
		t.Skipf("the real exports are not here: %s is absent", folder)
	}
	require.NoError(t, err)
	trades, err := readTrades(bytes.NewReader(text))
	require.NoError(t, err)
	lines, err := Read(bytes.NewReader(text), e.instrument, Options{DefaultSynthesizePercent()})
	require.NoError(t, err)
	return trades, lines
}

// net is what a round trip earns: pv × lots × (exit − entry) − fee × pv × lots × (entry + exit).
func (e realExport) net(lots int, entry, exit domain.Decimal) domain.Decimal {
	size := domain.D(e.pointValue).Mul(domain.Int(lots))
	return exit.Sub(entry).Mul(size).Sub(entry.Add(exit).Mul(size).Mul(fee))
}

// near asks for a difference of at most part × want, and a paisa for the export's own rounding.
func near(t *testing.T, want, got domain.Decimal, part string, what ...any) {
	t.Helper()
	limit := want.Abs().Mul(domain.D(part)).Add(domain.D("0.01"))
	require.LessOrEqual(t, want.Sub(got).Abs().Cmp(limit), 0, append([]any{"want %s, got %s: %v", want, got}, what...)...)
}

func TestTheRealExportsHaveTheOrdersThatTheirStrategiesSent(t *testing.T) {
	for _, e := range realExports {
		trades, lines := e.read(t)
		var base, pyramids, exits, partial, layers, open int
		for _, l := range lines {
			switch l.Type {
			case domain.BaseEntry:
				base++
			case domain.Pyramid:
				pyramids++
			default:
				exits++
				if l.Inferred {
					partial++
					require.NotEqual(t, []string{domain.AllLayers}, l.Position)
				}
			}
			if n, ok := domain.ParseLayer(l.Position[0]); ok {
				layers = max(layers, n)
			}
		}
		for _, tr := range trades {
			if tr.exit.comment == stillOpen {
				open++
			}
		}
		got := realExport{e.file, e.instrument, e.pointValue, len(trades), base, pyramids, exits, partial, layers, open, e.closedNet}
		require.Equal(t, e, got)
		checkBodies(t, lines)
	}
}

func TestTheRealExportsResultsFollowFromTheirPrices(t *testing.T) {
	for _, e := range realExports {
		trades, _ := e.read(t)
		column, computed := domain.Decimal{}, domain.Decimal{}
		for _, tr := range trades {
			if tr.exit.comment == stillOpen {
				continue
			}
			want, got := domain.D(tr.exit.net), e.net(tr.exit.lots, tr.entry.price, tr.exit.price)
			near(t, want, got, "0.00003", e.file, tr.exit.line)
			column, computed = column.Add(want), computed.Add(got)
		}
		require.Equal(t, e.closedNet, column.String(), "the sum of the export's own column")
		near(t, domain.D(e.closedNet), computed, "0.0001", e.file)
	}
}

func TestTheSignalsOfTheRealExportsEarnWhatTheExportsDid(t *testing.T) {
	for _, e := range realExports {
		_, lines := e.read(t)
		type held struct {
			lots  int
			price domain.Decimal
		}
		open, total := map[string]held{}, domain.Decimal{}
		for i, l := range lines {
			require.False(t, i > 0 && l.At.Before(lines[i-1].At), "oldest first")
			if l.Type != domain.Exit {
				require.NotContains(t, open, l.Position[0])
				open[l.Position[0]] = held{l.Lots, l.Price}
				continue
			}
			lots := 0
			for layer, h := range open {
				if l.Position[0] == domain.AllLayers || slices.Contains(l.Position, layer) {
					total = total.Add(e.net(h.lots, h.price, l.Price))
					lots += h.lots
					delete(open, layer)
				}
			}
			require.Equal(t, l.Lots, lots, "whole layers leave")
		}
		require.Len(t, open, e.open)
		near(t, domain.D(e.closedNet), total, "0.0001", e.file)
		t.Logf("%s: %d signals, net %s, the export's column %s", e.instrument, len(lines), total, e.closedNet)
	}
}

func TestTheSameExportGivesTheSameBytes(t *testing.T) {
	for _, e := range realExports {
		var first, second bytes.Buffer
		_, lines := e.read(t)
		require.NoError(t, WriteNDJSON(&first, lines))
		_, lines = e.read(t)
		require.NoError(t, WriteNDJSON(&second, lines))
		require.Equal(t, first.String(), second.String())
	}
}

func FuzzRead(f *testing.F) {
	sample, err := os.ReadFile("testdata/campaigns.csv")
	require.NoError(f, err)
	f.Add(sample)
	f.Add([]byte(header + rows(1, 2, "2025-01-01 09:15,ENTRY-2L,100", "2025-01-01 09:15,Open,99")))
	f.Fuzz(func(t *testing.T, text []byte) {
		lines, err := Read(bytes.NewReader(text), "X", Options{DefaultSynthesizePercent()})
		if err != nil {
			require.Nil(t, lines)
			require.Less(t, len(err.Error()), 1000)
			return
		}
		checkBodies(t, lines)
		var out bytes.Buffer
		require.NoError(t, WriteNDJSON(&out, lines))
		require.Equal(t, len(lines), bytes.Count(out.Bytes(), []byte("\n")), "one line a signal")
	})
}
