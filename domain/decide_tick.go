package domain

import (
	"slices"
	"time"
)

// decideTick does what time, a trading state or an earlier event made due. The engine runs it behind every batch of commands, in the
// same append: an exit's order, the end of a reservation and an alarm are part of the decision that caused them.
func decideTick(s *State, c Tick) (Decision, error) {
	w := &due{s: s, now: c.Now}
	for _, o := range s.OpenOrders() {
		w.order(o)
	}
	for _, i := range s.StandingIntents() {
		w.intent(i)
	}
	for _, l := range s.byID {
		if l.LateFill {
			w.lates()
			break
		}
	}
	w.oversold()
	if c.Watch {
		w.silence()
	}
	return w.d, nil
}

type due struct {
	s     *State
	now   time.Time
	d     Decision
	sends int // exit orders made by this tick
}

// order ends or cancels an order whose time is up or whose reason is gone.
func (w *due) order(o *Order) {
	s := w.s
	timeout := s.settings.Orders.WorkingTimeout
	switch {
	case o.State == Initialized && o.Kind == EntryOrder && s.Trading.Mode != Active:
		w.d.on(o.Corr, o.Last, &OrderExpired{OrderID: o.OrderID, Reason: string(s.Trading.Mode)})
	case o.State == Initialized && !w.now.Before(o.ExpiresAt):
		w.d.on(o.Corr, o.Last, &OrderExpired{OrderID: o.OrderID, Reason: "not sent in time"})
	case o.State == Initialized && o.Kind == ExitOrder && w.tooMany(o):
		w.d.on(o.Corr, o.Last, &OrderCanceled{OrderID: o.OrderID, Reason: "more than is left to sell"})
	case o.State == Initialized, o.CancelRequested:
	case o.Kind == EntryOrder && s.Trading.Mode != Active:
		w.cancel(o, string(s.Trading.Mode))
	case o.Kind == ExitOrder && w.tooMany(o):
		w.cancel(o, "more than is left to sell")
	case o.State != Working || w.now.Before(o.StateAt.Add(timeout)):
	case o.Kind == EntryOrder && s.settings.Orders.Partial == PartialWait && o.Cum > 0:
		if in, ok := s.settings.Instrument(o.Instrument, o.StateAt); !ok || !w.now.Before(in.Session.Ends(o.StateAt)) {
			w.cancel(o, "session ended")
		}
	default:
		w.cancel(o, "working too long")
	}
	if o.State == UnknownSent {
		w.d.alarm(s, -1, o.Corr, o.Last, &AlarmRaised{Code: AlarmUnknownOrder, Subject: string(o.OrderID)})
	}
}

// tooMany says whether the exit order could sell more than its intent still claims: a late fill has sold it already.
func (w *due) tooMany(o *Order) bool {
	i := w.s.Intents[o.IntentID]
	return i == nil || i.Withdrawn || o.Leaves() > i.Lots()
}

func (w *due) cancel(o *Order, reason string) {
	w.d.on(o.Corr, o.Last, &OrderCancelRequested{OrderID: o.OrderID, Reason: reason})
}

// exitAlarmFrom is the attempt from which on an exit that is still not flat calls a person.
const exitAlarmFrom = 3

// intent starts the next order of an exit that has lots and no order.
func (w *due) intent(i *Intent) {
	s := w.s
	if i.Order != "" || i.HeldBack || i.Lots() == 0 || (i.NextAt != nil && w.now.Before(*i.NextAt)) {
		return
	}
	if s.Trading.Mode == Halted && !i.Cause.ByPerson() {
		return
	}
	l := s.byID[i.Claims[0].PositionID]
	lots, wait := w.distinct(i, l.LotSize)
	if wait {
		w.d.alarm(s, -1, i.Corr, i.Last, &AlarmRaised{Code: AlarmExitWaits, Subject: string(i.ID)})
		return
	}
	id := NewOrderID(s.Portfolio, s.OrderCount+uint64(w.sends))
	at := w.d.on(i.Corr, i.Last, &OrderInitialized{
		OrderID: id, N: s.OrderCount + uint64(w.sends), Tag: id.Tag(), Kind: ExitOrder, Broker: s.settings.BrokerName, Instrument: i.Instrument,
		Exchange: l.Exchange, Contract: i.Contract, Side: Sell, Type: MarketOrder, Product: Product, Lots: lots, LotSize: l.LotSize,
		Quantity: lots * l.LotSize, RefPrice: s.exitPrice(i, l), PointValue: l.PointValue, ExpiresAt: w.now.Add(s.settings.Orders.ExpireAfter),
		SignalID: i.SignalID, IntentID: i.ID, Attempt: i.Attempts + 1,
	})
	w.sends++
	if i.Attempts+1 >= exitAlarmFrom {
		w.d.alarm(s, at, "", "", &AlarmRaised{Code: AlarmExitRetries, Subject: string(i.ID)})
	}
}

// distinct is how many lots the next order may sell so that it can be told from an unknown exit order of the same contract, where the
// broker shows no tags: one lot fewer, and where that leaves none the exit waits. Units are compared, since the book has units only, and
// 7 lots of 30 look like 6 lots of 35.
func (w *due) distinct(i *Intent, lotSize int) (lots int, wait bool) {
	lots = i.Lots()
	if w.s.settings.BrokerTags {
		return lots, false
	}
	taken := map[int]bool{}
	for _, o := range w.s.Orders {
		if o.Kind == ExitOrder && o.Contract == i.Contract && o.State == UnknownSent {
			taken[o.Quantity] = true
		}
	}
	for lots > 0 && taken[lots*lotSize] {
		lots--
	}
	return lots, lots == 0
}

// exitPrice is what an exit is decided on: the signal's price or the bar's, else the latest bar's, else the entry.
func (s *State) exitPrice(i *Intent, l *Layer) Decimal {
	if i.RefPrice != nil && i.Attempts == 0 {
		return *i.RefPrice
	}
	if bar := s.Markets[i.Instrument].Bar; bar != nil {
		return bar.Price
	}
	if i.RefPrice != nil {
		return *i.RefPrice
	}
	return l.Entry().Price()
}

// lates gives every position of a late fill its exit: it is a position that nobody decided on.
func (w *due) lates() {
	s := w.s
	for _, l := range s.Layers() {
		if !l.LateFill || l.Kept || l.Free() == 0 || s.heldBack(l.PositionID) {
			continue
		}
		x := exitPlan{s: s, d: &w.d, cause: CauseLateFill, after: -1, made: w.intents()}
		if o := s.Recent.orders[l.EntryOrder]; o != nil { // forgotten only if a halt outlasts the memory
			x.corr, x.from = o.Corr, o.Last
		}
		x.request([]*Layer{l})
		w.d.alarm(s, -1, x.corr, x.from, &AlarmRaised{Code: AlarmLateFill, Subject: string(l.PositionID)})
	}
}

func (w *due) intents() int {
	n := 0
	for _, d := range w.d.Drafts {
		if _, ok := d.Event.(*ExitRequested); ok {
			n++
		}
	}
	return n
}

func (w *due) oversold() {
	var names []string
	for name, m := range w.s.Markets {
		if m.Oversold > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		w.d.alarm(w.s, -1, "", "", &AlarmRaised{Code: AlarmOversold, Subject: name, Details: map[string]string{"lots": count(w.s.Markets[name].Oversold)}})
	}
}
