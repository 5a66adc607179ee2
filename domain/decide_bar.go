package domain

import (
	"slices"
	"strings"
)

// barWork is one bar at work on an instrument's layers. It looks at the state before the bar and carries what the bar changes.
type barWork struct {
	j      *judgement
	cause  int // the draft of BarClosed
	price  Decimal
	atr    Decimal
	layers []*Layer               // of the instrument, that the bar is not older than
	stops  map[PositionID]Decimal // after the bar
	made   int                    // exit intents made by the bar so far
}

func (b *barWork) moveStops() {
	for _, l := range b.layers {
		stop, highest := l.Stop, l.Highest
		if l.Lots > 0 {
			stop, highest = Trail(l.Stop, l.Highest, b.price, l.TrailingATR, b.atr)
		}
		b.stops[l.PositionID] = stop
		if stop.Cmp(l.Stop) > 0 {
			b.j.d.after(b.cause, &StopMoved{PositionID: l.PositionID, From: l.Stop, To: stop, Highest: highest, Cause: StopTrailed})
		}
	}
}

// hits requests the exit of every layer whose stop the bar is below, one intent for each contract. A reserved layer that has not
// filled yet is hit as well: its entry is cancelled and what still fills leaves.
func (b *barWork) hits() map[PositionID]bool {
	hit := map[PositionID]bool{}
	var layers []*Layer
	for _, l := range b.layers {
		if Hit(b.price, b.stops[l.PositionID]) {
			hit[l.PositionID] = true
			layers = append(layers, l)
		}
	}
	x := exitPlan{s: b.j.s, d: &b.j.d, cause: CauseStopHit, after: b.cause, ref: &b.price, signal: b.j.id}
	x.request(layers)
	b.made = x.made
	return hit
}

// peel sells, newest layer first, what brings the instrument's risk and volatility back under their ongoing limits.
func (b *barWork) peel(m *Market, hit map[PositionID]bool) {
	s := b.j.s
	in, known := s.settings.Instrument(b.j.sig.Instrument, b.j.c.Now)
	if !s.settings.Risk.PeelOff || !known || s.Trading.Mode == Halted {
		return
	}
	var risk, vol Decimal
	lots := 0
	var free []*Layer
	for _, l := range m.layers() {
		if hit[l.PositionID] || l.Free() == 0 {
			continue
		}
		after := b.after(l)
		share := Average{after.Cost, after.Lots}
		n := after.Free()
		risk = risk.Add(RiskOf(share.of(n), n, after.Stop, after.PointValue))
		vol = vol.Add(VolatilityOf(after.ATR, n, after.PointValue))
		lots += n
		free = append(free, l)
	}
	peel, causes := PeelLots(risk, vol, s.equityAfter(b), lots, in.OngoingRisk, in.OngoingVol)
	if peel == 0 {
		return
	}
	x := exitPlan{s: s, d: &b.j.d, cause: CausePeelOff, after: b.cause, ref: &b.price, signal: b.j.id, reason: strings.Join(causes, ", "), limit: peel, made: b.made}
	slices.Reverse(free)
	x.request(free)
}

// after is the layer as the bar leaves it.
func (b *barWork) after(l *Layer) Layer {
	out := *l
	if slices.Contains(b.layers, l) {
		out.Mark = &b.price
		out.Stop = b.stops[l.PositionID]
		if b.atr.IsPos() {
			out.ATR = b.atr
		}
	}
	return out
}

// of is the cost of n lots at the average.
func (a Average) of(n int) Decimal {
	if n == a.Lots {
		return a.Cost
	}
	return quotient(mul(a.rat(), ratInt(n)))
}

// equityAfter is the sizing equity with the bar's marks.
func (s *State) equityAfter(b *barWork) Decimal {
	var unrealized Decimal
	for _, l := range s.Layers() {
		after := b.after(l)
		unrealized = unrealized.Add(after.Unrealized())
	}
	return Equity(s.settings.Risk.SizingEquity, s.Capital.Closed(), unrealized)
}
