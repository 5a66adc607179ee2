package projections

import (
	"context"
	"time"

	"pm/domain"
)

// The outcomes of orders that a filter can name.
const (
	FilterOpen = "open"
	FilterDone = "done"
	FilterAll  = "all"
)

// A Filter narrows a list: the zero value wants everything.
type Filter struct {
	Status     string // signals: accepted, rejected; orders: open, done, all
	Instrument string
	Type       string // signals
	Notable    bool   // signals: leaves out bars that sold nothing, which would bury everything else
}

// A Page is rows, newest first, with where to go on.
type Page[T any] struct {
	Rows []T
	Next *uint64 // pass it as before for the rows that follow; nil if there are none
	Head Head    // what the rows were read at
	Err  error   // the index could not be read; there are no rows then
}

// reading bounds how long a list may take.
const reading = 5 * time.Second

// read writes what waits, so that whoever reads sees what was folded, and hands out the index. Nothing is folded meanwhile.
func (h *History) read(see func(context.Context) error) (Head, error) {
	ctx, cancel := context.WithTimeout(context.Background(), reading)
	defer cancel()
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.write(ctx); err != nil {
		return h.head(), err
	}
	return h.head(), see(ctx)
}

func page[T any](h *History, list func(ctx context.Context) ([]T, *uint64, error)) (p Page[T]) {
	p.Rows = []T{}
	p.Head, p.Err = h.read(func(ctx context.Context) error {
		rows, next, err := list(ctx)
		if err == nil && rows != nil {
			p.Rows, p.Next = rows, next
		}
		return err
	})
	return p
}

func one[T any](h *History, find func(context.Context, string) (*T, error), id string) (row *T, head Head, err error) {
	head, err = h.read(func(ctx context.Context) (err error) {
		row, err = find(ctx, id)
		return err
	})
	return row, head, err
}

// Signals lists signals, newest first.
func (h *History) Signals(f Filter, before *uint64, limit int) Page[Signal] {
	return page(h, func(ctx context.Context) ([]Signal, *uint64, error) { return h.index.Signals(ctx, f, before, limit) })
}

// Orders lists orders, newest first: open ones, done ones, or both.
func (h *History) Orders(f Filter, before *uint64, limit int) Page[Order] {
	return page(h, func(ctx context.Context) ([]Order, *uint64, error) { return h.index.Orders(ctx, f, before, limit) })
}

// Closed lists closed positions, the latest closed first.
func (h *History) Closed(f Filter, before *uint64, limit int) Page[Position] {
	return page(h, func(ctx context.Context) ([]Position, *uint64, error) { return h.index.Closed(ctx, f, before, limit) })
}

// Signal finds a signal by id, nil if there is none. An id that was refused and sent again stands in the log more than once: the
// accepted one is given, else the latest.
func (h *History) Signal(id string) (*Signal, Head, error) { return one(h, h.index.Signal, id) }

// Order finds an order by id, nil if there is none.
func (h *History) Order(id string) (*Order, Head, error) { return one(h, h.index.Order, id) }

// Position finds a closed position by id, nil if there is none.
func (h *History) Position(id string) (*Position, Head, error) { return one(h, h.index.Position, id) }

// Touched lists the revisions that are about an order, a position or an exit, rising, at most limit of them.
func (h *History) Touched(id string, limit int) (revisions []uint64, err error) {
	_, err = h.read(func(ctx context.Context) (err error) {
		revisions, err = h.index.Touched(ctx, id, limit)
		return err
	})
	return revisions, err
}

// Notable is everything but a bar that was taken and sold nothing.
func (s *Signal) Notable() bool {
	return s.Type != string(domain.MarketData) || s.Decision == nil || s.Decision.Action == domain.ActionExit
}

func matches(want, have string) bool { return want == "" || want == have }
