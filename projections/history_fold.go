package projections

import (
	"slices"
	"strings"

	"pm/domain"
)

// deciding is a signal whose decision is being read.
type deciding struct {
	n      uint64 // its row
	events []domain.Recorded
}

// fold takes an event that the state has just applied into the rows. The lock is held.
func (h *History) fold(r *domain.Recorded) {
	if !r.At.Equal(h.at) {
		clear(h.deciding) // the events of one decision share their log time
		h.at = r.At
	}
	if e, ok := r.Event.(*domain.SignalReceived); ok {
		h.foldSignal(r, e)
	} else if d := h.deciding[r.Corr]; d != nil {
		h.foldDecision(r, d)
	}
	h.foldOrder(r)
	for _, l := range h.state.Closed() {
		h.foldClosed(ClosedPositionOf(l))
	}
}

func (h *History) foldSignal(r *domain.Recorded, e *domain.SignalReceived) {
	n := h.signals.next
	row := signalOf(r, e)
	if left, full := h.signals.add(row); full {
		rest := slices.DeleteFunc(slices.Clone(h.bySignal[left.SignalID]), func(m uint64) bool { return m < h.signals.oldest() })
		if len(rest) == 0 {
			delete(h.bySignal, left.SignalID)
		} else {
			h.bySignal[left.SignalID] = rest
		}
	}
	h.bySignal[row.SignalID] = append(h.bySignal[row.SignalID], n)
	d := &deciding{n: n}
	h.deciding[r.Corr] = d
	h.foldDecision(r, d)
}

// foldDecision reads the outcome from what the decision has recorded so far, by the same function that the webhook answers from.
func (h *History) foldDecision(r *domain.Recorded, d *deciding) {
	row := h.signals.at(d.n)
	if row == nil || len(d.events) == MaxOutcomeRecords {
		return
	}
	d.events = append(d.events, *r)
	out := domain.OutcomeOf(d.events)
	if e, ok := r.Event.(*domain.SignalRejected); ok {
		row.First = copied(e.FirstRevision)
	}
	if out.Status == domain.OutcomeAccepted {
		decision := DecisionOf(out)
		row.Decision = &decision
		return
	}
	row.Reasons = ReasonsOf(out.Reasons)
}

// foldOrder brings the row of the order that an event is about up to date with the state.
func (h *History) foldOrder(r *domain.Recorded) {
	id, reason := orderEvent(r.Event)
	if id == "" {
		return
	}
	o := h.state.Orders[id]
	if o == nil {
		if o = h.state.Recent.Order(id); o == nil {
			return
		}
	}
	v := OrderOf(o)
	v.UpdatedAt = r.At
	row := h.order(id)
	if e, ok := r.Event.(*domain.OrderInitialized); ok {
		at, rev := r.At, r.Rev
		v.CreatedAt, v.Revision, v.PositionIDs = &at, &rev, h.claims(e.IntentID)
		h.byOrder[id] = h.orders.next
		if left, full := h.orders.add(v); full {
			delete(h.byOrder, domain.OrderID(left.OrderID))
		}
		return
	}
	if row == nil {
		return // older than what is kept
	}
	v.CreatedAt, v.Revision, v.PositionIDs, v.Reason = row.CreatedAt, row.Revision, row.PositionIDs, row.Reason
	if reason != "" {
		v.Reason = reason
	}
	*row = v
}

func (h *History) order(id domain.OrderID) *Order {
	n, ok := h.byOrder[id]
	if !ok {
		return nil
	}
	return h.orders.at(n)
}

func (h *History) claims(id domain.IntentID) []string {
	i := h.state.Intents[id]
	if i == nil {
		return nil
	}
	out := make([]string, len(i.Claims))
	for n, c := range i.Claims {
		out[n] = string(c.PositionID)
	}
	return out
}

// orderEvent gives the order that an event is about and the words that it adds, "" where there are none.
func orderEvent(event domain.Event) (id domain.OrderID, reason string) {
	switch e := event.(type) {
	case *domain.OrderInitialized:
		return e.OrderID, ""
	case *domain.OrderSendStarted:
		return e.OrderID, ""
	case *domain.OrderAccepted:
		return e.OrderID, ""
	case *domain.OrderRejected:
		return e.OrderID, strings.TrimSpace(e.Code + ": " + e.Text)
	case *domain.OrderUnknown:
		return e.OrderID, e.Cause
	case *domain.OrderNotAccepted:
		return e.OrderID, e.Evidence
	case *domain.OrderFilled:
		return e.OrderID, ""
	case *domain.OrderCancelRequested:
		return e.OrderID, e.Reason
	case *domain.OrderCanceled:
		return e.OrderID, e.Reason
	case *domain.OrderExpired:
		return e.OrderID, e.Reason
	}
	return "", ""
}

func (h *History) foldClosed(p Position) {
	h.byClosed[p.PositionID] = h.closed.next
	if left, full := h.closed.add(p); full {
		delete(h.byClosed, left.PositionID)
	}
}
