package invariants

import (
	"slices"

	"pm/domain"
)

// orderLife is an order as the events alone tell it.
type orderLife struct {
	domain.OrderInitialized
	state  domain.OrderState
	cancel bool // its end was asked for
	cum    int
}

// allowed is the table of an order's life: which states an event may meet, and where it leads. "" leaves the state as it is.
var allowed = map[string]struct {
	from []domain.OrderState
	to   domain.OrderState
}{
	"OrderSendStarted":     {from: []domain.OrderState{domain.Initialized}, to: domain.Sending},
	"OrderAccepted":        {from: []domain.OrderState{domain.Sending, domain.UnknownSent}, to: domain.Working},
	"OrderUnknown":         {from: []domain.OrderState{domain.Sending}, to: domain.UnknownSent},
	"OrderCancelRequested": {from: []domain.OrderState{domain.Sending, domain.UnknownSent, domain.Working}},
	"OrderExpired":         {from: []domain.OrderState{domain.Initialized}, to: domain.Done},
	"OrderCanceled":        {from: []domain.OrderState{domain.Initialized, domain.UnknownSent, domain.Working, domain.Canceling}, to: domain.Done},
	"OrderRejected":        {from: []domain.OrderState{domain.Sending, domain.UnknownSent, domain.Working, domain.Canceling}, to: domain.Done},
	"OrderNotAccepted":     {from: []domain.OrderState{domain.UnknownSent}, to: domain.Done},
	"OrderFilled":          {from: []domain.OrderState{domain.Working, domain.Canceling, domain.Done}},
}

// life is L5 and L6: an order moves only by an event of the table, and no entry goes while its symbol has an unknown.
func (t *Stream) life(r domain.Recorded) error {
	if o, ok := r.Event.(*domain.OrderInitialized); ok {
		if t.orders[o.OrderID] != nil {
			return broken("L5", "order %s is initialized twice", o.OrderID)
		}
		t.orders[o.OrderID] = &orderLife{OrderInitialized: *o, state: domain.Initialized}
		return t.clear(t.orders[o.OrderID], r)
	}
	rule, ok := allowed[r.Type]
	if !ok {
		return nil
	}
	id := orderOf(r.Event)
	o := t.orders[id]
	if o == nil || !slices.Contains(rule.from, o.state) {
		return broken("L5", "revision %d: %s meets order %s, which is %s", r.Rev, r.Type, id, o.where())
	}
	switch e := r.Event.(type) {
	case *domain.OrderSendStarted:
		o.state = rule.to
		if e.Epoch != r.Epoch {
			return broken("V9", "revision %d: a send of epoch %d in epoch %d", r.Rev, e.Epoch, r.Epoch)
		}
		return t.clear(o, r)
	case *domain.OrderCancelRequested:
		o.cancel = true
		if o.state == domain.Working {
			o.state = domain.Canceling
		}
	case *domain.OrderFilled:
		return o.fill(r, e)
	default:
		o.state = rule.to
		delete(t.unknown, id)
		if o.state == domain.UnknownSent {
			t.unknown[id] = true
		}
		if o.state == domain.Working && o.cancel {
			o.state = domain.Canceling
		}
	}
	return nil
}

func (o *orderLife) where() string {
	if o == nil {
		return "not known"
	}
	return string(o.state)
}

// fill books cumulative lots: they rise, never above the order.
func (o *orderLife) fill(r domain.Recorded, e *domain.OrderFilled) error {
	was := o.cum
	o.cum = e.CumQty
	if e.LastQty <= 0 || e.CumQty != was+e.LastQty || e.CumQty+e.LeavesQty != o.Lots || e.LeavesQty < 0 {
		return broken("L2", "revision %d: order %s of %d lots had %d filled and fills %d to %d", r.Rev, o.OrderID, o.Lots, was, e.LastQty, e.CumQty)
	}
	if e.LeavesQty == 0 {
		o.state = domain.Done
	}
	return nil
}

// clear says whether an entry may go: its symbol has no order of unknown outcome.
func (t *Stream) clear(o *orderLife, r domain.Recorded) error {
	if o.Kind != domain.EntryOrder {
		return nil
	}
	for id := range t.unknown {
		if t.orders[id].Instrument == o.Instrument {
			return broken("L6", "revision %d: %s for an entry of %s while order %s is unknown", r.Rev, r.Type, o.Instrument, id)
		}
	}
	return nil
}

func orderOf(e domain.Event) domain.OrderID {
	switch e := e.(type) {
	case *domain.OrderSendStarted:
		return e.OrderID
	case *domain.OrderAccepted:
		return e.OrderID
	case *domain.OrderUnknown:
		return e.OrderID
	case *domain.OrderCancelRequested:
		return e.OrderID
	case *domain.OrderExpired:
		return e.OrderID
	case *domain.OrderCanceled:
		return e.OrderID
	case *domain.OrderRejected:
		return e.OrderID
	case *domain.OrderNotAccepted:
		return e.OrderID
	case *domain.OrderFilled:
		return e.OrderID
	}
	return ""
}
