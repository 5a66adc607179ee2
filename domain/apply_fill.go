package domain

import (
	"math/big"
	"slices"
)

// applyFilled books one step of a fill: the only code that changes what is held.
func (s *State) applyFilled(r Recorded, e *OrderFilled) error {
	o := s.Orders[e.OrderID]
	late := o == nil
	if late {
		o = s.Recent.orders[e.OrderID]
	}
	if o == nil || (!late && o.State != Working && o.State != Canceling) {
		return impossible("order %s is %s and fills", e.OrderID, stateOf(o))
	}
	if e.LastQty <= 0 || e.CumQty != o.Cum+e.LastQty || e.CumQty > o.Lots || e.LeavesQty != o.Lots-e.CumQty || !e.LastPx.IsPos() {
		return impossible("order %s of %d lots has %d filled and fills %d to %d", e.OrderID, o.Lots, o.Cum, e.LastQty, e.CumQty)
	}
	o.Cum, o.Last = e.CumQty, r.ID
	o.FillCost = o.FillCost.Add(e.LastPx.Mul(Int(e.LastQty)))
	s.Capital.Fees = s.Capital.Fees.Add(e.Fee)
	switch {
	case o.Kind == ExitOrder:
		s.sell(r, o, e)
	case late:
		if e.PositionID == "" {
			return impossible("order %s is done: its fill is a position of its own and needs a name", e.OrderID)
		}
		s.buyLate(r, o, e)
	default:
		if err := s.buy(r, o, e); err != nil {
			return err
		}
	}
	s.mark()
	s.calm(string(o.OrderID), AlarmBadFill)
	if o.Cum == o.Lots {
		s.calm(string(o.OrderID), AlarmOddFill)
	}
	if late {
		s.Recent.lateFill(o)
	} else if o.Cum == o.Lots {
		o.State, o.StateAt = Done, r.At
		s.settle(r, o)
	}
	s.closeFlat(r, o.Instrument)
	return nil
}

func (s *State) buy(r Recorded, o *Order, e *OrderFilled) error {
	l, c := s.byID[o.Entry.PositionID], s.Markets[o.Instrument].Campaign
	if l == nil || c == nil {
		return impossible("order %s fills and its layer %s is gone", o.OrderID, o.Entry.PositionID)
	}
	if l.Bought == 0 {
		c.Filled++
		c.LastPrice = l.SignalPrice
	}
	l.add(r, e)
	if l.Number == 1 {
		c.BaseLots, c.BaseCost = l.Bought, l.BoughtCost
	}
	for _, intent := range s.Intents { // an exit bound to this entry takes each later fill with it
		if slices.Contains(intent.Binds, o.OrderID) {
			intent.claim(l, e.LastQty)
			l.Leaving += e.LastQty
			break
		}
	}
	return nil
}

// buyLate books a fill of an order that was done: a position of its own, which leaves at once.
func (s *State) buyLate(r Recorded, o *Order, e *OrderFilled) {
	m := s.market(o.Instrument)
	m.Lates++
	l := newLayer(o, e.PositionID)
	l.LateFill = true
	l.add(r, e)
	m.Late = append(m.Late, l)
	s.byID[l.PositionID] = l
}

func (l *Layer) add(r Recorded, e *OrderFilled) {
	cost := e.LastPx.Mul(Int(e.LastQty))
	l.Lots += e.LastQty
	l.Bought += e.LastQty
	l.BoughtCost, l.Cost = l.BoughtCost.Add(cost), l.Cost.Add(cost)
	l.Fees = l.Fees.Add(e.Fee)
	l.Highest = maxOf(l.Highest, e.LastPx)
	if l.EntryTime == nil {
		l.EntryTime = ptr(r.At)
	}
}

func (i *Intent) claim(l *Layer, lots int) {
	for n := range i.Claims {
		if i.Claims[n].PositionID == l.PositionID {
			i.Claims[n].Lots += lots
			return
		}
	}
	i.Claims = append(i.Claims, Claim{PositionID: l.PositionID, Layer: LayerName(l.Number), Lots: lots})
}

// sell books an exit fill: to the intent's own claims, oldest layer first; a late fill beyond them to what is held.
func (s *State) sell(r Recorded, o *Order, e *OrderFilled) {
	left, unpaid, fee := e.LastQty, e.LastQty, e.Fee
	take := func(l *Layer, lots int) { // each part bears its share of the fee, the last one the remainder
		share := fee
		if lots < unpaid {
			share = quotient(mul(rat(fee), big.NewRat(int64(lots), int64(unpaid))))
		}
		fee, unpaid = fee.Sub(share), unpaid-lots
		s.Capital.Realized = s.Capital.Realized.Add(l.part(r, o, lots, e.LastPx, share))
	}
	intent := s.Intents[o.IntentID]
	if intent != nil {
		left = s.sellClaimed(intent, o, left, take)
	}
	if left > 0 {
		left = s.sellOthers(o, left, take)
	}
	s.market(o.Instrument).Oversold += left
}

// sellClaimed takes lots from an intent's claims, oldest layer first, and gives what is left to sell.
func (s *State) sellClaimed(i *Intent, o *Order, left int, take func(*Layer, int)) int {
	for n := range i.Claims {
		c := &i.Claims[n]
		l := s.byID[c.PositionID]
		if lots := min(c.Lots, left); lots > 0 && soldAs(l) == o.sells() {
			c.Lots -= lots
			left -= lots
			l.Leaving -= lots
			l.ExitCause = i.Cause
			take(l, lots)
		}
	}
	i.Claims = slices.DeleteFunc(i.Claims, func(c Claim) bool { return c.Lots == 0 })
	s.endIntent(i)
	return left
}

// sellOthers takes late exit fills from what is held free, oldest first, and then from what other exits have claimed,
// whose own orders must then shrink; it gives back what nobody holds.
func (s *State) sellOthers(o *Order, left int, take func(*Layer, int)) int {
	for _, l := range s.Markets[o.Instrument].layers() {
		if lots := min(l.Free(), left); lots > 0 && soldAs(l) == o.sells() {
			left -= lots
			take(l, lots)
		}
	}
	for _, i := range s.StandingIntents() {
		if i.Instrument == o.Instrument && !i.HeldBack {
			left = s.sellClaimed(i, o, left, take)
		}
	}
	return left
}

// part sells lots of the layer and gives the realized P&L in rupees. Each part takes cost pro rata, rounded, and the last one the
// remainder: nothing leaks.
func (l *Layer) part(r Recorded, o *Order, lots int, price, fee Decimal) Decimal {
	cost := l.Cost
	if lots < l.Lots {
		cost = quotient(mul(rat(l.Cost), big.NewRat(int64(lots), int64(l.Lots))))
	}
	proceeds := price.Mul(Int(lots))
	gain := proceeds.Sub(cost).Mul(l.PointValue)
	l.Lots -= lots
	l.Sold += lots
	l.Cost, l.Proceeds = l.Cost.Sub(cost), l.Proceeds.Add(proceeds)
	l.Realized, l.Fees = l.Realized.Add(gain), l.Fees.Add(fee)
	l.ExitTime = ptr(r.At)
	if !slices.Contains(l.Orders, o.OrderID) {
		l.Orders = append(l.Orders, o.OrderID)
	}
	return gain
}

func (s *State) applyExitRequested(r Recorded, e *ExitRequested) error {
	if e.IntentID != NewIntentID(e.Instrument, s.IntentCount) {
		return impossible("intent %s is not number %d of the portfolio", e.IntentID, s.IntentCount)
	}
	s.IntentCount++
	i := &Intent{
		ID: e.IntentID, Instrument: e.Instrument, Contract: e.Contract, Cause: e.Cause, Claims: slices.Clone(e.Claims), Binds: slices.Clone(e.Binds),
		HeldBack: e.HeldBack, RefPrice: e.RefPrice, SignalID: e.SignalID, By: e.By, Reason: e.Reason, Revision: r.Rev, Corr: r.Corr, Last: r.ID,
	}
	s.Recent.takeCommand(r.At, r.Rev, e.CommandID)
	if !e.HeldBack { // what another order may still sell is named, and claimed when that order ends
		i.Claims = slices.DeleteFunc(i.Claims, func(c Claim) bool { return c.Lots == 0 })
	}
	for _, c := range e.Claims {
		l := s.byID[c.PositionID]
		if l == nil || c.Lots < 0 || c.Lots > l.Free() || (e.HeldBack && c.Lots != 0) {
			return impossible("%d lots of %s are claimed and are not free", c.Lots, c.PositionID)
		}
		l.Leaving += c.Lots
	}
	s.Intents[i.ID] = i
	s.endIntent(i)
	return nil
}

func (s *State) applyExitWithdrawn(r Recorded, e *ExitWithdrawn) error {
	i := s.Intents[e.IntentID]
	if i == nil || i.Withdrawn {
		return impossible("no exit intent %s stands", e.IntentID)
	}
	s.Recent.takeCommand(r.At, r.Rev, e.CommandID)
	i.Withdrawn, i.Binds, i.Last = true, nil, r.ID
	if i.HeldBack {
		delete(s.Intents, i.ID)
		for _, c := range i.Claims {
			s.calm(string(c.PositionID), AlarmHeldBack)
		}
		return nil
	}
	s.endIntent(i)
	return nil
}
