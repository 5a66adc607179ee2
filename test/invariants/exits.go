package invariants

import (
	"errors"
	"slices"

	"pm/domain"
)

// standing is an exit intent as the events alone tell it.
type standing struct {
	lots      int              // still claimed
	binds     []domain.OrderID // entries whose fills it takes with it
	order     domain.OrderID   // its latest, "" before the first
	held      bool             // back, while halted
	withdrawn bool             // by a person
}

// exitAlarmFrom is the attempt from which a standing exit must have called a person.
const exitAlarmFrom = 3

// exits is L4: an exit intent keeps its lots until they are sold, ends flat or by a person's word, and one that keeps failing has called
// somebody. Take shows the event to life first, which knows the orders that are done.
func (t *Stream) exits(e domain.Event, after *domain.State) error {
	var found []error
	others := t.claim(e)
	for id, x := range t.intents {
		i := after.Intents[id]
		if i == nil && x.withdrawn && t.over(x.order) {
			delete(t.intents, id)
			continue
		}
		left := 0
		if i != nil {
			left = i.Lots()
		}
		if gone := x.lots - left; gone < 0 || gone > others {
			found = append(found, broken("L4", "%s leaves exit %s with %d lots, it had %d to sell", e.EventType(), id, left, x.lots))
		} else {
			others -= gone
		}
		if i == nil && !t.mayEnd(x, e) {
			found = append(found, broken("L4", "%s made exit %s disappear", e.EventType(), id))
		}
		if x.lots = left; i == nil {
			delete(t.intents, id)
		}
	}
	for id, i := range after.Intents {
		if t.intents[id] == nil {
			found = append(found, broken("L4", "%s made exit %s appear", e.EventType(), id))
		}
		if _, ending := e.(*domain.OrderInitialized); !ending && i.Attempts >= exitAlarmFrom && !t.alarmed[domain.AlarmExitRetries+"/"+string(id)] {
			found = append(found, broken("L4", "exit %s is at attempt %d and called nobody", id, i.Attempts))
		}
	}
	return errors.Join(found...)
}

// claim books what the event says of exits. It gives the lots of a fill that its own exit does not claim, as of one that comes late: those
// may have been claimed by other exits.
func (t *Stream) claim(e domain.Event) (others int) {
	switch e := e.(type) {
	case *domain.ExitRequested:
		x := &standing{binds: slices.Clone(e.Binds), held: e.HeldBack}
		for _, c := range e.Claims {
			x.lots += c.Lots
		}
		t.intents[e.IntentID] = x
	case *domain.ExitWithdrawn:
		if x := t.intents[e.IntentID]; x != nil {
			x.withdrawn, x.binds = true, nil
		}
	case *domain.OrderInitialized:
		if x := t.intents[e.IntentID]; x != nil {
			x.order = e.OrderID
		}
	case *domain.OrderFilled:
		return t.filled(e)
	}
	return 0
}

// filled takes an exit's fill from its claims, and adds the fill of an entry to the exit that is bound to it.
func (t *Stream) filled(e *domain.OrderFilled) (others int) {
	o := t.orders[e.OrderID]
	if o == nil {
		return 0 // life has said so
	}
	if o.Kind == domain.EntryOrder {
		for _, x := range t.intents {
			if e.PositionID == "" && slices.Contains(x.binds, e.OrderID) {
				x.lots += e.LastQty
			}
		}
		return 0
	}
	own := 0
	if x := t.intents[o.IntentID]; x != nil {
		own = min(x.lots, e.LastQty)
		x.lots -= own
	}
	return e.LastQty - own
}

// mayEnd says whether an exit has nothing left to do: its lots are sold and no order works for it or may still bring it any, or it was
// held back and the halt is over.
func (t *Stream) mayEnd(x *standing, e domain.Event) bool {
	if x.held {
		_, resumed := e.(*domain.TradingStateChanged)
		return resumed
	}
	return t.over(x.order) && !slices.ContainsFunc(x.binds, func(id domain.OrderID) bool { return !t.over(id) })
}

// over says whether no order of this id is in flight.
func (t *Stream) over(id domain.OrderID) bool {
	o := t.orders[id]
	return o == nil || o.state == domain.Done
}
