package domain

import (
	"slices"
	"time"
)

// judgement is one signal on its way to a decision.
type judgement struct {
	s   *State
	c   SubmitSignal
	sig *Signal
	d   Decision
	id  SignalID
	// content tells a repeat from a conflict
	content string
	reasons []Reason
	flags   []string
}

func decideSignal(s *State, c SubmitSignal) (Decision, error) {
	j := &judgement{s: s, c: c, sig: &c.Signal, id: c.ID(), content: c.Content(), flags: c.Flags}
	if done := j.repeated(); done {
		return j.d, nil
	}
	switch c.Signal.Type {
	case BaseEntry:
		j.base(newBasePlan(j, *c.Signal.Price, *c.Signal.Stop, *c.Signal.ATR, *c.Signal.ER))
	case Pyramid:
		j.pyramid(newPyramidPlan(j, *c.Signal.Price, *c.Signal.Stop, *c.Signal.ATR))
	case Exit:
		j.exit()
	case MarketData:
		j.bar()
	case EODMonitor:
		j.eod()
	}
	return j.d, nil
}

// repeated settles a signal whose id was accepted before.
func (j *judgement) repeated() bool {
	before := j.s.Recent.Seen(j.id, j.remembered())
	if len(before) == 0 {
		return false
	}
	same := slices.IndexFunc(before, func(s *Seen) bool { return s.Content == j.content })
	last := before[len(before)-1]
	switch {
	case same >= 0:
		j.d.Verdict, j.d.FirstRevision = VerdictDuplicate, before[same].Revision
		return true
	case j.c.ClientID == "" && !j.leaves():
		// An id of our own making says that instrument, type, position and instant are the same: that is the same signal.
		j.d.Verdict, j.d.FirstRevision = VerdictDuplicate, last.Revision
		return true
	}
	j.d.alarm(j.s, -1, "", "", &AlarmRaised{Code: AlarmIDConflict, Subject: string(j.id)})
	if j.leaves() { // an exit is judged as new: lots that should leave must not stay for a sender's slip
		return false
	}
	j.d.Verdict, j.d.FirstRevision = VerdictConflict, last.Revision
	return true
}

// remembered is the log time since which accepted signals count, for an event that this decision would record.
func (j *judgement) remembered() time.Time {
	return later(j.s.At, later(j.c.Now, j.c.Log)).Add(-j.s.settings.Signals.Memory)
}

// leaves says whether the signal asks for an exit.
func (j *judgement) leaves() bool {
	return j.sig.Type == Exit || j.sig.Type == EODMonitor && j.sig.Conditions.LongExit
}

func (j *judgement) received(outcome string) int {
	return j.d.first(&SignalReceived{
		SignalID: j.id, ClientID: j.c.ClientID, Outcome: outcome, ReceivedAt: j.c.Now, Content: j.content, Flags: j.flags, Signal: *j.sig, Raw: j.c.Raw,
	})
}

func (j *judgement) accept() int {
	j.d.Verdict = VerdictAccepted
	return j.received(OutcomeAccepted)
}

// fail adds a reason; figures are pairs of name and value.
func (j *judgement) fail(code ReasonCode, figures ...string) {
	r := Reason{Code: code}
	for i := 0; i+1 < len(figures); i += 2 {
		if r.Details == nil {
			r.Details = map[string]string{}
		}
		r.Details[figures[i]] = figures[i+1]
	}
	j.reasons = append(j.reasons, r)
}

// reject records the refusal with what was worked out until then.
func (j *judgement) reject(layer string, sizing *Sizing, gates ...Gate) {
	j.d.Verdict = VerdictRejected
	at := j.received(OutcomeRejected)
	j.d.after(at, &SignalRejected{SignalID: j.id, Reasons: j.reasons, Layer: layer, Sizing: sizing, Gates: gates})
}

// duplicate records a repeat that is not the same id: the answer points at what it repeats.
func (j *judgement) duplicate(first uint64) {
	j.fail(ReasonDuplicate)
	j.d.Verdict, j.d.FirstRevision = VerdictDuplicate, first
	at := j.received(OutcomeRejected)
	j.d.after(at, &SignalRejected{SignalID: j.id, Reasons: j.reasons, FirstRevision: &first})
}

// stale judges the age of an entry signal.
func (j *judgement) stale(maxAge time.Duration) {
	age, limits := j.c.Now.Sub(j.sig.Timestamp), j.s.settings.Signals
	if age > maxAge || age < -limits.MaxAhead {
		j.fail(ReasonStale, "age", age.String(), "max_age", maxAge.String(), "max_ahead", limits.MaxAhead.String())
	}
}

// bar marks, moves stops, finds hits and peels off, in this order, for the layers that the bar is not older than.
func (j *judgement) bar() {
	m, sig := j.s.Markets[j.sig.Instrument], j.sig
	if _, known := j.s.settings.Instrument(sig.Instrument, sig.Timestamp); !known && len(m.layers()) == 0 {
		j.fail(ReasonUnknownInstrument, "instrument", sig.Instrument)
		j.reject("", nil)
		return
	}
	root := j.accept()
	if m != nil && m.Bar != nil && sig.Timestamp.Before(m.Bar.Fresh()) {
		return // older than the last bar: recorded, moves nothing
	}
	bar := j.d.after(root, &BarClosed{Instrument: sig.Instrument, Timestamp: sig.Timestamp, Price: *sig.Price, ATR: *sig.ATR, Supertrend: *sig.Supertrend})
	if sig.Timestamp.Sub(j.c.Now) > j.s.settings.Signals.MaxAhead {
		j.d.alarm(j.s, bar, "", "", &AlarmRaised{Code: AlarmBarAhead, Subject: sig.Instrument})
	}
	b := barWork{j: j, cause: bar, price: *sig.Price, atr: *sig.ATR, stops: map[PositionID]Decimal{}}
	for _, l := range m.layers() { // also what a late fill made: one that a person keeps lives by its stop
		if !sig.Timestamp.Before(l.SignalTime) {
			b.layers = append(b.layers, l)
		}
	}
	b.moveStops()
	hit := b.hits()
	b.peel(m, hit)
}
