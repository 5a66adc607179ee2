package tables

import (
	"strings"
	"time"

	"pm/domain"
)

// position is what one campaign holds in one contract.
type position struct {
	instrument, contract                 string
	campaign, layers                     int
	lots, leaving, inFlight, lotSize     int
	cost, realized, unrealized, fees     domain.Decimal
	risk, volatility, margin, pointValue domain.Decimal
}

func positionsOf(s *domain.State) []position {
	var out []position
	at := map[[2]any]int{}
	for _, l := range s.Layers() {
		key := [2]any{l.Campaign, l.Instrument + "\x00" + l.Contract}
		n, seen := at[key]
		if !seen {
			n = len(out)
			at[key] = n
			out = append(out, position{instrument: l.Instrument, contract: l.Contract, campaign: l.Campaign, lotSize: l.LotSize, pointValue: l.PointValue})
		}
		out[n].add(s, l)
	}
	return out
}

func (p *position) add(s *domain.State, l *domain.Layer) {
	p.layers++
	p.lots += l.Lots
	p.leaving += l.Leaving
	if o := s.Orders[l.EntryOrder]; o != nil && !l.LateFill {
		p.inFlight += o.Leaves()
	}
	p.cost, p.realized, p.unrealized = p.cost.Add(l.Cost), p.realized.Add(l.Realized), p.unrealized.Add(l.Unrealized())
	p.fees, p.risk, p.volatility = p.fees.Add(l.Fees), p.risk.Add(l.Risk()), p.volatility.Add(l.Volatility())
	p.margin = p.margin.Add(l.MarginPerLot.Mul(domain.Int(l.Lots)))
}

// positions has a row for each contract that a campaign holds, or has an entry in flight for. Amounts are rupees.
var positions = stateOf("positions", 3, positionsOf,
	text("instrument", func(p *position) string { return p.instrument }),
	integer("campaign", func(p *position) int { return p.campaign }),
	text("contract", func(p *position) string { return p.contract }),
	integer("layers", func(p *position) int { return p.layers }),
	integer("lots", func(p *position) int { return p.lots }),
	integer("lots_leaving", func(p *position) int { return p.leaving }),
	integer("lots_in_flight", func(p *position) int { return p.inFlight }),
	integer("lot_size", func(p *position) int { return p.lotSize }),
	decimal("point_value", func(p *position) domain.Decimal { return p.pointValue }),
	maybeDecimal("average_entry_price", func(p *position) *domain.Decimal { return average(p.cost, p.lots) }),
	decimal("cost", func(p *position) domain.Decimal { return p.cost }),
	decimal("realized_pnl", func(p *position) domain.Decimal { return p.realized }),
	decimal("unrealized_pnl", func(p *position) domain.Decimal { return p.unrealized }),
	decimal("fees", func(p *position) domain.Decimal { return p.fees }),
	decimal("risk", func(p *position) domain.Decimal { return p.risk }),
	decimal("volatility", func(p *position) domain.Decimal { return p.volatility }),
	decimal("margin_used", func(p *position) domain.Decimal { return p.margin }),
)

// average is a price, null where there are no lots.
func average(cost domain.Decimal, lots int) *domain.Decimal {
	if lots == 0 {
		return nil
	}
	d := domain.Average{Cost: cost, Lots: lots}.Price()
	return &d
}

var layers = stateOf("layers", 1,
	func(s *domain.State) []domain.Layer {
		all := s.Layers()
		out := make([]domain.Layer, len(all))
		for i, l := range all {
			out[i] = *l
		}
		return out
	},
	layerFields(func(l *domain.Layer) *domain.Layer { return l })...,
)

// layerFields are the columns that a layer has while it is open and when it is closed.
func layerFields[T any](of func(*T) *domain.Layer) []field[T] {
	return []field[T]{
		text("position_id", func(r *T) domain.PositionID { return of(r).PositionID }),
		text("instrument", func(r *T) string { return of(r).Instrument }),
		integer("campaign", func(r *T) int { return of(r).Campaign }),
		text("layer", func(r *T) string { return domain.LayerName(of(r).Number) }),
		text("exchange", func(r *T) string { return of(r).Exchange }),
		text("contract", func(r *T) string { return of(r).Contract }),
		flag("late_fill", func(r *T) bool { return of(r).LateFill }),
		flag("kept", func(r *T) bool { return of(r).Kept }),
		integer("lots", func(r *T) int { return of(r).Lots }),
		integer("lots_leaving", func(r *T) int { return of(r).Leaving }),
		integer("lots_bought", func(r *T) int { return of(r).Bought }),
		integer("lots_sold", func(r *T) int { return of(r).Sold }),
		integer("lot_size", func(r *T) int { return of(r).LotSize }),
		decimal("point_value", func(r *T) domain.Decimal { return of(r).PointValue }),
		decimal("margin_per_lot", func(r *T) domain.Decimal { return of(r).MarginPerLot }),
		decimal("trailing_atr_multiple", func(r *T) domain.Decimal { return of(r).TrailingATR }),
		maybeDecimal("entry_price", func(r *T) *domain.Decimal { return average(of(r).BoughtCost, of(r).Bought) }),
		maybeInstant("entry_time", func(r *T) *time.Time { return of(r).EntryTime }),
		instant("signal_time", func(r *T) time.Time { return of(r).SignalTime }),
		decimal("signal_price", func(r *T) domain.Decimal { return of(r).SignalPrice }),
		decimal("signal_stop", func(r *T) domain.Decimal { return of(r).SignalStop }),
		decimal("initial_stop", func(r *T) domain.Decimal { return of(r).InitialStop }),
		decimal("stop", func(r *T) domain.Decimal { return of(r).Stop }),
		decimal("highest", func(r *T) domain.Decimal { return of(r).Highest }),
		decimal("atr", func(r *T) domain.Decimal { return of(r).ATR }),
		maybeDecimal("mark", func(r *T) *domain.Decimal { return of(r).Mark }),
		decimal("bought_cost", func(r *T) domain.Decimal { return of(r).BoughtCost }),
		decimal("cost", func(r *T) domain.Decimal { return of(r).Cost }),
		decimal("proceeds", func(r *T) domain.Decimal { return of(r).Proceeds }),
		maybeDecimal("exit_price", func(r *T) *domain.Decimal { return average(of(r).Proceeds, of(r).Sold) }),
		maybeInstant("exit_time", func(r *T) *time.Time { return of(r).ExitTime }),
		maybeText("exit_cause", func(r *T) domain.ExitCause { return of(r).ExitCause }),
		decimal("realized_pnl", func(r *T) domain.Decimal { return of(r).Realized }),
		decimal("unrealized_pnl", func(r *T) domain.Decimal { return of(r).Unrealized() }),
		decimal("fees", func(r *T) domain.Decimal { return of(r).Fees }),
		decimal("risk", func(r *T) domain.Decimal { return of(r).Risk() }),
		decimal("volatility", func(r *T) domain.Decimal { return of(r).Volatility() }),
		text("entry_order", func(r *T) domain.OrderID { return of(r).EntryOrder }),
		text("orders", func(r *T) string { return joined(of(r).Orders) }),
	}
}

func joined[S ~string](ids []S) string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return strings.Join(out, ",")
}
