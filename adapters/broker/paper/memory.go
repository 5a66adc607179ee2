package paper

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"pm/domain/engine"
)

// Memory is the same broker without a file: its book ends with the process. For backtests and simulations. It is safe for
// concurrent use.
type Memory struct {
	opts   Options
	mu     sync.Mutex
	sends  int64
	orders []*order // order n at n-1
	open   []*order // those that have not ended, oldest first
	net    map[string]int
}

// NewMemory makes an empty book. The error names every option out of bounds.
func NewMemory(opts Options) (*Memory, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	return &Memory{opts: opts, net: map[string]int{}}, nil
}

// Name is "paper".
func (m *Memory) Name() string { return "paper" }

// Traits are those of Broker.
func (m *Memory) Traits() engine.Traits { return traits }

// Send takes the order; see Broker.Send.
func (m *Memory) Send(ctx context.Context, o engine.Order) engine.Answer {
	if no := refusal(o, m.opts); no != nil {
		return *no
	}
	if err := ctx.Err(); err != nil {
		return engine.Answer{Kind: engine.Refused, Code: CodeNotSent, Text: err.Error()}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sends++
	fault := m.opts.fault(m.sends, o)
	if !fault.taken() {
		return fault.answer("")
	}
	now := m.opts.now()
	placed := place(int64(len(m.orders))+1, o, now, m.opts, fault)
	m.hold(&placed, placed.advance(now))
	m.orders = append(m.orders, &placed)
	if placed.Status == engine.BookOpen {
		m.open = append(m.open, &placed)
	}
	return fault.answer(placed.BrokerID)
}

// Cancel ends an order that has not ended; see Broker.Cancel.
func (m *Memory) Cancel(ctx context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, err := m.find(ctx, id)
	if err != nil {
		return fmt.Errorf("cancel %q: %w", id, err)
	}
	if o.Status == engine.BookOpen {
		m.hold(o, o.advance(m.opts.now()))
		o.cancel()
	}
	return nil
}

// Order reads one order as it stands now. Error: ErrNoOrder.
func (m *Memory) Order(ctx context.Context, id string) (engine.BookOrder, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.settle(m.opts.now())
	o, err := m.find(ctx, id)
	if err != nil {
		return engine.BookOrder{}, fmt.Errorf("order %q: %w", id, err)
	}
	return o.shown(), nil
}

// Book reads what Broker.Book reads.
func (m *Memory) Book(ctx context.Context) (engine.Book, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return engine.Book{}, err
	}
	now := m.opts.now()
	m.settle(now)
	book := engine.Book{ReadAt: now, Net: maps.Clone(m.net)}
	from := max(0, len(m.orders)-BookOrders)
	for _, o := range m.open {
		if o.n <= int64(from) {
			book.Orders = append(book.Orders, o.shown())
		}
	}
	for _, o := range m.orders[from:] {
		book.Orders = append(book.Orders, o.shown())
	}
	return book, nil
}

// AllOrders reads the whole history, oldest first.
func (m *Memory) AllOrders(ctx context.Context) ([]engine.BookOrder, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.settle(m.opts.now())
	out := make([]engine.BookOrder, len(m.orders))
	for i, o := range m.orders {
		out[i] = o.shown()
	}
	return out, nil
}

// find looks an order up.
func (m *Memory) find(ctx context.Context, id string) (*order, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n, err := orderNumber(id)
	if err != nil || n > int64(len(m.orders)) {
		return nil, ErrNoOrder
	}
	return m.orders[n-1], nil
}

// settle lets everything happen that is due and drops what has ended from the list of open orders.
func (m *Memory) settle(now time.Time) {
	m.open = slices.DeleteFunc(m.open, func(o *order) bool {
		m.hold(o, o.advance(now))
		return o.Status != engine.BookOpen
	})
}

// hold books fills into the units held.
func (m *Memory) hold(o *order, fills []engine.BookFill) {
	for _, f := range fills {
		m.net[o.Contract] += o.signed(f.Quantity)
	}
	if len(fills) > 0 && m.net[o.Contract] == 0 {
		delete(m.net, o.Contract)
	}
}

// shown is the order as a caller may keep it: nothing that it or the book does later reaches the other.
func (o *order) shown() engine.BookOrder {
	out := o.BookOrder
	out.Fills, out.LimitPrice = slices.Clone(o.Fills), clone(o.LimitPrice)
	return out
}
