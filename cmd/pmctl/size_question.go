package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"pm/domain"
)

// newSizer reads the configuration and the flags that stand in for its values.
func (c *cli) newSizer(f *sizeFlags) (*sizer, error) {
	conf, err := loadConfig(f.config, nil)
	if err != nil {
		return nil, err
	}
	decision := conf.Decision()
	settings, problems := domain.ParseSettings(decision)
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	s := &sizer{settings: settings, names: instrumentsIn(decision), at: c.now()}
	if f.day != "" {
		day, err := time.ParseInLocation(time.DateOnly, f.day, exchangeTime)
		if err != nil {
			return nil, fmt.Errorf("--day %q is not a day like 2025-12-30", f.day)
		}
		s.at = day
	}
	if s.marginPerLot, err = positive("--margin-per-lot", f.marginPerLot); err != nil {
		return nil, err
	}
	s.pointValue, err = positive("--point-value", f.pointSize)
	return s, err
}

// positive reads the value of a flag, nil where it was not given.
func positive(flag, text string) (*domain.Decimal, error) {
	if text == "" {
		return nil, nil
	}
	d, err := domain.ParseDecimal(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	if !d.IsPos() {
		return nil, fmt.Errorf("%s: %s is not above 0", flag, text)
	}
	return &d, nil
}

// needs names every field of a question that is missing.
type needs []string

func (n *needs) figure(name string, value *number) domain.Decimal {
	if value == nil {
		*n = append(*n, name)
		return domain.Decimal{}
	}
	return value.Decimal
}

func (n *needs) count(name string, value *int) int {
	if value == nil {
		*n = append(*n, name)
		return 0
	}
	return *value
}

func (n needs) err(kind string) error {
	if len(n) == 0 {
		return nil
	}
	return fmt.Errorf("the size of a %s needs %s", kind, strings.Join(n, ", "))
}

func (q *sizeQuestion) base(in domain.Instrument) (*sizeAnswer, error) {
	var n needs
	size := domain.BaseSize{
		Equity: n.figure("equity", q.Equity), AvailableMargin: n.figure("available_margin", q.AvailableMargin),
		Price: n.figure("price", q.Price), Stop: n.figure("stop", q.Stop), ATR: n.figure("atr", q.ATR), ER: n.figure("er", q.ER),
		RiskPercent: in.InitialRisk, VolPercent: in.InitialVol, PointValue: in.PointValue, MarginPerLot: in.MarginPerLot,
	}
	if err := n.err("base"); err != nil {
		return nil, err
	}
	return answerOf(size.Size()), nil
}

func (q *sizeQuestion) pyramid(in domain.Instrument) (*sizeAnswer, error) {
	var n needs
	size := domain.PyramidSize{
		AvailableMargin: n.figure("available_margin", q.AvailableMargin), Price: n.figure("price", q.Price), Stop: n.figure("stop", q.Stop),
		BaseLots: n.count("base_lots", q.BaseLots), Pyramids: n.count("pyramid_count", q.Pyramids),
		Profit: n.figure("profit_after_base_risk", q.Profit), PointValue: in.PointValue, MarginPerLot: in.MarginPerLot,
	}
	if err := n.err("pyramid"); err != nil {
		return nil, err
	}
	if size.BaseLots < 0 || size.Pyramids < 0 {
		return nil, errors.New("base_lots and pyramid_count are counts: 0 or more")
	}
	return answerOf(size.Size()), nil
}

func answerOf(s domain.Sizing) *sizeAnswer {
	return &sizeAnswer{
		Lots: s.Lots, Limiter: s.Limiter, LotsRisk: asNumber(s.LotsRisk), LotsVolatility: asNumber(s.LotsVolatility),
		LotsMargin: asNumber(s.LotsMargin), LotsDiscipline: asNumber(s.LotsDiscipline), LotsRiskBudget: asNumber(s.LotsRiskBudget),
	}
}

func asNumber(d *domain.Decimal) *number {
	if d == nil {
		return nil
	}
	return &number{*d}
}
