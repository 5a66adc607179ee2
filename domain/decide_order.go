package domain

import (
	"fmt"
	"math/big"
	"strings"
)

// Sendable says whether the order may get its send-started mark now: it is fresh, the trading state lets it go, and no order of unknown
// outcome stands in an entry's symbol.
func (s *State) Sendable(o *Order, c BeginSend) bool {
	if o == nil || o.State != Initialized || !c.Now.Before(o.ExpiresAt) {
		return false
	}
	if o.Kind == ExitOrder {
		i := s.Intents[o.IntentID]
		return i != nil && !i.Withdrawn && o.Lots <= i.Lots() && (s.Trading.Mode != Halted || i.Cause.ByPerson()) && s.tellable(o)
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

// tellable says whether the exit could be told from every other order that may be at the broker: by its tag, else by its quantity.
func (s *State) tellable(o *Order) bool {
	if s.settings.BrokerTags {
		return true
	}
	for _, other := range s.Orders {
		same := other.Kind == ExitOrder && other.Contract == o.Contract && other.Quantity == o.Quantity
		if same && (other.State == Sending || other.State == UnknownSent) {
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
	id := bounded(c.BrokerID)
	switch {
	case c.Accepted && id != "" && s.boundElsewhere(o, id):
		at := d.on(o.Corr, o.Last, &OrderUnknown{OrderID: o.OrderID, Cause: "the broker's id belongs to another order"})
		d.alarm(s, at, "", "", &AlarmRaised{Code: AlarmAmbiguous, Subject: string(o.OrderID)})
	case c.Accepted && id != "":
		d.on(o.Corr, o.Last, &OrderAccepted{OrderID: o.OrderID, BrokerID: id})
	case c.Refused:
		d.on(o.Corr, o.Last, &OrderRejected{OrderID: o.OrderID, Code: bounded(c.Code), Text: bounded(c.Text)})
	default:
		d.on(o.Corr, o.Last, &OrderUnknown{OrderID: o.OrderID, Cause: bounded(c.Code + " " + c.Text)})
	}
	return d, nil
}

// MaxBrokerText bounds what is kept of a broker's words, in bytes.
const MaxBrokerText = 500

// bounded makes a broker's words fit for the log: valid UTF-8, at most MaxBrokerText bytes.
func bounded(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
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
		if s.boundElsewhere(r.o, bounded(c.BrokerID)) {
			r.alarm(AlarmAmbiguous, "broker_id", bounded(c.BrokerID))
			return r.d, nil
		}
		r.add(&OrderAccepted{OrderID: r.o.OrderID, BrokerID: bounded(c.BrokerID), Found: bounded(c.Found)})
	}
	left, whole := r.fills()
	if r.late || left == 0 || !whole {
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

// fills books what the book has beyond what is known, keyed by the cumulative quantity, and gives the lots that may still fill. Trades
// that make no whole lot are carried until they do, with their price and fee. whole is false when a trade could not be read: nothing
// behind it is booked, and the order's end neither, until the book is right.
func (r *report) fills() (left int, whole bool) {
	units, cum := 0, r.o.Cum
	var run carried
	for _, f := range r.c.Fills {
		if f.Units <= 0 || !f.Price.IsPos() || f.Price.Prec() > QuotientDigits || f.Fee.IsNeg() || f.Fee.Prec() > QuotientDigits {
			r.alarm(AlarmBadFill, "exec_id", bounded(f.ExecID))
			return r.o.Lots - cum, false
		}
		units += f.Units
		run.add(f)
		if units%r.o.LotSize != 0 {
			continue
		}
		total := units / r.o.LotSize
		if total > r.o.Lots {
			r.alarm(AlarmOverfill, "units", count(units))
			total = r.o.Lots
		}
		if total > cum {
			r.book(f, run, total, total-cum)
			cum = total
		}
		run = carried{}
	}
	if run.units > 0 {
		r.alarm(AlarmOddFill, "units", count(units))
	}
	return r.o.Lots - cum, true
}

// carried are trades since the last whole lot.
type carried struct {
	units int
	value Decimal // points × units
	fee   Decimal
}

func (c *carried) add(f Fill) {
	c.units += f.Units
	c.value, c.fee = c.value.Add(f.Price.Mul(Int(f.Units))), c.fee.Add(f.Fee)
}

// price is the average of the trades.
func (c *carried) price(last Fill) Decimal {
	if c.units == last.Units {
		return last.Price
	}
	return quotient(mul(rat(c.value), big.NewRat(1, int64(c.units))))
}

func (r *report) book(f Fill, run carried, total, lots int) {
	e := &OrderFilled{
		OrderID: r.o.OrderID, LastQty: lots, LastPx: run.price(f), CumQty: total, LeavesQty: r.o.Lots - total, ExecID: bounded(f.ExecID), Fee: run.fee,
	}
	if r.late && r.o.Kind == EntryOrder {
		e.PositionID = r.o.Entry.PositionID.Late(r.s.Markets[r.o.Instrument].Lates + 1 + r.lates())
	}
	r.add(e)
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

func (r *report) alarm(code, name, value string) {
	r.d.alarm(r.s, -1, r.corr, r.last, &AlarmRaised{Code: code, Subject: string(r.o.OrderID), Details: map[string]string{name: value}})
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
