// Package tradingview reads the list of trades that TradingView's Strategy Tester exports and turns it into the signals
// that the strategy's alerts would have sent, oldest first.
//
// # The export
//
// UTF-8, usually with a byte order mark, comma separated, LF or CRLF, 15 columns:
//
//	Trade #, Type, Date/Time, Signal, Price INR, Position size (qty), Position size (value), Net P&L INR, Net P&L %,
//	Run-up INR, Run-up %, Drawdown INR, Drawdown %, Cumulative P&L INR, Cumulative P&L %
//
// Each trade has two rows, its exit ("Exit long") first and then its entry ("Entry long"). Date/Time is exchange time
// (Asia/Kolkata) without zone and names the bar's open. Position size (qty) counts lots.
//
//	ENTRY-<n>L, EOD-ENTRY-<n>L   a base entry of n lots        PYR<k>-<n>L   pyramid k, layer Long_<k+1>, of n lots
//	EXIT - ...                   an exit, the text is its reason
//	Open                         no exit: still held at the export, the price is a mark
//
// # From rows to orders
//
// The tester matches exits first in, first out, so one order can stand in several trades. Entry rows with the same
// time, comment and price are one order, and their lots must add up to the number in the comment; exit rows
// with the same time, comment and price are one order too. Orders go out by time. Where times are equal, exits of what
// was open before come first, then entries, base before pyramids, then exits of what was entered at that time.
//
// An exit that covers all open lots becomes an EXIT of ALL. Any other one closes whole layers whose lots add up to its own:
// as few layers as possible, the newest of equally many. The export does not say which layers they were, so such a
// line is marked as inferred. Lots that fit no set of layers are an error, never a guess.
//
// # What the export lacks
//
// Stop, ATR, efficiency ratio and the time of sending. With Options.SynthesizePercent P, entries get ATR = P % of the price,
// stop = supertrend = price - ATR, and ER 1; without it they are left out, and a receiver that wants them will refuse.
// Every figure stays a decimal: no price passes through a float.
package tradingview

import (
	"fmt"
	"io"
	"strings"
	"time"

	"pm/domain"
)

const (
	// MaxBytes bounds an export; it holds some 75,000 trades.
	MaxBytes = 16 << 20
	// MaxLots bounds the lots of one row.
	MaxLots = 1_000_000_000
)

// Options say how to fill what the export lacks.
type Options struct {
	// SynthesizePercent is the ATR of an entry in percent of its price, above 0 and below 100; nil leaves stop, ATR, ER and
	// supertrend out.
	SynthesizePercent *domain.Decimal
}

// DefaultSynthesizePercent is what an import takes where nobody says otherwise: 1 %.
func DefaultSynthesizePercent() *domain.Decimal {
	one := domain.Int(1)
	return &one
}

// ParsePercent reads "1" or "1%"; it must be above 0 and below 100.
func ParsePercent(text string) (*domain.Decimal, error) {
	d, err := domain.ParseDecimal(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "%")))
	if err != nil {
		return nil, fmt.Errorf("a percentage such as 1%%: %w", err)
	}
	return &d, checkPercent(&d)
}

func checkPercent(d *domain.Decimal) error {
	if d != nil && (d.Sign() <= 0 || d.Cmp(domain.Int(100)) >= 0) {
		return fmt.Errorf("a percentage above 0 and below 100 is needed, not %s", d)
	}
	return nil
}

// Line is one signal to send. Prices are in points; Stop, ATR, ER and Supertrend are nil for exits and where nothing
// was synthesized.
type Line struct {
	Type       domain.SignalType // BaseEntry, Pyramid or Exit
	Instrument string
	At         time.Time // the bar's open, UTC
	Position   []string  // layers, oldest first, or the one word ALL
	Price      domain.Decimal
	Lots       int
	Stop       *domain.Decimal
	ATR        *domain.Decimal
	ER         *domain.Decimal
	Supertrend *domain.Decimal
	Reason     string // of an exit: its comment in the export
	Inferred   bool   // of an exit: the layers were chosen by their lots
	Rows       []int  // line numbers in the export that make up this signal
}

// Read turns an export into signals of one instrument, oldest first. Errors name the lines of the export; nothing is
// returned beside an error.
func Read(r io.Reader, instrument string, opts Options) ([]Line, error) {
	name, ok := domain.ParseInstrument(instrument)
	if !ok {
		return nil, fmt.Errorf("%.60q is not an instrument's name: give one such as BANK_NIFTY", instrument)
	}
	if err := checkPercent(opts.SynthesizePercent); err != nil {
		return nil, err
	}
	trades, err := readTrades(r)
	if err != nil {
		return nil, err
	}
	orders, err := toOrders(trades)
	if err != nil {
		return nil, err
	}
	var open book
	lines := make([]Line, 0, len(orders))
	for _, o := range orders {
		line := Line{Instrument: name, At: o.at, Price: o.price, Lots: o.lots, Rows: o.rows}
		if err := open.apply(o, &line); err != nil {
			return nil, fmt.Errorf("%s: %w", lineNumbers(o.rows), err)
		}
		if line.Type != domain.Exit {
			line.synthesize(opts.SynthesizePercent)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// synthesize fills in what an entry needs and the export does not have.
func (l *Line) synthesize(percent *domain.Decimal) {
	if percent == nil {
		return
	}
	// At most 8 + 8 digits after the point and two more from the percent: the product is exact before it is rounded.
	hundredth := domain.D("0.01")
	atr := l.Price.Mul(*percent).Mul(hundredth).RoundBank(domain.PriceDecimals)
	stop, supertrend, er := l.Price.Sub(atr), l.Price.Sub(atr), domain.Int(1)
	l.ATR, l.Stop, l.Supertrend, l.ER = &atr, &stop, &supertrend, &er
}

// lineNumbers writes where an order stands in the export; a long list is cut, its first lines are enough to find it.
func lineNumbers(rows []int) string {
	const shown = 8
	if len(rows) == 1 {
		return fmt.Sprintf("line %d", rows[0])
	}
	text := make([]string, 0, shown+1)
	for i, n := range rows {
		if i == shown {
			text = append(text, "...")
			break
		}
		text = append(text, fmt.Sprint(n))
	}
	return "lines " + strings.Join(text, ", ")
}
