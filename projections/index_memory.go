package projections

import (
	"context"
	"maps"
	"slices"
	"sync"

	"pm/domain"
)

// MaxTouches bounds the revisions that an index in memory keeps by subject, the newest ones.
const MaxTouches = 100_000

// MemoryIndex keeps the newest rows of each kind in memory: MaxSignals, MaxOrders, MaxClosed. For tests, and for programs that read
// a log once.
type MemoryIndex struct {
	mu       sync.Mutex
	head     IndexHead
	signals  ring[Signal]
	orders   ring[Order]
	closed   ring[Position]
	touches  ring[Touch]
	bySignal map[string][]uint64
	byOrder  map[string]uint64
	byClosed map[string]uint64
	touched  map[string][]uint64
}

// NewMemoryIndex is empty.
func NewMemoryIndex() *MemoryIndex { return newMemoryIndex(MaxSignals, MaxOrders, MaxClosed) }

func newMemoryIndex(signals, orders, closed int) *MemoryIndex {
	x := &MemoryIndex{
		signals: ring[Signal]{limit: signals}, orders: ring[Order]{limit: orders}, closed: ring[Position]{limit: closed},
		touches: ring[Touch]{limit: MaxTouches},
	}
	x.empty()
	return x
}

func (x *MemoryIndex) empty() {
	x.head = IndexHead{}
	x.signals, x.orders = ring[Signal]{limit: x.signals.limit}, ring[Order]{limit: x.orders.limit}
	x.closed, x.touches = ring[Position]{limit: x.closed.limit}, ring[Touch]{limit: x.touches.limit}
	x.bySignal, x.byOrder, x.byClosed, x.touched = map[string][]uint64{}, map[string]uint64{}, map[string]uint64{}, map[string][]uint64{}
}

// Head says what the rows were made from.
func (x *MemoryIndex) Head(context.Context) (IndexHead, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.head, nil
}

// Clear takes every row out.
func (x *MemoryIndex) Clear(context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.empty()
	return nil
}

// Close does nothing.
func (x *MemoryIndex) Close() error { return nil }

// Write puts rows in.
func (x *MemoryIndex) Write(_ context.Context, rows Rows, head IndexHead) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range rows.Signals {
		put(&x.signals, r, func(s *Signal) { x.bySignal[s.SignalID] = append(x.bySignal[s.SignalID], r.N) }, func(s *Signal) {
			rest := slices.DeleteFunc(slices.Clone(x.bySignal[s.SignalID]), func(n uint64) bool { return n < x.signals.oldest() })
			if x.bySignal[s.SignalID] = rest; len(rest) == 0 {
				delete(x.bySignal, s.SignalID)
			}
		})
	}
	for _, r := range rows.Orders {
		put(&x.orders, r, func(o *Order) { x.byOrder[o.OrderID] = r.N }, func(o *Order) { delete(x.byOrder, o.OrderID) })
	}
	for _, r := range rows.Closed {
		put(&x.closed, r, func(p *Position) { x.byClosed[p.PositionID] = r.N }, func(p *Position) { delete(x.byClosed, p.PositionID) })
	}
	for _, t := range rows.Touches {
		x.touch(t)
	}
	x.head = head
	return nil
}

// put writes a row over the one with its number, or behind the last one. A number whose row has left is passed over.
func put[T any](r *ring[T], row Numbered[T], arrives, leaves func(*T)) {
	if row.N != r.next {
		if have := r.at(row.N); have != nil {
			*have = row.Row
		}
		return
	}
	left, full := r.add(row.Row)
	arrives(&row.Row)
	if full {
		leaves(&left)
	}
}

func (x *MemoryIndex) touch(t Touch) {
	if have := x.touched[t.ID]; len(have) > 0 && have[len(have)-1] >= t.Revision {
		return
	}
	x.touched[t.ID] = append(x.touched[t.ID], t.Revision)
	if left, full := x.touches.add(t); full {
		if x.touched[left.ID] = x.touched[left.ID][1:]; len(x.touched[left.ID]) == 0 {
			delete(x.touched, left.ID)
		}
	}
}

// Signals lists signals, newest first.
func (x *MemoryIndex) Signals(_ context.Context, f Filter, before *uint64, limit int) ([]Signal, *uint64, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	rows, next := x.signals.page(before, limit, f.Wants)
	return rows, next, nil
}

// Orders lists orders, newest first.
func (x *MemoryIndex) Orders(_ context.Context, f Filter, before *uint64, limit int) ([]Order, *uint64, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	rows, next := x.orders.page(before, limit, f.WantsOrder)
	return rows, next, nil
}

// Closed lists closed positions, the latest closed first.
func (x *MemoryIndex) Closed(_ context.Context, f Filter, before *uint64, limit int) ([]Position, *uint64, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	rows, next := x.closed.page(before, limit, func(p *Position) bool { return matches(f.Instrument, p.Instrument) })
	return rows, next, nil
}

// Signal finds the accepted row of an id, else its latest.
func (x *MemoryIndex) Signal(_ context.Context, id string) (found *Signal, _ error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, n := range x.bySignal[id] {
		row := x.signals.at(n)
		if row != nil && (found == nil || found.Outcome != domain.OutcomeAccepted || row.Outcome == domain.OutcomeAccepted) {
			found = copied(row)
		}
	}
	return found, nil
}

// Order finds an order.
func (x *MemoryIndex) Order(_ context.Context, id string) (*Order, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	n, ok := x.byOrder[id]
	if !ok {
		return nil, nil
	}
	return copied(x.orders.at(n)), nil
}

// Position finds a closed position.
func (x *MemoryIndex) Position(_ context.Context, id string) (*Position, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	n, ok := x.byClosed[id]
	if !ok {
		return nil, nil
	}
	return copied(x.closed.at(n)), nil
}

// Touched lists the revisions about a subject.
func (x *MemoryIndex) Touched(_ context.Context, id string, limit int) ([]uint64, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	all := x.touched[id]
	return slices.Clone(all[:min(limit, len(all))]), nil
}

// batch gathers rows until they are written; a row that changes again before that is written once.
type batch struct {
	signals map[uint64]Signal
	orders  map[uint64]Order
	closed  map[uint64]Position
	touches []Touch
}

func newBatch() *batch {
	return &batch{signals: map[uint64]Signal{}, orders: map[uint64]Order{}, closed: map[uint64]Position{}}
}

func (b *batch) size() int { return len(b.signals) + len(b.orders) + len(b.closed) + len(b.touches) }

func (b *batch) rows() Rows {
	return Rows{Signals: numbered(b.signals), Orders: numbered(b.orders), Closed: numbered(b.closed), Touches: b.touches}
}

func numbered[T any](rows map[uint64]T) []Numbered[T] {
	out := make([]Numbered[T], 0, len(rows))
	for _, n := range slices.Sorted(maps.Keys(rows)) {
		out = append(out, Numbered[T]{n, rows[n]})
	}
	return out
}
