package domain

import "fmt"

// Sendable says whether the order may get its send-started mark now: it is fresh, the trading state lets it go, and no order of unknown
// outcome stands in an entry's symbol.
func (s *State) Sendable(o *Order, c BeginSend) bool {
	if o == nil || o.State != Initialized || !c.Now.Before(o.ExpiresAt) {
		return false
	}
	if o.Kind == ExitOrder {
		i := s.Intents[o.IntentID]
		return i != nil && !i.Withdrawn && (s.Trading.Mode != Halted || i.Cause.ByPerson())
	}
	if s.Trading.Mode != Active {
		return false
	}
	for _, other := range s.Orders {
		if other.Instrument == o.Instrument && other.State == UnknownSent {
			return false
		}
	}
	return true
}

func decideBeginSend(s *State, c BeginSend) (Decision, error) {
	var d Decision
	o := s.Orders[c.OrderID]
	if !s.Sendable(o, c) {
		return d, fmt.Errorf("%w: %s is %s", ErrNotDue, c.OrderID, stateOf(o))
	}
	d.on(o.Corr, o.Last, &OrderSendStarted{OrderID: o.OrderID, Attempt: 1, Epoch: s.Epoch, NotAfter: c.Now.Add(s.settings.Orders.SendWindow)})
	return d, nil
}

// decideSent takes what a send proved. Unknown is the default arm.
func decideSent(s *State, c ReportSent) (Decision, error) {
	var d Decision
	o := s.Orders[c.OrderID]
	if o == nil || o.State != Sending {
		return d, nil // the book has answered already
	}
	switch {
	case c.Accepted && c.BrokerID != "":
		d.on(o.Corr, o.Last, &OrderAccepted{OrderID: o.OrderID, BrokerID: c.BrokerID})
	case c.Refused:
		d.on(o.Corr, o.Last, &OrderRejected{OrderID: o.OrderID, Code: c.Code, Text: bounded(c.Text)})
	default:
		d.on(o.Corr, o.Last, &OrderUnknown{OrderID: o.OrderID, Cause: bounded(c.Code + " " + c.Text)})
	}
	return d, nil
}

// MaxBrokerText bounds what is kept of a broker's words, in bytes.
const MaxBrokerText = 500

func bounded(text string) string {
	if len(text) <= MaxBrokerText {
		return text
	}
	cut := MaxBrokerText
	for cut > 0 && text[cut]&0xC0 == 0x80 { // not inside a character
		cut--
	}
	return text[:cut]
}

// decideReport takes what the book says of an order: fills first, then its end, in one append.
func decideReport(s *State, c ReportOrder) (Decision, error) {
	r := &report{s: s, c: c, o: s.Orders[c.OrderID]}
	if r.o == nil {
		if r.o, r.late = s.Recent.orders[c.OrderID], true; r.o == nil {
			return r.d, fmt.Errorf("no order %s is known", c.OrderID)
		}
	}
	r.corr, r.last, r.chain = r.o.Corr, r.o.Last, -1
	if !r.late && (r.o.State == Sending || r.o.State == UnknownSent) {
		r.add(&OrderAccepted{OrderID: r.o.OrderID, BrokerID: c.BrokerID, Found: c.Found})
	}
	left := r.fills()
	if r.late || left == 0 {
		return r.d, nil
	}
	switch {
	case c.Rejected:
		r.add(&OrderRejected{OrderID: r.o.OrderID, Code: "broker", Text: bounded(c.Text)})
	case c.Canceled:
		r.add(&OrderCanceled{OrderID: r.o.OrderID, Reason: bounded(c.Text)})
	}
	return r.d, nil
}

// report is one reading of the book at work on one order.
type report struct {
	s          *State
	c          ReportOrder
	o          *Order
	late       bool // the order is done
	d          Decision
	corr, last EventID
	chain      int // the latest draft
}

func (r *report) add(e Event) {
	if r.chain < 0 {
		r.chain = r.d.on(r.corr, r.last, e)
		return
	}
	r.chain = r.d.after(r.chain, e)
}

// fills books what the book has beyond what is known, keyed by the cumulative quantity, and gives the lots that may still fill.
func (r *report) fills() (left int) {
	units, cum := 0, r.o.Cum
	for _, f := range r.c.Fills {
		units += f.Units
		if units%r.o.LotSize != 0 {
			r.alarm(AlarmOddFill, fmt.Sprint(units))
			continue
		}
		total := units / r.o.LotSize
		if total > r.o.Lots {
			r.alarm(AlarmOverfill, fmt.Sprint(units))
			total = r.o.Lots
		}
		if total <= cum {
			continue
		}
		e := &OrderFilled{
			OrderID: r.o.OrderID, LastQty: total - cum, LastPx: f.Price, CumQty: total, LeavesQty: r.o.Lots - total, ExecID: f.ExecID, Fee: f.Fee,
		}
		if r.late && r.o.Kind == EntryOrder {
			e.PositionID = r.o.Entry.PositionID.Late(r.s.Markets[r.o.Instrument].Lates + 1 + r.lates())
		}
		r.add(e)
		cum = total
	}
	return r.o.Lots - cum
}

func (r *report) lates() int {
	n := 0
	for _, d := range r.d.Drafts {
		if f, ok := d.Event.(*OrderFilled); ok && f.PositionID != "" {
			n++
		}
	}
	return n
}

func (r *report) alarm(code, units string) {
	r.d.alarm(r.s, -1, r.corr, r.last, &AlarmRaised{Code: code, Subject: string(r.o.OrderID), Details: map[string]string{"units": units}})
}

func decideAbsent(s *State, c ReportAbsent) (Decision, error) {
	var d Decision
	if o := s.Orders[c.OrderID]; o != nil && o.State == UnknownSent {
		d.on(o.Corr, o.Last, &OrderNotAccepted{OrderID: o.OrderID, Evidence: bounded(c.Evidence)})
	}
	return d, nil
}

// decideAdopt marks what was being sent when the process ended: whether the broker took it, only its book can say.
func decideAdopt(s *State) (Decision, error) {
	var d Decision
	for _, o := range s.OpenOrders() {
		if o.State == Sending {
			d.on(o.Corr, o.Last, &OrderUnknown{OrderID: o.OrderID, Cause: "restart"})
		}
	}
	return d, nil
}
