package invariants

import "pm/domain"

// money keeps books of its own: what the fills cost and brought, what was paid in, what the fees were.
func (t *Stream) money(r domain.Recorded) error {
	switch e := r.Event.(type) {
	case *domain.PortfolioOpened:
		t.flows = e.InitialCapital
	case *domain.CapitalDeposited:
		t.flows = t.flows.Add(e.Amount)
	case *domain.CapitalWithdrawn:
		t.flows = t.flows.Sub(e.Amount)
	case *domain.OrderInitialized:
		t.value(e)
	case *domain.OrderFilled:
		o := t.orders[e.OrderID]
		if o == nil {
			return nil // life has said so
		}
		value := e.LastPx.Mul(domain.Int(e.LastQty)).Mul(o.PointValue)
		t.fees = t.fees.Add(e.Fee)
		if o.Kind == domain.ExitOrder {
			t.cash = t.cash.Add(value)
			t.sold[o.Instrument] += e.LastQty
			return nil
		}
		t.cash = t.cash.Sub(value)
		t.bought[o.Instrument] += e.LastQty
	}
	return nil
}

// value notes an entry that brings lots of another point value beside those that are held: a fill of an order that sells both cannot be
// counted from the order alone, so that the cash of the fills no longer says what was realized.
func (t *Stream) value(e *domain.OrderInitialized) {
	if e.Entry == nil {
		return
	}
	was, known := t.values[e.Instrument]
	if known && !was.Equal(e.PointValue) && t.bought[e.Instrument] != t.sold[e.Instrument] {
		t.mixed = true
	}
	t.values[e.Instrument] = e.PointValue
}

// books is L2 and V8: by instrument, what was bought is what was sold and what is held; and no rupee appears or leaks: realized profit
// is the cash of all fills and the cost of what is held (unless lots were oversold, or of two point values at once).
func (t *Stream) books(s *domain.State) error {
	held := map[string]int{}
	worth, oversold := t.cash, false
	for _, l := range s.Layers() {
		held[l.Instrument] += l.Lots
		worth = worth.Add(l.Cost.Mul(l.PointValue))
	}
	for name, m := range s.Markets {
		oversold = oversold || m.Oversold > 0
		if t.bought[name]-t.sold[name] != held[name]-m.Oversold {
			return broken("L2", "%s: bought %d lots, sold %d, holds %d, oversold %d", name, t.bought[name], t.sold[name], held[name], m.Oversold)
		}
	}
	switch {
	case !s.Capital.Flows.Equal(t.flows):
		return broken("V8", "capital paid in is %s, the flows come to %s", s.Capital.Flows, t.flows)
	case !s.Capital.Fees.Equal(t.fees):
		return broken("V8", "fees are %s, those of the fills come to %s", s.Capital.Fees, t.fees)
	case !oversold && !t.mixed && !s.Capital.Realized.Equal(worth): // lots that nobody held have no cost
		return broken("V8", "realized profit is %s, the fills and the cost of what is held come to %s", s.Capital.Realized, worth)
	case s.Capital.HighWater.Cmp(s.Capital.Closed()) < 0:
		return broken("V8", "the high-water mark is %s, the closed equity %s", s.Capital.HighWater, s.Capital.Closed())
	}
	return nil
}
