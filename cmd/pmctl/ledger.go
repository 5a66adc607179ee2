package main

import "pm/domain"

// ledger counts filled orders and closed layers and knows what was paid to enter, which a layer's own fees do not tell apart.
type ledger struct {
	orders    orderCounts
	closed    int
	realized  domain.Decimal                       // of closed layers, fees taken off
	kinds     map[domain.OrderID]*int              // where an order counts when it first fills; nil: it has
	entries   map[domain.OrderID]domain.PositionID // entry orders
	entryFees map[domain.PositionID]domain.Decimal // of layers that are open
}

func newLedger() *ledger {
	return &ledger{kinds: map[domain.OrderID]*int{}, entries: map[domain.OrderID]domain.PositionID{}, entryFees: map[domain.PositionID]domain.Decimal{}}
}

// take counts one event; closed are the layers that it closed.
func (l *ledger) take(e domain.Event, closed []*domain.Layer) {
	switch e := e.(type) {
	case *domain.OrderInitialized:
		switch {
		case e.Entry == nil:
			l.kinds[e.OrderID] = &l.orders.Exit
		case e.Entry.Layer == 1:
			l.kinds[e.OrderID] = &l.orders.Base
		default:
			l.kinds[e.OrderID] = &l.orders.Pyramid
		}
		if e.Entry != nil {
			l.entries[e.OrderID] = e.Entry.PositionID
		}
	case *domain.OrderFilled:
		if n := l.kinds[e.OrderID]; n != nil {
			*n++
			l.kinds[e.OrderID] = nil
		}
		l.pay(e)
	}
	for _, layer := range closed {
		l.closed++
		l.realized = l.realized.Add(layer.Realized).Sub(layer.Fees)
		delete(l.entryFees, layer.PositionID)
	}
}

func (l *ledger) pay(e *domain.OrderFilled) {
	id, entry := l.entries[e.OrderID]
	if !entry {
		return
	}
	if e.PositionID != "" { // a late fill is a position of its own
		id = e.PositionID
	}
	l.entryFees[id] = l.entryFees[id].Add(e.Fee)
}

// net is the P&L of closed lots with both sides' fees: closed layers whole, of open ones what was sold.
func (l *ledger) net(s *domain.State) domain.Decimal {
	sum := l.realized
	for _, layer := range s.Layers() {
		if layer.Sold > 0 {
			sum = sum.Add(l.soldPart(layer))
		}
	}
	return sum
}

// soldPart is the P&L of the lots that a layer has sold: the exits' own fees and, of the entry's, the share of those lots.
func (l *ledger) soldPart(layer *domain.Layer) domain.Decimal {
	entry := l.entryFees[layer.PositionID]
	exits := layer.Fees.Sub(entry)
	share, err := entry.Mul(domain.Int(layer.Sold)).Div(domain.Int(layer.Bought))
	if err != nil {
		share = entry // nothing was bought, so nothing was sold: Apply lets no such layer be
	}
	return layer.Realized.Sub(exits).Sub(share.RoundBank(domain.QuotientDigits))
}
