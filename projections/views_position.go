package projections

import (
	"time"

	"pm/domain"
)

// The states of a position.
const (
	PositionPending = "pending" // its entry is in flight and nothing has filled
	PositionOpen    = "open"    // lots are held
	PositionClosing = "closing" // every lot held is claimed by an exit
	PositionClosed  = "closed"  // it held lots and holds none
)

// Position is one layer: what filled, where its stop stands, and what became of it. Amounts are rupees, prices points.
type Position struct {
	PositionID   string          `json:"position_id"`
	Campaign     int             `json:"campaign"`
	Layer        string          `json:"layer"` // Long_1 is the base
	Instrument   string          `json:"instrument"`
	Contract     string          `json:"contract"`
	Status       string          `json:"status"`
	LateFill     bool            `json:"late_fill,omitempty"` // made by a fill of an order that was done
	Lots         int             `json:"lots"`                // held
	LotsLeaving  int             `json:"lots_leaving"`
	LotsInFlight int             `json:"lots_in_flight"`
	LotsBought   int             `json:"lots_bought"`
	LotsSold     int             `json:"lots_sold"`
	LotSize      int             `json:"lot_size"` // units
	PointValue   domain.Decimal  `json:"point_value"`
	EntryPrice   *domain.Decimal `json:"entry_price,omitempty"` // average of the fills
	EntryTime    *time.Time      `json:"entry_time,omitempty"`
	InitialStop  domain.Decimal  `json:"initial_stop"`
	SignalStop   domain.Decimal  `json:"signal_stop"`
	Stop         domain.Decimal  `json:"stop"`
	Highest      domain.Decimal  `json:"highest"`
	ATR          domain.Decimal  `json:"atr"`
	LastPrice    *domain.Decimal `json:"last_price,omitempty"` // of the latest bar since the entry
	ExitPrice    *domain.Decimal `json:"exit_price,omitempty"` // average of what was sold
	ExitTime     *time.Time      `json:"exit_time,omitempty"`  // of the last part sold
	ExitReason   string          `json:"exit_reason,omitempty"`
	RealizedPnL  domain.Decimal  `json:"realized_pnl"` // gross, of the lots sold
	Unrealized   domain.Decimal  `json:"unrealized_pnl"`
	Fees         domain.Decimal  `json:"fees"`
	NetPnL       domain.Decimal  `json:"net_pnl"` // realized − fees so far
	Risk         domain.Decimal  `json:"risk"`    // of the lots held
	OrderIDs     []string        `json:"order_ids"`
	SignalTime   time.Time       `json:"signal_time"`
}

// PositionOf shows a layer that the state has reserved or open.
func PositionOf(s *domain.State, l *domain.Layer) Position {
	p := positionOf(l)
	p.Status = PositionOpen
	if o := s.Orders[l.EntryOrder]; o != nil && !l.LateFill {
		p.LotsInFlight = o.Leaves()
	}
	switch {
	case l.Bought == 0:
		p.Status = PositionPending
	case l.Free() == 0:
		p.Status = PositionClosing
	}
	return p
}

// ClosedPositionOf shows a layer that an event has just closed (domain.State.Closed), with its final figures.
func ClosedPositionOf(l *domain.Layer) Position {
	p := positionOf(l)
	p.Status = PositionClosed
	return p
}

func positionOf(l *domain.Layer) Position {
	p := Position{
		PositionID: string(l.PositionID), Campaign: l.Campaign, Layer: domain.LayerName(l.Number), Instrument: l.Instrument,
		Contract: l.Contract, LateFill: l.LateFill, Lots: l.Lots, LotsLeaving: l.Leaving, LotsBought: l.Bought, LotsSold: l.Sold,
		LotSize: l.LotSize, PointValue: l.PointValue, EntryTime: copied(l.EntryTime), InitialStop: l.InitialStop,
		SignalStop: l.SignalStop, Stop: l.Stop, Highest: l.Highest, ATR: l.ATR, LastPrice: copied(l.Mark), ExitTime: copied(l.ExitTime),
		ExitReason: string(l.ExitCause), RealizedPnL: l.Realized, Unrealized: l.Unrealized(), Fees: l.Fees,
		NetPnL: l.Realized.Sub(l.Fees), Risk: l.Risk(), OrderIDs: texts(l.Orders), SignalTime: l.SignalTime,
	}
	if l.Bought > 0 {
		price := l.Entry().Price()
		p.EntryPrice = &price
	}
	if l.Sold > 0 {
		price := domain.Average{Cost: l.Proceeds, Lots: l.Sold}.Price()
		p.ExitPrice = &price
	}
	return p
}

// Positions lists every layer that is reserved or open, by instrument, oldest first.
func Positions(s *domain.State) []Position {
	out := []Position{}
	for _, l := range s.Layers() {
		out = append(out, PositionOf(s, l))
	}
	return out
}

// OpenPositions lists the positions that hold lots. A reserved layer is no position yet: positions are the fold of fills.
func OpenPositions(s *domain.State) []Position {
	out := []Position{}
	for _, p := range Positions(s) {
		if p.Lots > 0 {
			out = append(out, p)
		}
	}
	return out
}

// copied keeps what a view shows apart from what the state goes on changing.
func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

func texts[T ~string](ids []T) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return out
}
