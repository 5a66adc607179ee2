package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pm/domain"
)

// maxSizeLine bounds a line of the input, in bytes.
const maxSizeLine = 64 << 10

// sizeFlags are the flags of the size verb.
type sizeFlags struct {
	config, day             string
	marginPerLot, pointSize string
	one                     sizeQuestion
	figures                 map[string]*string
}

// sizeQuestion is one size to compute. Money is in rupees, prices and ATR in points. What the kind does not use is left out.
type sizeQuestion struct {
	Kind            string  `json:"kind"` // base, pyramid
	Instrument      string  `json:"instrument"`
	Equity          *number `json:"equity"`
	AvailableMargin *number `json:"available_margin"`
	Price           *number `json:"price"`
	Stop            *number `json:"stop"`
	ATR             *number `json:"atr"`
	ER              *number `json:"er"`
	BaseLots        *int    `json:"base_lots"`
	Profit          *number `json:"profit_after_base_risk"`
	Pyramids        *int    `json:"pyramid_count"`
}

// sizeAnswer is the size and what limited it. The figures that the kind does not have are absent.
type sizeAnswer struct {
	Lots           int     `json:"lots"`
	Limiter        string  `json:"limiter"`
	LotsRisk       *number `json:"lots_risk,omitempty"`
	LotsVolatility *number `json:"lots_volatility,omitempty"`
	LotsMargin     *number `json:"lots_margin,omitempty"`
	LotsDiscipline *number `json:"lots_discipline,omitempty"`
	LotsRiskBudget *number `json:"lots_risk_budget,omitempty"`
}

// sizeFigures are the flags that hold a number of the question.
var sizeFigures = []struct{ name, what string }{
	{"equity", "equity that sizes new risk, rupees (base)"},
	{"available-margin", "margin that is free, rupees"},
	{"price", "price of the signal"},
	{"stop", "stop of the signal"},
	{"atr", "average true range, points (base)"},
	{"er", "efficiency ratio, 0 to 1 (base)"},
	{"profit-after-base-risk", "profit of the base after its own risk, rupees (pyramid)"},
}

func (c *cli) sizeCommand() *cobra.Command {
	f := &sizeFlags{figures: map[string]*string{}}
	var baseLots, pyramids int
	cmd := &cobra.Command{
		Use:   "size",
		Short: "position size for one signal from flags, or NDJSON on stdin to NDJSON",
		Long: `Computes sizes by the functions that the service itself uses. With --kind the question stands in the flags; without it, stdin
holds one JSON object a line, and each line is answered by one line in the same order:

  {"kind":"base","instrument":"BANK_NIFTY","equity":5000000,"available_margin":3000000,"price":52000,"stop":51650,"atr":350,"er":0.82}
  {"kind":"pyramid","instrument":"BANK_NIFTY","available_margin":900000,"price":53000,"stop":52600,"base_lots":8,"profit_after_base_risk":250000,"pyramid_count":0}

Point value, margin a lot and the percents are those of the configuration on the day of --day (default: today).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("base-lots") {
				f.one.BaseLots = &baseLots
			}
			if cmd.Flags().Changed("pyramid-count") {
				f.one.Pyramids = &pyramids
			}
			return c.size(cmd, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.one.Kind, "kind", "", "base or pyramid; without it questions are read from stdin")
	flags.StringVar(&f.one.Instrument, "instrument", "", "name in the configuration, for example BANK_NIFTY")
	for _, figure := range sizeFigures {
		f.figures[figure.name] = flags.String(figure.name, "", figure.what)
	}
	flags.IntVar(&baseLots, "base-lots", 0, "lots of the base as first filled (pyramid)")
	flags.IntVar(&pyramids, "pyramid-count", 0, "pyramids that the campaign already has (pyramid)")
	flags.StringVar(&f.marginPerLot, "margin-per-lot", "", "margin a lot, rupees, in place of the configured one")
	flags.StringVar(&f.pointSize, "point-value", "", "rupees a point a lot, in place of the configured one")
	flags.StringVar(&f.config, "config", "", "configuration file of pm")
	flags.StringVar(&f.day, "day", "", "exchange day whose instrument values count, for example 2025-12-30")
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(sizeKinds, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) size(cmd *cobra.Command, f *sizeFlags) error {
	sizer, err := c.newSizer(f)
	if err != nil {
		return err
	}
	if f.one.Kind == "" {
		return sizer.stream(c.in, c.out)
	}
	if err := f.named(sizer); err != nil {
		return err
	}
	if err := f.fill(cmd); err != nil {
		return err
	}
	answer, err := sizer.answer(&f.one)
	if err != nil {
		return err
	}
	return c.show(answer, nil, func(t *table) { answer.table(t) })
}

// named says which of the flags that name something has a value that nothing has.
func (f *sizeFlags) named(s *sizer) error {
	if !slices.Contains(sizeKinds, f.one.Kind) {
		return fmt.Errorf("--kind %.20q is none of %s", f.one.Kind, strings.Join(sizeKinds, ", "))
	}
	if _, ok := s.instrument(f.one.Instrument); !ok {
		return fmt.Errorf("--instrument: %w", s.unknown(f.one.Instrument))
	}
	return nil
}

// fill moves the figures from the flags into the question.
func (f *sizeFlags) fill(cmd *cobra.Command) error {
	into := map[string]**number{
		"equity": &f.one.Equity, "available-margin": &f.one.AvailableMargin, "price": &f.one.Price, "stop": &f.one.Stop,
		"atr": &f.one.ATR, "er": &f.one.ER, "profit-after-base-risk": &f.one.Profit,
	}
	for _, figure := range sizeFigures {
		if !cmd.Flags().Changed(figure.name) {
			continue
		}
		d, err := domain.ParseDecimal(*f.figures[figure.name])
		if err != nil {
			return fmt.Errorf("--%s: %w", figure.name, err)
		}
		*into[figure.name] = &number{d}
	}
	return nil
}

func (a *sizeAnswer) table(t *table) {
	t.title = fmt.Sprintf("%s, limited by %s", counted(a.Lots, "lot"), a.Limiter)
	for _, r := range []struct {
		name  string
		value *number
	}{
		{"by risk", a.LotsRisk}, {"by volatility (reported only)", a.LotsVolatility}, {"by margin", a.LotsMargin},
		{"by discipline", a.LotsDiscipline}, {"by risk budget", a.LotsRiskBudget},
	} {
		if r.value != nil {
			t.row("  "+r.name, grouped(r.value.String()))
		}
	}
}

// stream answers each line of in by one line of out.
func (s *sizer) stream(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 4096), maxSizeLine)
	answers := bufio.NewWriter(out)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		text, err := s.line(lines.Bytes())
		if err != nil {
			return errors.Join(fmt.Errorf("line %d: %w", n, err), answers.Flush())
		}
		if _, err := answers.Write(text); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the questions: %w", err)
	}
	return answers.Flush()
}

func (s *sizer) line(text []byte) ([]byte, error) {
	var q sizeQuestion
	if err := json.Unmarshal(text, &q); err != nil {
		return nil, err
	}
	answer, err := s.answer(&q)
	if err != nil {
		return nil, err
	}
	return compact(answer)
}

// sizeKinds are the entries that have a size.
var sizeKinds = []string{"base", "pyramid"}

// sizer answers questions with the instrument values of one day.
type sizer struct {
	settings                 *domain.Settings
	names                    []string // of the instruments that the configuration has
	at                       time.Time
	marginPerLot, pointValue *domain.Decimal // overrides
}

func (s *sizer) instrument(text string) (domain.Instrument, bool) {
	name, _ := domain.ParseInstrument(text)
	return s.settings.Instrument(name, s.at)
}

// unknown names what could have been meant.
func (s *sizer) unknown(text string) error {
	return fmt.Errorf("instrument %.40q is not in the configuration, which has %s", text, strings.Join(s.names, ", "))
}

func (s *sizer) answer(q *sizeQuestion) (*sizeAnswer, error) {
	in, ok := s.instrument(q.Instrument)
	if !ok {
		return nil, s.unknown(q.Instrument)
	}
	if s.marginPerLot != nil {
		in.MarginPerLot = *s.marginPerLot
	}
	if s.pointValue != nil {
		in.PointValue = *s.pointValue
	}
	switch q.Kind {
	case "base":
		return q.base(in)
	case "pyramid":
		return q.pyramid(in)
	default:
		return nil, fmt.Errorf("kind %.20q is neither base nor pyramid", q.Kind)
	}
}
