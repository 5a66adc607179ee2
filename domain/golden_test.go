package domain

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The golden files are figures of an independent implementation in IEEE doubles. Lots, limiters, flags and codes must be equal,
// other numbers within a relative 1e-9.

// num reads a JSON number of a golden file exactly as it is written.
type num struct{ Decimal }

func (n *num) UnmarshalJSON(b []byte) error {
	r, ok := new(big.Rat).SetString(string(b))
	if !ok {
		return json.Unmarshal(b, &n.Decimal)
	}
	n.Decimal = roundRat(r, 15)
	return nil
}

func eachGolden[T any](t *testing.T, file string, atLeast int, check func(t *testing.T, row T)) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "golden", file))
	require.NoError(t, err)
	lines := 0
	sc := bufio.NewScanner(bytes.NewReader(data))
	sc.Buffer(nil, 1<<20)
	for ; sc.Scan(); lines++ {
		var row T
		require.NoError(t, json.Unmarshal(sc.Bytes(), &row), "line %d", lines+1)
		check(t, row)
		if t.Failed() {
			t.Fatalf("%s line %d: %s", file, lines+1, sc.Text())
		}
	}
	require.GreaterOrEqual(t, lines, atLeast, "the file has lost lines")
}

// near holds two figures to the relative tolerance of the golden files.
func near(t *testing.T, want num, got Decimal, what string) {
	t.Helper()
	diff := new(big.Rat).Abs(new(big.Rat).Sub(rat(want.Decimal), rat(got)))
	scale := new(big.Rat).Abs(rat(want.Decimal))
	if scale.Cmp(big.NewRat(1, 1)) < 0 {
		scale = big.NewRat(1, 1) // doubles near zero: absolute
	}
	if diff.Cmp(mul(scale, big.NewRat(1, 1_000_000_000))) > 0 {
		t.Errorf("%s: golden %s, ours %s", what, want, got)
	}
}

// specs are the values of the golden files' instruments.
var specs = map[string]struct{ pv, margin, ongoingRisk, ongoingVol, initialATR, trailATR, fallbackATR string }{
	"BANK_NIFTY":  {"30", "270000", "1", "0.7", "1.5", "2.5", "350"},
	"GOLD_MINI":   {"10", "105000", "1", "0.3", "1", "2", "450"},
	"COPPER":      {"2500", "300000", "1", "0.3", "3", "5", "3"},
	"SILVER_MINI": {"5", "385000", "1", "0.3", "2", "3", "1500"},
}

func TestBaseSizesAreTheGoldenOnes(t *testing.T) {
	vol := map[string]string{"BANK_NIFTY": "0.5"}
	eachGolden(t, "sizing_base.jsonl", 366, func(t *testing.T, r struct {
		Instrument                   string
		Equity, Price, Stop, ATR, ER num
		Margin                       num `json:"available_margin"`
		LotR                         num `json:"lot_r"`
		LotV                         num `json:"lot_v"`
		LotM                         num `json:"lot_m"`
		Lots                         int `json:"final_lots"`
		Limiter                      string
	}) {
		percent := vol[r.Instrument]
		if percent == "" {
			percent = "0.2"
		}
		got := BaseSize{
			Equity: r.Equity.Decimal, AvailableMargin: r.Margin.Decimal, Price: r.Price.Decimal, Stop: r.Stop.Decimal, ATR: r.ATR.Decimal,
			ER: r.ER.Decimal, RiskPercent: D("1"), VolPercent: D(percent), PointValue: D(specs[r.Instrument].pv),
			MarginPerLot: D(specs[r.Instrument].margin),
		}.Size()
		require.Equal(t, r.Lots, got.Lots)
		require.Equal(t, r.Limiter, got.Limiter)
		near(t, r.LotR, *got.LotsRisk, "lots by risk")
		near(t, r.LotV, *got.LotsVolatility, "lots by volatility")
		near(t, r.LotM, *got.LotsMargin, "lots by margin")
	})
}

func TestPyramidSizesAreTheGoldenOnes(t *testing.T) {
	eachGolden(t, "sizing_pyramid.jsonl", 348, func(t *testing.T, r struct {
		Instrument  string
		Price, Stop num
		Margin      num `json:"available_margin"`
		BaseLots    int `json:"base_position_size"`
		Profit      num `json:"profit_after_base_risk"`
		Pyramids    int `json:"pyramid_count"`
		LotA        int `json:"lot_a"`
		LotB        int `json:"lot_b"`
		LotC        int `json:"lot_c"`
		Lots        int `json:"final_lots"`
		Limiter     string
	}) {
		got := PyramidSize{
			AvailableMargin: r.Margin.Decimal, Price: r.Price.Decimal, Stop: r.Stop.Decimal, BaseLots: r.BaseLots, Pyramids: r.Pyramids,
			Profit: r.Profit.Decimal, PointValue: D(specs[r.Instrument].pv), MarginPerLot: D(specs[r.Instrument].margin),
		}.Size()
		limiter := got.Limiter
		if limiter == LimiterDiscipline {
			limiter = "geometric_0.5^" + count(r.Pyramids+1)
		}
		require.Equal(t, r.Lots, got.Lots)
		require.Equal(t, r.Limiter, limiter)
		require.Equal(t, []string{count(r.LotA), count(r.LotB), count(r.LotC)},
			[]string{got.LotsMargin.String(), got.LotsDiscipline.String(), got.LotsRiskBudget.String()})
	})
}

type goldenPosition struct {
	ID         string `json:"position_id"`
	Instrument string
	Entry      num `json:"entry_price"`
	Lots       int
	Initial    num `json:"initial_stop"`
	Stop       num `json:"current_stop"`
	ATR        num
	Unrealized num `json:"unrealized_pnl"`
	Status     string
	Base       bool `json:"is_base_position"`
}

func (p goldenPosition) layer() *Layer {
	s := specs[p.Instrument]
	cost := p.Entry.Mul(Int(p.Lots))
	atr := p.ATR.Decimal
	if atr.IsZero() {
		atr = D(s.fallbackATR)
	}
	return &Layer{Lots: p.Lots, Bought: p.Lots, Cost: cost, BoughtCost: cost, Stop: p.Stop.Decimal, ATR: atr, PointValue: D(s.pv)}
}

// goldenSums adds up the open positions as the service does.
func goldenSums(mode string, closed num, positions []goldenPosition) (equity, risk, vol Decimal) {
	var unrealized Decimal
	for _, p := range positions {
		if p.Status != "open" {
			continue
		}
		risk, vol = risk.Add(p.layer().Risk()), vol.Add(p.layer().Volatility())
		unrealized = unrealized.Add(p.Unrealized.Decimal)
	}
	return Equity(EquityMode(mode), closed.Decimal, unrealized), risk, vol
}

func TestBaseGatesAreTheGoldenOnes(t *testing.T) {
	eachGolden(t, "gate_portfolio_base.jsonl", 207, func(t *testing.T, r struct {
		Closed    num    `json:"closed_equity"`
		Mode      string `json:"equity_mode"`
		Positions []goldenPosition
		NewRisk   num `json:"new_position_risk"`
		NewVol    num `json:"new_position_vol"`
		Equity    num
		Risk      num `json:"total_risk_amount"`
		Vol       num `json:"total_vol_amount"`
		RiskPct   num `json:"projected_risk_pct"`
		VolPct    num `json:"projected_vol_pct"`
		Allowed   bool
		Codes     []string
	}) {
		equity, risk, vol := goldenSums(r.Mode, r.Closed, r.Positions)
		near(t, r.Equity, equity, "equity")
		near(t, r.Risk, risk, "risk")
		near(t, r.Vol, vol, "volatility")
		near(t, r.RiskPct, Percent(risk.Add(r.NewRisk.Decimal), equity), "projected risk")
		near(t, r.VolPct, Percent(vol.Add(r.NewVol.Decimal), equity), "projected volatility")
		codes := portfolioCodes(risk, r.NewRisk.Decimal, vol, r.NewVol.Decimal, equity, D("15"), D("5"))
		require.Equal(t, r.Codes, orOK(codes))
		require.Equal(t, r.Allowed, len(codes) == 0)
	})
}

// portfolioCodes names the first failure of the group, as the files do.
func portfolioCodes(risk, newRisk, vol, newVol, equity, riskCap, volCap Decimal) []string {
	switch {
	case !WithinCap(risk, newRisk, equity, riskCap):
		return []string{"portfolio_risk"}
	case !WithinCap(vol, newVol, equity, volCap):
		return []string{"portfolio_vol"}
	}
	return nil
}

func orOK(codes []string) []string {
	if len(codes) == 0 {
		return []string{"ok"}
	}
	return codes
}

func TestPyramidGatesAreTheGoldenOnes(t *testing.T) {
	boundaries := 0
	eachGolden(t, "gates.jsonl", 299, func(t *testing.T, r struct {
		Closed    num    `json:"closed_equity"`
		Mode      string `json:"equity_mode"`
		Positions []goldenPosition
		BaseID    string `json:"base_position_id"`
		Last      num    `json:"last_pyramid_price"`
		Signal    struct {
			Instrument       string
			Price, Stop, ATR num
		}
		RiskPct  num `json:"projected_risk_pct"`
		VolPct   num `json:"projected_vol_pct"`
		PnL      num `json:"instrument_pnl"`
		MoveR    num `json:"price_move_r"`
		Spacing  num `json:"atr_spacing"`
		Allowed  bool
		Boundary string
		Codes    []string
	}) {
		at := slices.IndexFunc(r.Positions, func(p goldenPosition) bool { return p.ID == r.BaseID })
		require.GreaterOrEqual(t, at, 0)
		base := r.Positions[at]
		if base.Status != "open" {
			return // ours says no_base
		}
		if r.Boundary != "" {
			boundaries++
		}
		pv, price := D(specs[r.Signal.Instrument].pv), r.Signal.Price.Decimal
		entry := base.layer().Entry()
		var codes []string
		switch {
		case OneR(entry, base.Initial.Decimal).Sign() <= 0:
			codes = append(codes, "initial_risk_invalid")
		case !AboveOneR(price, entry, base.Initial.Decimal):
			codes = append(codes, "one_r")
		case !Spaced(price, r.Last.Decimal, r.Signal.ATR.Decimal, D("0.5")):
			codes = append(codes, "spacing")
		}
		const lots = 5
		equity, risk, vol := goldenSums(r.Mode, r.Closed, r.Positions)
		newRisk := RiskOf(price.Mul(Int(lots)), lots, r.Signal.Stop.Decimal, pv)
		newVol := VolatilityOf(r.Signal.ATR.Decimal, lots, pv)
		near(t, r.RiskPct, Percent(risk.Add(newRisk), equity), "projected risk")
		near(t, r.VolPct, Percent(vol.Add(newVol), equity), "projected volatility")
		codes = append(codes, portfolioCodes(risk, newRisk, vol, newVol, equity, D("12"), D("4"))...)
		profit := zero
		for _, p := range r.Positions {
			if p.Instrument == r.Signal.Instrument && p.Status == "open" {
				profit = profit.Add(ProfitAt(price, p.layer().Cost, p.Lots, pv))
			}
		}
		near(t, r.PnL, profit, "profit")
		if !profit.IsPos() {
			codes = append(codes, "profit_not_positive")
		}
		require.ElementsMatch(t, r.Codes, orOK(codes))
		require.Equal(t, r.Allowed, len(codes) == 0)
	})
	require.GreaterOrEqual(t, boundaries, 4)
}

func TestStopsAreTheGoldenOnes(t *testing.T) {
	eachGolden(t, "stops.jsonl", 104, func(t *testing.T, r struct {
		Instrument string
		Entry      num `json:"entry_price"`
		ATR        num `json:"atr_at_entry"`
		Initial    num `json:"initial_stop"`
		Steps      []struct {
			Price, ATR, Stop num
			Highest          num `json:"highest_close"`
			Hit              bool
		}
	}) {
		s := specs[r.Instrument]
		stop, highest := InitialStop(r.Entry.Decimal, D(s.initialATR), r.ATR.Decimal), r.Entry.Decimal
		near(t, r.Initial, stop, "initial stop")
		for _, step := range r.Steps {
			stop, highest = Trail(stop, highest, step.Price.Decimal, D(s.trailATR), step.ATR.Decimal)
			near(t, step.Stop, stop, "stop")
			near(t, step.Highest, highest, "highest")
			require.Equal(t, step.Hit, Hit(step.Price.Decimal, stop))
		}
	})
}

func TestPeelOffsAreTheGoldenOnes(t *testing.T) {
	eachGolden(t, "peel.jsonl", 233, func(t *testing.T, r struct {
		Instrument string
		Risk       num `json:"position_risk"`
		Vol        num `json:"position_vol"`
		Equity     num
		Lots       int `json:"current_lots"`
		Peel       int `json:"lots_to_peel"`
		Causes     []string
	}) {
		s := specs[r.Instrument]
		peel, causes := PeelLots(r.Risk.Decimal, r.Vol.Decimal, r.Equity.Decimal, r.Lots, D(s.ongoingRisk), D(s.ongoingVol))
		for i, c := range causes {
			if c == PeelVolatility {
				causes[i] = "vol"
			}
		}
		require.Equal(t, r.Peel, peel)
		require.ElementsMatch(t, r.Causes, causes)
	})
}

func TestEquityModesAreTheGoldenOnes(t *testing.T) {
	eachGolden(t, "equity_modes.jsonl", 87, func(t *testing.T, r struct {
		Mode       string
		Closed     num `json:"closed_equity"`
		Unrealized num
		Equity     num
	}) {
		near(t, r.Equity, Equity(EquityMode(r.Mode), r.Closed.Decimal, r.Unrealized.Decimal), "equity")
	})
}
