package domain

import (
	"slices"
	"time"
)

// applyOrder folds the events of orders and exit intents.
func (s *State) applyOrder(r Recorded) error {
	switch e := r.Event.(type) {
	case *OrderInitialized:
		return s.applyInitialized(r, e)
	case *ExitRequested:
		return s.applyExitRequested(r, e)
	case *ExitWithdrawn:
		return s.applyExitWithdrawn(r, e)
	case *OrderSendStarted:
		return s.move(r, e.OrderID, func(o *Order) { o.NotAfter = e.NotAfter }, Sending, Initialized)
	case *OrderAccepted:
		to := Working
		if o := s.Orders[e.OrderID]; o != nil && o.CancelRequested {
			to = Canceling
		}
		return s.move(r, e.OrderID, func(o *Order) { s.bind(o, e.BrokerID) }, to, Sending, UnknownSent)
	case *OrderUnknown:
		return s.move(r, e.OrderID, nil, UnknownSent, Sending)
	case *OrderCancelRequested:
		return s.applyCancelRequested(r, e)
	case *OrderRejected:
		return s.end(r, e.OrderID, Sending, UnknownSent, Working, Canceling)
	case *OrderNotAccepted:
		return s.end(r, e.OrderID, UnknownSent)
	case *OrderCanceled:
		return s.end(r, e.OrderID, Initialized, Working, Canceling, UnknownSent)
	case *OrderExpired:
		return s.end(r, e.OrderID, Initialized)
	case *OrderFilled:
		return s.applyFilled(r, e)
	}
	return impossible("an event type that this build cannot apply")
}

// move changes the state of an order; every other transition than those of the table is impossible (L5).
func (s *State) move(r Recorded, id OrderID, change func(*Order), to OrderState, from ...OrderState) error {
	o := s.Orders[id]
	if o == nil || !slices.Contains(from, o.State) {
		return impossible("order %s is %s", id, stateOf(o))
	}
	o.State, o.StateAt, o.Last = to, r.At, r.ID
	if change != nil {
		change(o)
	}
	return nil
}

// bind takes the broker's id of an order, which is then in doubt no more. A broker that gave none has bound nothing: two orders without an
// id are not one.
func (s *State) bind(o *Order, id string) {
	if o.BrokerID = id; id != "" {
		s.brokers[id] = o.OrderID
	}
	s.calm(string(o.OrderID), AlarmUnknownOrder, AlarmAmbiguous)
}

// calm ends alarms whose cause is gone.
func (s *State) calm(subject string, codes ...string) {
	for _, code := range codes {
		delete(s.Alarms, alarmKey(code, subject))
	}
}

func stateOf(o *Order) OrderState {
	if o == nil {
		return Done
	}
	return o.State
}

func (s *State) applyInitialized(r Recorded, e *OrderInitialized) error {
	if e.N != s.OrderCount || e.OrderID != NewOrderID(s.Portfolio, e.N) || e.Lots <= 0 {
		return impossible("order %s is not number %d of the portfolio", e.OrderID, s.OrderCount)
	}
	s.OrderCount++
	o := &Order{OrderInitialized: *e, State: Initialized, StateAt: r.At, Corr: r.Corr, Last: r.ID}
	s.Orders[e.OrderID] = o
	if e.Kind == EntryOrder {
		return s.reserve(r, o)
	}
	intent := s.Intents[e.IntentID]
	if intent == nil || intent.Order != "" || e.Lots > intent.Lots() {
		return impossible("order %s exits for intent %s, which has no such lots free", e.OrderID, e.IntentID)
	}
	intent.Order, intent.Attempts, intent.NextAt, intent.Last = e.OrderID, intent.Attempts+1, nil, r.ID
	s.calm(string(intent.ID), AlarmExitWaits)
	return nil
}

// reserve takes the campaign number and the layer: a second entry before the fill finds them taken.
func (s *State) reserve(r Recorded, o *Order) error {
	e := o.Entry
	m := s.market(o.Instrument)
	if e.Layer == 1 {
		if m.Campaign != nil || e.Campaign != m.Campaigns+1 {
			return impossible("campaign %d opens while the instrument has %d, one perhaps open", e.Campaign, m.Campaigns)
		}
		m.Campaigns++
		m.Campaign = &Campaign{Number: e.Campaign, BaseStop: e.InitialStop, OpenedAt: r.At}
	}
	if m.Campaign == nil || m.Campaign.Number != e.Campaign || m.Campaign.Filled+1 != e.Layer {
		return impossible("layer %d of campaign %d is not the next", e.Layer, e.Campaign)
	}
	l := newLayer(o, e.PositionID)
	m.Campaign.Layers = append(m.Campaign.Layers, l)
	s.byID[l.PositionID] = l
	return nil
}

func newLayer(o *Order, id PositionID) *Layer {
	e := o.Entry
	return &Layer{
		PositionID: id, Instrument: o.Instrument, Exchange: o.Exchange, Contract: o.Contract, Campaign: e.Campaign, Number: e.Layer,
		SignalTime: e.SignalTime, SignalPrice: e.SignalPrice, SignalStop: e.SignalStop, InitialStop: e.InitialStop, Stop: e.InitialStop,
		ATR: e.ATR, TrailingATR: e.TrailingATR, PointValue: o.PointValue, MarginPerLot: e.MarginPerLot, LotSize: o.LotSize,
		EntryOrder: o.OrderID, Orders: []OrderID{o.OrderID},
	}
}

func (s *State) applyCancelRequested(r Recorded, e *OrderCancelRequested) error {
	o := s.Orders[e.OrderID]
	if o == nil || o.State == Initialized || o.CancelRequested {
		return impossible("order %s is %s, nothing to cancel", e.OrderID, stateOf(o))
	}
	o.CancelRequested, o.Last = true, r.ID
	if o.State == Working {
		o.State, o.StateAt = Canceling, r.At
	}
	return nil
}

func (s *State) end(r Recorded, id OrderID, from ...OrderState) error {
	if err := s.move(r, id, nil, Done, from...); err != nil {
		return err
	}
	s.settle(r, s.Orders[id])
	return nil
}

// settle takes a done order out of the open ones and lets go of what it reserved.
func (s *State) settle(r Recorded, o *Order) {
	o.End = r.Event.EventType()
	delete(s.Orders, o.OrderID)
	s.Recent.endOrder(r.At, o)
	s.calm(string(o.OrderID), AlarmUnknownOrder, AlarmAmbiguous, AlarmBadFill)
	if o.Kind == EntryOrder {
		s.settleEntry(r, o)
		return
	}
	if intent := s.Intents[o.IntentID]; intent != nil {
		intent.Order = ""
		intent.NextAt = ptr(r.At.Add(RetryWait(intent.Attempts)))
		intent.Last = r.ID
		s.handOver(intent, o.OrderID)
		s.endIntent(intent)
	}
}

// handOver gives what an exit's order has left unsold to the exit that is bound to that order: the claims change hands in one step, so
// that no lot is ever claimed twice or by nobody.
func (s *State) handOver(from *Intent, order OrderID) {
	for _, to := range s.StandingIntents() {
		n := slices.Index(to.Binds, order)
		if n < 0 {
			continue
		}
		to.Binds = append(slices.Delete(to.Binds, n, n+1), from.Binds...)
		for _, c := range from.Claims {
			to.claim(s.byID[c.PositionID], c.Lots)
		}
		s.Markets[to.Instrument].byAge(to.Claims)
		if len(from.Claims) > 0 && to.Order == "" {
			to.NextAt = from.NextAt // the broker is not asked again at once
		}
		from.Claims, from.Binds = nil, nil
		s.endIntent(to)
		return
	}
}

// RetryWait is how long after its nth order an exit intent waits before the next: 1, 2, 4, ... s, at most MaxRetryWait.
func RetryWait(attempts int) time.Duration {
	if attempts > 5 {
		return MaxRetryWait
	}
	return min(time.Second<<max(0, attempts-1), MaxRetryWait)
}

// MaxRetryWait bounds the wait between two orders of an exit intent.
const MaxRetryWait = 30 * time.Second

func (s *State) settleEntry(r Recorded, o *Order) {
	m := s.Markets[o.Instrument]
	if c := m.Campaign; c != nil && c.Number == o.Entry.Campaign && o.Entry.Layer == 1 {
		c.BaseSettled = true
	}
	for _, intent := range s.Intents {
		if i := slices.Index(intent.Binds, o.OrderID); i >= 0 {
			intent.Binds = slices.Delete(intent.Binds, i, i+1)
			s.endIntent(intent)
		}
	}
	s.closeFlat(r, o.Instrument)
}

// endIntent drops an intent that has nothing left to do, or that a person withdrew and no order works for any more.
func (s *State) endIntent(i *Intent) {
	if i.Order != "" || i.HeldBack {
		return
	}
	if i.Withdrawn {
		s.release(i)
	} else if i.Lots() > 0 || len(i.Binds) > 0 {
		return
	}
	delete(s.Intents, i.ID)
	s.calm(string(i.ID), AlarmExitRetries, AlarmExitWaits)
}

func (s *State) release(i *Intent) {
	for _, c := range i.Claims {
		if l := s.byID[c.PositionID]; l != nil {
			l.Leaving -= c.Lots
			l.Kept = l.Kept || i.Cause == CauseLateFill
		}
	}
	i.Claims = nil
}

// closeFlat takes away layers that hold nothing and wait for nothing, and the campaign after its last one.
func (s *State) closeFlat(r Recorded, instrument string) {
	m := s.market(instrument)
	gone := func(l *Layer) bool {
		if l.Lots > 0 || (!l.LateFill && s.Orders[l.EntryOrder] != nil) {
			return false
		}
		if l.Bought > 0 {
			if l.ExitTime == nil {
				l.ExitTime = ptr(r.At)
			}
			s.closed = append(s.closed, l)
		}
		delete(s.byID, l.PositionID)
		s.calm(string(l.PositionID), AlarmLateFill, AlarmHeldBack)
		return true
	}
	m.Late = slices.DeleteFunc(m.Late, gone)
	if len(m.Late) == 0 {
		m.Late = nil
	}
	if _, held := m.heldSince(); !held {
		s.calm(instrument, AlarmBarsMissing)
	}
	if m.Campaign == nil {
		return
	}
	m.Campaign.Layers = slices.DeleteFunc(m.Campaign.Layers, gone)
	if len(m.Campaign.Layers) == 0 {
		m.Campaign = nil
	}
}
