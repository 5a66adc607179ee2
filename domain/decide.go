package domain

import (
	"errors"
	"fmt"
)

// Decision is what a command leads to: events to record, or none, and how a signal was judged.
type Decision struct {
	Drafts        []Draft
	Verdict       Verdict
	FirstRevision uint64 // of a duplicate
}

// Draft is an event before it has a place in the log. After names an earlier draft of the same decision as its cause (-1: none);
// else Cause and Corr name recorded events, or are empty for the first of a chain.
type Draft struct {
	Event Event
	After int
	Corr  EventID
	Cause EventID
}

// Verdict is how a signal was judged.
type Verdict string

// The verdicts. Commands other than signals have none.
const (
	VerdictNone      Verdict = ""
	VerdictAccepted  Verdict = "accepted"
	VerdictRejected  Verdict = "rejected"
	VerdictDuplicate Verdict = "duplicate"
	VerdictConflict  Verdict = "conflict" // the id was accepted before with other content
)

// Refusal is a person's command that the rules do not allow. Nothing was recorded.
type Refusal struct {
	Code    string
	Message string
}

func (r *Refusal) Error() string { return r.Message }

func refuse(code, format string, args ...any) error {
	return &Refusal{Code: code, Message: fmt.Sprintf(format, args...)}
}

// ErrNotDue says that an order may not be sent now: it has expired, was cancelled, or something stands against it.
var ErrNotDue = errors.New("the order is not to be sent now")

func (d *Decision) first(e Event) int { return d.add(Draft{Event: e, After: -1}) }

func (d *Decision) after(i int, e Event) int { return d.add(Draft{Event: e, After: i}) }

func (d *Decision) on(corr, cause EventID, e Event) int {
	return d.add(Draft{Event: e, After: -1, Corr: corr, Cause: cause})
}

func (d *Decision) add(draft Draft) int {
	d.Drafts = append(d.Drafts, draft)
	return len(d.Drafts) - 1
}

// Decide says what a command leads to, reading nothing but the state and the command. It changes neither.
func Decide(s *State, c Command) (Decision, error) {
	switch c := c.(type) {
	case SubmitSignal:
		return decideSignal(s, c)
	case Tick:
		return decideTick(s, c)
	case BeginSend:
		return decideBeginSend(s, c)
	case ReportSent:
		return decideSent(s, c)
	case ReportOrder:
		return decideReport(s, c)
	case ReportAbsent:
		return decideAbsent(s, c)
	case ReportPositions:
		return decidePositions(s, c)
	case AdoptOrders:
		return decideAdopt(s)
	case OpenPortfolio:
		return decideOpen(s, c)
	case StartEpoch:
		return decideEpoch(s, c)
	case RecordRecovery:
		var d Decision
		d.first(&c.Recovery)
		return d, nil
	case Configure:
		return decideConfigure(s, c)
	case RaiseAlarm:
		return decideAlarm(s, c)
	default:
		return decidePerson(s, c)
	}
}

// decidePerson is the part of Decide that answers people and the service's own safety commands.
func decidePerson(s *State, c Command) (Decision, error) {
	switch c := c.(type) {
	case SetTrading:
		return decideTrading(s, c)
	case StopEntries:
		return decideStopEntries(s, c)
	case ExitPosition:
		return decideExitPosition(s, c)
	case CloseAll:
		return decideCloseAll(s, c)
	case WithdrawExit:
		return decideWithdraw(s, c)
	case MoveCapital:
		return decideCapital(s, c)
	case ChangeLimits:
		return decideLimits(s, c)
	case AcceptDifference:
		return decideAccept(s, c)
	case RaiseFormat:
		return decideFormat(s, c)
	case StepClock:
		return decideClock(s, c)
	}
	return Decision{}, fmt.Errorf("no rule for command %T", c)
}

// alarm raises an alarm unless the same one stands.
func (d *Decision) alarm(s *State, after int, corr, cause EventID, a *AlarmRaised) {
	if s.Alarms[alarmKey(a.Code, a.Subject)] == nil {
		d.add(Draft{Event: a, After: after, Corr: corr, Cause: cause})
	}
}

func decideAlarm(s *State, c RaiseAlarm) (Decision, error) {
	var d Decision
	d.alarm(s, -1, "", "", &AlarmRaised{Code: c.Code, Subject: bounded(c.Subject), Details: c.Details})
	return d, nil
}
