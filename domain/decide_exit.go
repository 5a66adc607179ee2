package domain

import (
	"slices"
	"strconv"
)

// exitPlan turns layers that shall leave into exit intents, one for each contract: one order sells one contract.
type exitPlan struct {
	s       *State
	d       *Decision
	cause   ExitCause
	after   int // the draft that led here, -1: corr and from say it
	corr    EventID
	from    EventID
	ref     *Decimal
	signal  SignalID
	by      string
	reason  string
	command string
	limit   int // the most lots, 0: all that are free
	over    takenOver
	made    int // intents made by this plan
}

// takenOver is what a decision has taken from other exits: lots, and the entries that they were bound to.
type takenOver struct {
	lots    map[PositionID]int
	entries map[OrderID]bool
}

// request claims the free lots of the layers and binds their entries that are in flight. While HALTED it holds back what no person
// asked for: it claims nothing, sends nothing and calls a person, once a layer. It gives how many lots it claimed and bound orders.
//
// A peel-off, which has a limit, ends an entry that still fills and is not bound to it: whether what fills until then is too much, the
// next bar says.
func (x *exitPlan) request(layers []*Layer) (lots, bound int) {
	hold := x.s.Trading.Mode == Halted && !x.cause.ByPerson()
	left := x.limit
	for _, of := range soldTogether(layers) {
		e := &ExitRequested{
			Contract: of.contract, Cause: x.cause, Claims: []Claim{}, HeldBack: hold, RefPrice: x.ref, SignalID: x.signal, By: x.by, Reason: x.reason,
			CommandID: x.command,
		}
		for _, l := range layers {
			if of != soldAs(l) || (hold && !x.s.holdable(l)) {
				continue
			}
			e.Instrument = l.Instrument
			if x.limit > 0 && left == 0 {
				break
			}
			n := l.Free() + x.over.lots[l.PositionID]
			if x.limit > 0 {
				n = min(n, left)
				left -= n
			}
			if hold {
				e.Claims = append(e.Claims, Claim{PositionID: l.PositionID, Layer: LayerName(l.Number)})
				continue
			}
			if n > 0 {
				e.Claims = append(e.Claims, Claim{PositionID: l.PositionID, Layer: LayerName(l.Number), Lots: n})
				lots += n
			}
			if x.limit == 0 && (x.over.entries[l.EntryOrder] || x.s.bindable(l)) {
				e.Binds = append(e.Binds, l.EntryOrder)
				bound++
			}
		}
		bound += x.follow(e, of)
		x.append(e, layers)
	}
	return lots, bound
}

// follow binds close-all to the exit orders that have left for intents that will not go on: what such an order leaves unsold is close-all's
// from then on, and not before, so that nothing is sold twice. The positions are named with no lots.
func (x *exitPlan) follow(e *ExitRequested, of lotOf) (bound int) {
	if x.cause != CauseCloseAll {
		return 0
	}
	for _, i := range x.s.StandingIntents() {
		o := x.s.Orders[i.Order]
		if o == nil || o.State == Initialized || i.Instrument != e.Instrument || o.sells() != of || !x.s.stuck(i) || x.s.followed(o.OrderID) {
			continue
		}
		e.Binds = append(e.Binds, o.OrderID)
		bound++
		for _, c := range i.Claims {
			if !slices.ContainsFunc(e.Claims, func(have Claim) bool { return have.PositionID == c.PositionID }) {
				e.Claims = append(e.Claims, Claim{PositionID: c.PositionID, Layer: c.Layer})
			}
		}
	}
	return bound
}

// stuck says whether the exit makes no order after the one that it has.
func (s *State) stuck(i *Intent) bool {
	return i.Withdrawn || (s.Trading.Mode == Halted && !i.Cause.ByPerson())
}

// followed says whether an exit is bound to the order.
func (s *State) followed(id OrderID) bool {
	for _, i := range s.Intents {
		if slices.Contains(i.Binds, id) {
			return true
		}
	}
	return false
}

func (x *exitPlan) append(e *ExitRequested, layers []*Layer) {
	if len(e.Claims) == 0 && len(e.Binds) == 0 {
		return
	}
	// Fills go to the oldest layer first, whatever the order of asking.
	x.s.Markets[e.Instrument].byAge(e.Claims)
	e.IntentID = NewIntentID(e.Instrument, x.s.IntentCount+uint64(x.made))
	x.made++
	at := x.d.add(Draft{Event: e, After: x.after, Corr: x.corr, Cause: x.from})
	if e.HeldBack {
		for _, c := range e.Claims {
			x.d.alarm(x.s, at, "", "", &AlarmRaised{Code: AlarmHeldBack, Subject: string(c.PositionID)})
		}
		return
	}
	claimed := func(l *Layer) bool {
		return slices.ContainsFunc(e.Claims, func(c Claim) bool { return c.PositionID == l.PositionID })
	}
	for _, l := range layers {
		if slices.Contains(e.Binds, l.EntryOrder) || claimed(l) {
			x.s.cancelEntry(x.d, at, x.s.Orders[l.EntryOrder], string(e.Cause))
		}
	}
}

// lotOf is what one order can sell: a contract in lots of one size and value. The table may have changed either between two layers.
type lotOf struct {
	contract string
	size     int
	value    string // rupees a point a lot
}

func soldAs(l *Layer) lotOf { return lotOf{l.Contract, l.LotSize, l.PointValue.String()} }

// sells is what an exit order was made to sell.
func (o *Order) sells() lotOf { return lotOf{o.Contract, o.LotSize, o.PointValue.String()} }

// soldTogether lists what the layers are sold as, in their order.
func soldTogether(layers []*Layer) []lotOf {
	var out []lotOf
	for _, l := range layers {
		if !slices.Contains(out, soldAs(l)) {
			out = append(out, soldAs(l))
		}
	}
	return out
}

// holdable says whether there is something of the layer to hold back that is neither held back nor leaving yet.
func (s *State) holdable(l *Layer) bool {
	return !s.heldBack(l.PositionID) && (l.Free() > 0 || s.bindable(l))
}

// bindable says whether the layer's entry is in flight and no exit is bound to it yet.
func (s *State) bindable(l *Layer) bool {
	return !l.LateFill && s.Orders[l.EntryOrder] != nil && !s.followed(l.EntryOrder)
}

func (s *State) heldBack(id PositionID) bool {
	for _, i := range s.Intents {
		if i.HeldBack && slices.ContainsFunc(i.Claims, func(c Claim) bool { return c.PositionID == id }) {
			return true
		}
	}
	return false
}

// cancelEntry ends an entry order: at once if nothing was sent, else by asking the broker.
func (s *State) cancelEntry(d *Decision, after int, o *Order, reason string) {
	switch {
	case o == nil || o.CancelRequested:
	case o.State == Initialized:
		d.after(after, &OrderCanceled{OrderID: o.OrderID, Reason: reason})
	default:
		d.after(after, &OrderCancelRequested{OrderID: o.OrderID, Reason: reason})
	}
}

// exit judges a chart's EXIT. Age, price, pause, session, rate, an unknown instrument or an unknown order never refuse it.
func (j *judgement) exit() {
	if len(j.sig.Position) == 0 {
		j.fail(ReasonUnclearExit)
		j.reject("", nil)
		j.d.alarm(j.s, len(j.d.Drafts)-1, "", "", &AlarmRaised{Code: AlarmUnclearExit, Subject: string(j.id)})
		return
	}
	j.leave(j.named(), CauseSignal, j.sig.Price)
}

// named lists the layers that the exit names: open, reserved, or made by a late fill.
func (j *judgement) named() []*Layer {
	var out []*Layer
	for _, l := range j.s.Markets[j.sig.Instrument].layers() {
		if slices.Contains(j.sig.Position, AllLayers) || slices.Contains(j.sig.Position, LayerName(l.Number)) {
			out = append(out, l)
		}
	}
	return out
}

// leave requests the exit of the layers, or says why there is nothing to do.
func (j *judgement) leave(layers []*Layer, cause ExitCause, price *Decimal) {
	for _, l := range layers {
		if j.sig.Timestamp.Before(l.SignalTime) {
			j.flags = append(slices.Clone(j.flags), "timestamp: before the entry of "+string(l.PositionID))
			break
		}
	}
	if first, all := j.s.leavingSince(layers); all && len(layers) > 0 {
		j.duplicate(first)
		return
	}
	if len(layers) == 0 {
		j.fail(ReasonNotOpen)
		j.reject("", nil)
		return
	}
	root := j.accept()
	x := exitPlan{s: j.s, d: &j.d, cause: cause, after: root, ref: price, signal: j.id}
	x.request(layers)
}

// leavingSince says whether nothing of the layers is left to claim, and the revision of the exit that claimed last of them.
func (s *State) leavingSince(layers []*Layer) (revision uint64, all bool) {
	for _, l := range layers {
		hold := s.Trading.Mode == Halted && s.heldBack(l.PositionID)
		if !hold && (l.Free() > 0 || s.bindable(l)) {
			return 0, false
		}
		for _, i := range s.Intents {
			claims := slices.ContainsFunc(i.Claims, func(c Claim) bool { return c.PositionID == l.PositionID })
			if claims || slices.Contains(i.Binds, l.EntryOrder) {
				revision = max(revision, i.Revision)
			}
		}
	}
	return revision, true
}

// eod judges an end-of-day signal on our own state: what the chart believes of our position is ignored.
func (j *judgement) eod() {
	m, cond, ind := j.s.Markets[j.sig.Instrument], j.sig.Conditions, j.sig.Indicators
	layers := m.layers()
	if len(layers) > 0 && cond.LongExit {
		j.leave(layers, CauseEOD, j.sig.Price)
		return
	}
	in, known := j.s.settings.Instrument(j.sig.Instrument, j.sig.Timestamp)
	if !cond.Enter() {
		j.accept()
		return
	}
	if m == nil || m.Campaign == nil {
		stop := InitialStop(*j.sig.Price, in.InitialATR, ind.ATR)
		j.base(newBasePlan(j, *j.sig.Price, stop, ind.ATR, ind.ER))
		return
	}
	if known && m.Campaign.Filled > in.MaxPyramids {
		j.accept()
		return
	}
	stop := InitialStop(*j.sig.Price, in.InitialATR, ind.ATR)
	j.pyramid(newPyramidPlan(j, *j.sig.Price, stop, ind.ATR))
}

func count(n int) string { return strconv.Itoa(n) }
