package projections

import (
	"context"
	"fmt"
	"strings"

	"pm/domain"
)

// deciding is a signal whose decision is being read.
type deciding struct {
	n      uint64 // its row
	row    Signal
	events []domain.Recorded
}

// fold takes an event that the state has just applied into the rows. The lock is held.
func (h *History) fold(r *domain.Recorded) error {
	if !r.At.Equal(h.at) {
		clear(h.deciding) // the events of one decision share their log time
		h.at = r.At
	}
	if e, ok := r.Event.(*domain.SignalReceived); ok {
		h.foldSignal(r, e)
	} else if d := h.deciding[r.Corr]; d != nil {
		h.foldDecision(r, d)
	}
	if err := h.foldOrder(r); err != nil {
		return err
	}
	h.foldPosition(r)
	for _, l := range h.state.Closed() {
		if h.fresh(r) {
			h.wait.closed[h.closed] = ClosedPositionOf(l)
		}
		h.closed++
	}
	return nil
}

// fresh says whether the index has not seen the event yet.
func (h *History) fresh(r *domain.Recorded) bool { return r.Rev >= h.indexed.Head.Next }

// touch notes that an event is about something.
func (h *History) touch(r *domain.Recorded, ids ...string) {
	if !h.fresh(r) {
		return
	}
	for _, id := range ids {
		if id != "" {
			h.wait.touches = append(h.wait.touches, Touch{id, r.Rev})
		}
	}
}

func (h *History) foldSignal(r *domain.Recorded, e *domain.SignalReceived) {
	d := &deciding{n: h.signals, row: signalOf(r, e)}
	h.signals++
	h.deciding[r.Corr] = d
	h.foldDecision(r, d)
}

// foldDecision reads the outcome from what the decision has recorded so far, by the same function that the webhook answers from.
func (h *History) foldDecision(r *domain.Recorded, d *deciding) {
	if len(d.events) == MaxOutcomeRecords {
		return
	}
	d.events = append(d.events, *r)
	out := domain.OutcomeOf(d.events)
	if e, ok := r.Event.(*domain.SignalRejected); ok {
		d.row.First = copied(e.FirstRevision)
	}
	if out.Status == domain.OutcomeAccepted {
		decision := DecisionOf(out)
		d.row.Decision = &decision
	} else {
		d.row.Reasons = ReasonsOf(out.Reasons)
	}
	if h.fresh(r) {
		h.wait.signals[d.n] = d.row
	}
}

// foldOrder brings the row of the order that an event is about up to date with the state.
func (h *History) foldOrder(r *domain.Recorded) error {
	id, reason := orderEvent(r.Event)
	if id == "" {
		return nil
	}
	o := h.state.Known(id)
	if o == nil {
		return nil
	}
	v := OrderOf(o)
	v.UpdatedAt = r.At
	if e, ok := r.Event.(*domain.OrderInitialized); ok {
		at, rev := r.At, r.Rev
		v.CreatedAt, v.Revision, v.PositionIDs = &at, &rev, h.claims(e.IntentID)
		h.touch(r, e.Tag) // people know an order by it
	} else {
		row, err := h.order(r, id)
		if err != nil || row == nil {
			return err // or older than what is kept
		}
		v.CreatedAt, v.Revision, v.PositionIDs, v.Reason = row.CreatedAt, row.Revision, row.PositionIDs, row.Reason
		if reason != "" {
			v.Reason = reason
		}
	}
	if h.live[id] = &v; v.Done() {
		delete(h.live, id)
	}
	h.touch(r, string(id), v.PositionID, v.IntentID)
	h.touch(r, v.PositionIDs...)
	if h.fresh(r) {
		h.wait.orders[v.N] = v
	}
	return nil
}

// order gives the row of an order as it was before an event. One that had ended is in the index: a late fill is rare.
func (h *History) order(r *domain.Recorded, id domain.OrderID) (*Order, error) {
	if row := h.live[id]; row != nil || !h.fresh(r) {
		return row, nil
	}
	if o := h.state.Known(id); o != nil {
		if row, waits := h.wait.orders[o.N]; waits {
			return &row, nil
		}
	}
	row, err := h.index.Order(context.Background(), string(id))
	if err != nil {
		return nil, fmt.Errorf("read an order that has changed after its end: %w", err)
	}
	return row, nil
}

// foldPosition notes what else an event says about positions and exits.
func (h *History) foldPosition(r *domain.Recorded) {
	switch e := r.Event.(type) {
	case *domain.StopMoved:
		h.touch(r, string(e.PositionID))
	case *domain.ExitRequested:
		h.touch(r, string(e.IntentID))
		for _, c := range e.Claims {
			h.touch(r, string(c.PositionID))
		}
	case *domain.ExitWithdrawn:
		h.touch(r, string(e.IntentID))
	case *domain.OrderFilled:
		h.touch(r, string(e.PositionID)) // of a late fill
	}
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
