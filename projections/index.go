package projections

import (
	"context"

	"pm/eventstore"
)

// IndexVersion is the version of the fold that makes the rows of an Index. It rises whenever a row would come out differently, so
// that an index of an older build is made anew.
const IndexVersion = 2 // 2: the tags of orders

// Index is the port to whatever keeps the rows of the past. indextest holds the promises that every index keeps. An index decides
// nothing and can be thrown away at any time: a History makes it again from the log.
type Index interface {
	// Head says what the rows were made from; the zero value for an index without rows.
	Head(ctx context.Context) (IndexHead, error)
	// Write puts rows in, over older ones of the same number, and notes the head: all of it or nothing.
	Write(ctx context.Context, rows Rows, head IndexHead) error
	// Clear takes every row out, and the head.
	Clear(ctx context.Context) error
	// Signals, Orders and Closed list rows numbered below before (nil: all), highest number first, at most limit of them. next is
	// the number of the last row if more follow, else nil.
	Signals(ctx context.Context, f Filter, before *uint64, limit int) (rows []Signal, next *uint64, err error)
	Orders(ctx context.Context, f Filter, before *uint64, limit int) (rows []Order, next *uint64, err error)
	Closed(ctx context.Context, f Filter, before *uint64, limit int) (rows []Position, next *uint64, err error)
	// Signal finds the accepted row of an id, else its latest; Order and Position find the one row of theirs. nil: there is none.
	Signal(ctx context.Context, id string) (*Signal, error)
	Order(ctx context.Context, id string) (*Order, error)
	Position(ctx context.Context, id string) (*Position, error)
	// Touched lists the revisions that are about an order, a position or an exit, rising, at most limit of them.
	Touched(ctx context.Context, id string, limit int) ([]uint64, error)
	// Close ends its use.
	Close() error
}

// IndexHead is what the rows of an index were made from.
type IndexHead struct {
	Portfolio string
	Version   int             // of the fold
	Head      eventstore.Head // of the log
}

// Rows are what a stretch of the log added and changed. A row's number is that of its kind in the order of the log, from 0; of an
// order its N.
type Rows struct {
	Signals []Numbered[Signal]
	Orders  []Numbered[Order]
	Closed  []Numbered[Position]
	Touches []Touch
}

// Numbered is a row under its number.
type Numbered[T any] struct {
	N   uint64
	Row T
}

// Touch says that the event at a revision is about an order, a position or an exit; by the tag of an order its first event is found.
type Touch struct {
	ID       string
	Revision uint64
}

// Wants says whether a signal passes the filter.
func (f Filter) Wants(s *Signal) bool {
	return matches(f.Status, s.Outcome) && matches(f.Instrument, s.Instrument) && matches(f.Type, s.Type) && (!f.Notable || s.Notable())
}

// WantsOrder says whether an order passes the filter.
func (f Filter) WantsOrder(o *Order) bool {
	done := o.Done()
	return matches(f.Instrument, o.Instrument) && !(f.Status == FilterOpen && done) && !(f.Status == FilterDone && !done)
}
