package projections

import (
	"time"

	"pm/domain"
)

// The ends of an order. Until then its status is the state of lifecycle: initialized, sending, unknown, working, canceling.
const (
	OrderEndFilled      = "filled"
	OrderEndCanceled    = "canceled" // filled_lots says how much had filled before
	OrderEndRejected    = "rejected"
	OrderEndExpired     = "expired"
	OrderEndNotAccepted = "not_accepted"
)

// orderEnds names an end by the event that brought it.
var orderEnds = map[string]string{
	"OrderFilled": OrderEndFilled, "OrderCanceled": OrderEndCanceled, "OrderRejected": OrderEndRejected,
	"OrderExpired": OrderEndExpired, "OrderNotAccepted": OrderEndNotAccepted,
}

// Order is one order and how far it came. Quantity is in units, everything else in lots. CreatedAt, Revision, Reason and
// PositionIDs are known to a History only: the state keeps what decisions need.
type Order struct {
	OrderID     string          `json:"order_id"`
	N           uint64          `json:"n"` // orders of the portfolio before this one
	Tag         string          `json:"tag"`
	Kind        string          `json:"kind"` // entry, exit
	Instrument  string          `json:"instrument"`
	Exchange    string          `json:"exchange"`
	Contract    string          `json:"contract"`
	Side        string          `json:"side"`
	Type        string          `json:"type"`
	Product     string          `json:"product"`
	Lots        int             `json:"lots"`
	LotSize     int             `json:"lot_size"`
	Quantity    int             `json:"quantity"`
	LimitPrice  *domain.Decimal `json:"limit_price,omitempty"`
	RefPrice    domain.Decimal  `json:"reference_price"`
	Status      string          `json:"status"`
	FilledLots  int             `json:"filled_lots"`
	AvgPrice    *domain.Decimal `json:"average_price,omitempty"`
	Broker      string          `json:"broker"`
	BrokerID    string          `json:"broker_id,omitempty"`
	PositionID  string          `json:"position_id,omitempty"`  // entries: the layer it reserves
	PositionIDs []string        `json:"position_ids,omitempty"` // exits: the layers whose lots it was to sell, oldest first
	IntentID    string          `json:"intent_id,omitempty"`
	SignalID    string          `json:"signal_id,omitempty"`
	Attempt     int             `json:"attempt,omitempty"` // exits: 1 for the first order of the intent
	Canceling   bool            `json:"cancel_requested,omitempty"`
	CreatedAt   *time.Time      `json:"created_at,omitempty"`
	UpdatedAt   time.Time       `json:"updated_at"`
	ExpiresAt   time.Time       `json:"expires_at"`
	Reason      string          `json:"reason,omitempty"`   // why it ended or is unknown, in the broker's or the service's words
	Revision    *uint64         `json:"revision,omitempty"` // of its OrderInitialized
}

// OrderOf shows an order of the state.
func OrderOf(o *domain.Order) Order {
	v := Order{
		OrderID: string(o.OrderID), N: o.N, Tag: o.Tag, Kind: string(o.Kind), Instrument: o.Instrument, Exchange: o.Exchange,
		Contract: o.Contract, Side: o.Side, Type: o.Type, Product: o.Product, Lots: o.Lots, LotSize: o.LotSize, Quantity: o.Quantity,
		LimitPrice: copied(o.LimitPrice), RefPrice: o.RefPrice, Status: string(o.State), FilledLots: o.Cum, Broker: o.Broker,
		BrokerID: o.BrokerID, IntentID: string(o.IntentID), SignalID: string(o.SignalID), Attempt: o.Attempt,
		Canceling: o.CancelRequested, UpdatedAt: o.StateAt, ExpiresAt: o.ExpiresAt,
	}
	if o.State == domain.Done {
		v.Status = orderEnds[o.End]
	}
	if o.Cum > 0 {
		price := domain.Average{Cost: o.FillCost, Lots: o.Cum}.Price()
		v.AvgPrice = &price
	}
	if o.Entry != nil {
		v.PositionID = string(o.Entry.PositionID)
	}
	return v
}

// Done says whether the order has ended. A late fill may still change it.
func (o Order) Done() bool {
	for _, end := range orderEnds {
		if o.Status == end {
			return true
		}
	}
	return false
}

// OpenOrders lists the orders that are not done, newest first.
func OpenOrders(s *domain.State) []Order {
	open := s.OpenOrders()
	out := make([]Order, 0, len(open))
	for i := len(open) - 1; i >= 0; i-- {
		out = append(out, OrderOf(open[i]))
	}
	return out
}
