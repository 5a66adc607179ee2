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

// books is L2 and V8: by instrument, what was bought is what was sold and what is held; and no rupee appears or leaks: realized profit
// is the cash of all fills and the cost of what is held.
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
	case !oversold && !s.Capital.Realized.Equal(worth): // lots that nobody held have no cost
		return broken("V8", "realized profit is %s, the fills and the cost of what is held come to %s", s.Capital.Realized, worth)
	case s.Capital.HighWater.Cmp(s.Capital.Closed()) < 0:
		return broken("V8", "the high-water mark is %s, the closed equity %s", s.Capital.HighWater, s.Capital.Closed())
	}
	return nil
}
