package projections

import "pm/domain"

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
}

// Signals lists the signals that are kept, newest first.
func (h *History) Signals(f Filter, before *uint64, limit int) Page[Signal] {
	h.mu.RLock()
	defer h.mu.RUnlock()
	rows, next := h.signals.page(before, limit, func(s *Signal) bool {
		return matches(f.Status, s.Outcome) && matches(f.Instrument, s.Instrument) && matches(f.Type, s.Type) && (!f.Notable || s.notable())
	})
	return Page[Signal]{rows, next, h.head()}
}

// Signal finds a signal by id. An id that was refused and sent again stands in the log more than once: the accepted one is
// given, else the latest.
func (h *History) Signal(id string) (s Signal, head Head, found bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, n := range h.bySignal[id] {
		row := h.signals.at(n)
		if row == nil {
			continue
		}
		if !found || s.Outcome != domain.OutcomeAccepted || row.Outcome == domain.OutcomeAccepted {
			s, found = *row, true
		}
	}
	return s, h.head(), found
}

// Orders lists the orders that are kept, newest first: open ones, done ones, or both.
func (h *History) Orders(f Filter, before *uint64, limit int) Page[Order] {
	h.mu.RLock()
	defer h.mu.RUnlock()
	rows, next := h.orders.page(before, limit, func(o *Order) bool {
		done := o.Done()
		return matches(f.Instrument, o.Instrument) && !(f.Status == FilterOpen && done) && !(f.Status == FilterDone && !done)
	})
	return Page[Order]{rows, next, h.head()}
}

// Order finds an order by id.
func (h *History) Order(id string) (o Order, head Head, found bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if row := h.order(domain.OrderID(id)); row != nil {
		return *row, h.head(), true
	}
	return o, h.head(), false
}

// Closed lists the closed positions that are kept, the latest closed first.
func (h *History) Closed(f Filter, before *uint64, limit int) Page[Position] {
	h.mu.RLock()
	defer h.mu.RUnlock()
	rows, next := h.closed.page(before, limit, func(p *Position) bool { return matches(f.Instrument, p.Instrument) })
	return Page[Position]{rows, next, h.head()}
}

// Position finds a closed position by id.
func (h *History) Position(id string) (p Position, head Head, found bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if n, ok := h.byClosed[id]; ok {
		if row := h.closed.at(n); row != nil {
			return *row, h.head(), true
		}
	}
	return p, h.head(), false
}

// notable is everything but a bar that was taken and sold nothing.
func (s *Signal) notable() bool {
	return s.Type != string(domain.MarketData) || s.Decision == nil || s.Decision.Action == domain.ActionExit
}

func matches(want, have string) bool { return want == "" || want == have }
