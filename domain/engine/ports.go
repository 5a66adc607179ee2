package engine

import (
	"context"
	"time"

	"pm/domain"
)

// Broker is the port to whoever executes orders. brokertest holds the promises that every adapter keeps.
// Quantities at this port are units, as exchanges count; the engine turns them into lots.
type Broker interface {
	// Name is stamped on every order: "paper", "openalgo".
	Name() string
	// Traits says what the engine may rely on when an outcome is unknown.
	Traits() Traits
	// Send makes one attempt and never repeats by itself. Whatever is not proved is Unknown.
	Send(ctx context.Context, o Order) Answer
	// Cancel asks for the end of an order. A nil error says that the request was taken, not that the order ended;
	// asking for an order that has ended is no error.
	Cancel(ctx context.Context, brokerID string) error
	// Order reads one order by the broker's id.
	Order(ctx context.Context, brokerID string) (BookOrder, error)
	// Book reads everything of the trading day, complete or an error.
	Book(ctx context.Context) (Book, error)
}

// Traits of a broker.
type Traits struct {
	Tags    bool          // the book shows our tag, so one complete book proves presence or absence
	Settle  time.Duration // H: how long after the send window an order may still appear in the book
	Poll    time.Duration // how often a working order is read
	Sandbox bool          // no real money moves
}

// Order is what a broker is asked to do.
type Order struct {
	Tag        string
	Exchange   string
	Contract   string
	Side       string // BUY, SELL
	Type       string // LIMIT, MARKET
	Product    string
	Quantity   int             // units
	LotSize    int             // units a lot
	LimitPrice *domain.Decimal // LIMIT only
	RefPrice   domain.Decimal  // what the decision saw; only a paper broker fills at it
	PointValue domain.Decimal  // rupees a point a lot; only a paper broker computes fees from it
}

// AnswerKind says what a send proved.
type AnswerKind int

// The kinds of answer. The zero value is the safe one.
const (
	Unknown  AnswerKind = iota // nobody knows whether the broker took it
	Accepted                   // the broker has it, under BrokerID
	Refused                    // proved: the broker does not have it
)

// Answer is the outcome of one send.
type Answer struct {
	Kind     AnswerKind
	BrokerID string // Accepted
	Code     string // Refused: the broker's code; Unknown: timeout, reset, ...
	Text     string
}

// BookStatus is the state of an order in the broker's book.
type BookStatus string

// The states of an order in a book. Fills are read from Fills, never from the status.
const (
	BookOpen     BookStatus = "open"
	BookComplete BookStatus = "complete"
	BookCanceled BookStatus = "canceled"
	BookRejected BookStatus = "rejected"
)

// BookOrder is one order of the broker's book.
type BookOrder struct {
	BrokerID   string
	Tag        string // "" where the broker carries none
	Exchange   string
	Contract   string
	Side       string
	Type       string
	Product    string
	Quantity   int // units
	LimitPrice *domain.Decimal
	Status     BookStatus
	Text       string // why it was rejected or cancelled
	Fills      []BookFill
	PlacedAt   time.Time
}

// Filled is how many units have been filled.
func (o BookOrder) Filled() int {
	n := 0
	for _, f := range o.Fills {
		n += f.Quantity
	}
	return n
}

// BookFill is one trade.
type BookFill struct {
	ExecID   string
	Quantity int // units
	Price    domain.Decimal
	Fee      domain.Decimal // rupees
	At       time.Time
}

// Book is a complete reading of the broker's orders, trades and net positions.
type Book struct {
	ReadAt time.Time
	Orders []BookOrder
	Net    map[string]int // units held by contract
}
