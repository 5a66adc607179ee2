package domain

import "time"

// OrderKind tells an order that opens lots from one that closes them.
type OrderKind string

// The kinds of order.
const (
	EntryOrder OrderKind = "entry"
	ExitOrder  OrderKind = "exit"
)

// OrderInitialized is the full order and, for an entry, the layer that it reserves. Nothing has left yet.
type OrderInitialized struct {
	OrderID    OrderID   `json:"order_id"`
	N          uint64    `json:"n"` // orders of the portfolio before this one
	Tag        string    `json:"tag"`
	Kind       OrderKind `json:"kind"`
	Broker     string    `json:"broker"`
	Instrument string    `json:"instrument"`
	Exchange   string    `json:"exchange"`
	Contract   string    `json:"contract"`
	Side       string    `json:"side"` // BUY, SELL
	Type       string    `json:"type"` // LIMIT, MARKET
	Product    string    `json:"product"`
	Lots       int       `json:"lots"`
	LotSize    int       `json:"lot_size"` // units a lot
	Quantity   int       `json:"quantity"` // units: lots × lot size
	LimitPrice *Decimal  `json:"limit_price,omitempty"`
	RefPrice   Decimal   `json:"reference_price"` // what the order was decided on: signal, else bar, else entry
	PointValue Decimal   `json:"point_value"`     // rupees a point a lot
	ExpiresAt  time.Time `json:"expires_at"`
	SignalID   SignalID  `json:"signal_id,omitempty"`
	IntentID   IntentID  `json:"intent_id,omitempty"` // exits
	Attempt    int       `json:"attempt,omitempty"`   // exits: 1 for the intent's first order
	Entry      *Entry    `json:"entry,omitempty"`     // entries
}

// Entry is the layer that an entry order reserves, with every value that its later life needs:
// the table of instruments may change, the position keeps its own.
type Entry struct {
	PositionID   PositionID        `json:"position_id"`
	Campaign     int               `json:"campaign"`
	Layer        int               `json:"layer"`
	NamedLayer   string            `json:"named_layer,omitempty"` // what the signal called it, where that differs
	SignalTime   time.Time         `json:"signal_time"`
	SignalPrice  Decimal           `json:"signal_price"`
	SignalStop   Decimal           `json:"signal_stop"`
	InitialStop  Decimal           `json:"initial_stop"`
	ATR          Decimal           `json:"atr"`
	MarginPerLot Decimal           `json:"margin_per_lot"` // rupees
	TrailingATR  Decimal           `json:"trailing_atr_multiple"`
	Sizing       Sizing            `json:"sizing"`
	Gates        []Gate            `json:"gates,omitempty"`
	Checks       map[string]string `json:"checks,omitempty"` // for example price: unchecked
}

// Gate is one gate's figure beside its limit, as it stood at the decision.
type Gate struct {
	Code  ReasonCode `json:"code"`
	Value Decimal    `json:"value"`
	Limit Decimal    `json:"limit"`
}

// OrderSendStarted is the write-ahead mark of a send and its fence: bytes leave only after it, and only before NotAfter.
type OrderSendStarted struct {
	OrderID  OrderID   `json:"order_id"`
	Attempt  int       `json:"attempt"`
	Epoch    uint64    `json:"epoch"`
	NotAfter time.Time `json:"not_after"`
}

// OrderAccepted binds the broker's id.
type OrderAccepted struct {
	OrderID  OrderID `json:"order_id"`
	BrokerID string  `json:"broker_id"`
	Found    string  `json:"found,omitempty"` // tag or fingerprint, where it was found in the book
}

// OrderRejected is a proved refusal: the broker does not have the order, or has ended it unfilled for a stated reason.
type OrderRejected struct {
	OrderID OrderID `json:"order_id"`
	Code    string  `json:"code"`
	Text    string  `json:"text"`
}

// OrderUnknown says that nobody knows whether the broker took the order. It is never sent again.
type OrderUnknown struct {
	OrderID OrderID `json:"order_id"`
	Cause   string  `json:"cause"`
}

// OrderNotAccepted says that the broker's book proved the order absent.
type OrderNotAccepted struct {
	OrderID  OrderID `json:"order_id"`
	Evidence string  `json:"evidence"`
}

// OrderFilled is one step of the cumulative fill, quantities in lots.
type OrderFilled struct {
	OrderID    OrderID    `json:"order_id"`
	LastQty    int        `json:"last_qty"`
	LastPx     Decimal    `json:"last_px"`
	CumQty     int        `json:"cum_qty"`
	LeavesQty  int        `json:"leaves_qty"`
	ExecID     string     `json:"exec_id"`
	Fee        Decimal    `json:"fee"` // rupees
	PositionID PositionID `json:"late_position_id,omitempty"`
}

// OrderCancelRequested asks the broker to end the order; repeated until an outcome is known.
type OrderCancelRequested struct {
	OrderID OrderID `json:"order_id"`
	Reason  string  `json:"reason"`
}

// OrderCanceled ends an order, asked for or not.
type OrderCanceled struct {
	OrderID OrderID `json:"order_id"`
	Reason  string  `json:"reason"`
}

// OrderExpired ends an order that was never sent.
type OrderExpired struct {
	OrderID OrderID `json:"order_id"`
	Reason  string  `json:"reason"`
}
