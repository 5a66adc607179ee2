package domain

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// taken says whether a person's command with this id was recorded before: a repeated request changes nothing.
func (s *State) taken(id string) bool {
	_, ok := s.Recent.commands[id]
	return id != "" && ok
}

// decideTrading moves the trading state. Leaving HALTED turns every exit that was held back and is still valid into an ordinary one.
func decideTrading(s *State, c SetTrading) (Decision, error) {
	var d Decision
	switch {
	case s.taken(c.ID), s.Trading.Mode == c.To:
		return d, nil
	case c.To != Active && c.To != Reducing && c.To != Halted:
		return d, refuse("unknown_state", "%q is no trading state; there are ACTIVE, REDUCING and HALTED", c.To)
	case strings.TrimSpace(c.Reason) == "":
		return d, refuse("missing_reason", "say why: the reason is kept in the log")
	}
	root := d.first(&TradingStateChanged{From: s.Trading.Mode, To: c.To, Reason: c.Reason, By: c.By, ID: c.ID})
	if c.To == Active && s.Alarms[alarmKey(AlarmDivergence, SubjectSnapshot)] != nil {
		d.after(root, &TradingStateChanged{From: Active, To: Reducing, Reason: ReasonLateDivergence, By: ByService})
	}
	if s.Trading.Mode != Halted {
		return d, nil
	}
	made := 0
	claimed := map[PositionID]bool{}
	for _, i := range s.StandingIntents() {
		if !i.HeldBack {
			continue
		}
		var layers []*Layer
		for _, claim := range i.Claims {
			if l := s.byID[claim.PositionID]; l != nil && !claimed[l.PositionID] {
				claimed[l.PositionID] = true
				layers = append(layers, l)
			}
		}
		x := exitPlan{s: s.unheld(), d: &d, cause: i.Cause, after: root, ref: i.RefPrice, signal: i.SignalID, by: i.By, reason: "held back", made: made}
		x.request(layers)
		made = x.made
	}
	return d, nil
}

// unheld is the state seen as no longer halted, for the exits that follow a resume.
func (s *State) unheld() *State {
	out := *s
	out.Trading.Mode = Active
	return &out
}

func decideExitPosition(s *State, c ExitPosition) (Decision, error) {
	var d Decision
	l := s.byID[c.PositionID]
	switch {
	case s.taken(c.ID):
		return d, nil
	case l == nil:
		return d, refuse("not_open", "no position %s is open", c.PositionID)
	case l.Free() == 0 && !s.bindable(l):
		return d, refuse("already_leaving", "all lots of %s are leaving already; while HALTED, withdraw the exit that stands and ask again", c.PositionID)
	}
	x := exitPlan{s: s, d: &d, cause: CauseOperator, after: -1, by: c.By, reason: c.Reason, command: c.ID}
	x.request([]*Layer{l})
	return d, nil
}

// decideCloseAll exits everything, with real exit orders. While HALTED it takes over what other exits have claimed and could not send.
func decideCloseAll(s *State, c CloseAll) (Decision, error) {
	var d Decision
	if s.taken(c.ID) {
		return d, nil
	}
	over := s.takeOver(&d, c)
	made, lots, bound := 0, 0, 0
	for _, name := range slices.Sorted(maps.Keys(s.Markets)) {
		x := exitPlan{s: s, d: &d, cause: CauseCloseAll, after: -1, by: c.By, reason: c.Reason, command: c.ID, made: made, over: over}
		l, b := x.request(s.Markets[name].layers())
		made, lots, bound = x.made, lots+l, bound+b
	}
	switch {
	case lots+bound > 0:
		return d, nil
	case len(s.byID) == 0:
		return Decision{}, refuse("not_open", "nothing is open")
	}
	return Decision{}, refuse("already_leaving", "everything that is held is leaving already")
}

// takeOver withdraws, while HALTED, the exits that no person asked for and that have sent nothing, and says what it took from them. One
// whose order has left goes on until that order ends: exitPlan.follow.
func (s *State) takeOver(d *Decision, c CloseAll) takenOver {
	over := takenOver{map[PositionID]int{}, map[OrderID]bool{}}
	for _, i := range s.StandingIntents() {
		o := s.Orders[i.Order]
		if i.HeldBack || i.Withdrawn || !s.stuck(i) || (o != nil && o.State != Initialized) {
			continue
		}
		if o != nil {
			d.on(o.Corr, o.Last, &OrderCanceled{OrderID: o.OrderID, Reason: "taken over by close-all"})
		}
		d.on(i.Corr, i.Last, &ExitWithdrawn{IntentID: i.ID, By: c.By, Reason: "taken over by close-all"})
		for _, claim := range i.Claims {
			over.lots[claim.PositionID] += claim.Lots
		}
		for _, id := range i.Binds {
			over.entries[id] = true
		}
	}
	return over
}

// decideWithdraw ends an exit. One whose order has left ends when the broker has ended that order.
func decideWithdraw(s *State, c WithdrawExit) (Decision, error) {
	var d Decision
	i := s.Intents[c.IntentID]
	switch {
	case s.taken(c.ID):
		return d, nil
	case i == nil || i.Withdrawn:
		return d, refuse("not_standing", "no exit %s stands", c.IntentID)
	}
	at := d.on(i.Corr, i.Last, &ExitWithdrawn{IntentID: i.ID, By: c.By, Reason: c.Reason, CommandID: c.ID})
	s.cancelEntry(&d, at, s.Orders[i.Order], "withdrawn")
	return d, nil
}

// MaxCapital bounds one deposit or withdrawal, in rupees.
const MaxCapital = "1000000000000"

func decideCapital(s *State, c MoveCapital) (Decision, error) {
	var d Decision
	switch {
	case s.taken(c.ID):
		return d, nil
	case !c.Amount.IsPos() || c.Amount.Prec() > PriceDecimals || c.Amount.Cmp(D(MaxCapital)) > 0:
		return d, refuse("invalid_amount", "the amount must be above zero, at most %s, with at most %d digits after the point", MaxCapital, PriceDecimals)
	case c.Withdraw && c.Amount.Cmp(s.Capital.Closed()) > 0:
		return d, refuse("not_enough", "%s is more than the closed equity of %s", c.Amount, s.Capital.Closed())
	}
	if c.Withdraw {
		d.first(&CapitalWithdrawn{Amount: c.Amount, Note: c.Note, By: c.By, ID: c.ID})
	} else {
		d.first(&CapitalDeposited{Amount: c.Amount, Note: c.Note, By: c.By, ID: c.ID})
	}
	return d, nil
}

const limitsPrefix = "risk."

func decideLimits(s *State, c ChangeLimits) (Decision, error) {
	var d Decision
	if s.taken(c.ID) {
		return d, nil
	}
	before, after := map[string]string{}, map[string]string{}
	for _, k := range slices.Sorted(maps.Keys(c.Limits)) {
		was, ok := s.Effective[k]
		if !ok || !strings.HasPrefix(k, limitsPrefix) {
			return d, refuse("unknown_limit", "%q is no limit; the limits are the risk.* settings", k)
		}
		if was != c.Limits[k] {
			before[k], after[k] = was, c.Limits[k]
		}
	}
	if _, problems := ParseSettings(overlay(s.Effective, before, after)); len(problems) > 0 {
		return d, refuse("invalid_limit", "%v", problems[0])
	}
	if len(after) > 0 {
		d.first(&RiskLimitsChanged{By: c.By, Before: before, After: after, ID: c.ID})
	}
	return d, nil
}

// decideFormat raises the log's format. FormatRaised carries no command's id: its own form can never change, since every older build must
// still read from it which build it needs; a repeat is recognized by the format that the log has already.
func decideFormat(s *State, c RaiseFormat) (Decision, error) {
	var d Decision
	switch {
	case s.taken(c.ID), c.To == s.Format:
		return d, nil
	case c.To < s.Format:
		return d, refuse("already_raised", "the log has format %d; a format is never lowered", s.Format)
	case c.To > Format:
		return d, refuse("unknown_format", "this build knows the formats up to %d: install one that knows %d on every instance first", Format, c.To)
	}
	d.first(&FormatRaised{To: c.To, By: c.By})
	return d, nil
}

// String names a refusal for logs.
func (r Reason) String() string { return fmt.Sprintf("%s %v", r.Code, r.Details) }
