package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"pm/adapters/tradingview"
	"pm/domain"
)

const synthesizeFlag = "--synthesize"

// defaultPercent is what --synthesize without a value means.
func defaultPercent() string { return tradingview.DefaultSynthesizePercent().String() + "%" }

// joinSynthesize lets --synthesize stand with its value behind it or alone: a flag library can do only one of the two.
func joinSynthesize(args []string) []string {
	out := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		if args[i] != synthesizeFlag {
			out = append(out, args[i])
			continue
		}
		value := defaultPercent()
		if i+1 < len(args) {
			if _, err := tradingview.ParsePercent(args[i+1]); err == nil {
				i++
				value = args[i]
			}
		}
		out = append(out, synthesizeFlag+"="+value)
	}
	return out
}

func (c *cli) importCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "import", Short: "turns what other programs export into signals"}
	cmd.AddCommand(c.importTradingViewCommand())
	return cmd
}

func (c *cli) importTradingViewCommand() *cobra.Command {
	instrument, percent := "", ""
	cmd := &cobra.Command{
		Use: "tradingview FILE --instrument I", Short: "a Strategy Tester export as signals, oldest first", Args: cobra.ExactArgs(1),
		Long: `Reads a list of trades that TradingView's Strategy Tester exported (- is stdin) and prints the signals that the strategy would have
sent, oldest first. With -o ndjson each line is a body for the webhook, ready for "pmctl signals send" and "pmctl backtest".

The export lacks stop, ATR and ER: entries get ATR = PCT of the price, stop = supertrend = price - ATR, ER 1. Exits that do not close
everything close whole layers whose lots fit; as the export does not name them, such lines are marked "inferred".`,
		RunE: func(_ *cobra.Command, args []string) error { return c.importTradingView(args[0], instrument, percent) },
	}
	cmd.Flags().StringVar(&instrument, "instrument", "", "name of the instrument in pm's configuration, for example BANK_NIFTY")
	addSynthesize(cmd, &percent)
	_ = cmd.MarkFlagRequired("instrument")
	return cmd
}

func addSynthesize(cmd *cobra.Command, percent *string) {
	cmd.Flags().StringVar(percent, "synthesize", defaultPercent(), "ATR of an entry in percent of its price; stop = price - ATR")
}

func (c *cli) importTradingView(file, instrument, percent string) error {
	lines, err := c.readExport(file, instrument, percent)
	if err != nil {
		return err
	}
	items := make([]any, 0, len(lines))
	for _, l := range lines {
		body, err := l.Body()
		if err != nil {
			return err
		}
		items = append(items, json.RawMessage(bytes.Clone(body)))
	}
	return c.show(items, items, func(t *table) { exportTable(t, lines) })
}

func (c *cli) readExport(file, instrument, percent string) ([]tradingview.Line, error) {
	atr, err := tradingview.ParsePercent(percent)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", synthesizeFlag, err)
	}
	in, end, err := c.input(file)
	if err != nil {
		return nil, err
	}
	defer end()
	lines, err := tradingview.Read(in, instrument, tradingview.Options{SynthesizePercent: atr})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return lines, nil
}

func exportTable(t *table, lines []tradingview.Line) {
	t.head = []string{"TIME (IST)", "TYPE", "POSITION", ">LOTS", ">PRICE", ">STOP", "REASON"}
	t.empty = "the export holds no trades"
	counts := map[domain.SignalType]int{}
	for _, l := range lines {
		counts[l.Type]++
		stop, reason := "", l.Reason
		if l.Stop != nil {
			stop = price(*l.Stop)
		}
		if l.Inferred {
			reason += " (layers inferred)"
		}
		t.row(clock(l.At), string(l.Type), strings.Join(l.Position, "+"), fmt.Sprint(l.Lots), price(l.Price), stop, reason)
	}
	t.foot = []string{fmt.Sprintf("%d base entries, %d pyramids, %d exits", counts[domain.BaseEntry], counts[domain.Pyramid], counts[domain.Exit])}
}
