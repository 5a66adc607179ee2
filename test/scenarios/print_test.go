package scenarios

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"pm/domain"
	"pm/domain/engine"
)

// factless stands in a story where the facts of an event have no arm yet.
const factless = "(print_test.go does not say what)"

// line tells one event: its revision, its type and the facts that a story turns on.
func (w *world) line(r domain.Recorded) string {
	return strings.TrimRight(fmt.Sprintf("%d %s %s", r.Rev, r.Type, w.facts(r.Event)), " ")
}

func (w *world) facts(e domain.Event) string {
	switch e := e.(type) {
	case *domain.PortfolioOpened:
		return fmt.Sprintf("%s with %s", e.ID, e.InitialCapital)
	case *domain.LeaderEpochStarted:
		return fmt.Sprintf("epoch %d of %s", e.Epoch, e.Instance)
	case *domain.RecoveryCompleted:
		return fmt.Sprintf("to revision %d", e.HeadRevision)
	case *domain.SettingsChanged:
		return changed(e.Before, e.After)
	case *domain.RiskLimitsChanged:
		return changed(e.Before, e.After)
	case *domain.ClockStepped:
		return fmt.Sprintf("back by %s", e.From.Sub(e.To))
	case *domain.TradingStateChanged:
		return fmt.Sprintf("%s to %s: %s", e.From, e.To, e.Reason)
	case *domain.CapitalDeposited:
		return e.Amount.String()
	case *domain.CapitalWithdrawn:
		return e.Amount.String()
	case *domain.SignalReceived:
		return strings.Join(append([]string{string(e.Signal.Type), e.Signal.Instrument, e.Outcome}, e.Flags...), " ")
	case *domain.SignalRejected:
		return codes(e.Reasons)
	case *domain.BarClosed:
		return fmt.Sprintf("%s %s atr %s", e.Instrument, e.Price, e.ATR)
	case *domain.StopMoved:
		return fmt.Sprintf("%s %s to %s", e.PositionID, e.From, e.To)
	case *domain.FormatRaised:
		return fmt.Sprintf("to %d by %s", e.To, e.By)
	case *domain.BrokerDifferenceFound:
		return fmt.Sprintf("%s %s: the book has %s, we have %s", e.ID, e.Kind, e.Details["book"], e.Details["ours"])
	case *domain.BrokerDifferenceAccepted:
		return fmt.Sprintf("%s by %s: %s", e.ID, e.By, e.Reason)
	case *domain.AlarmRaised:
		return e.Code + " " + w.named(e.Subject)
	case *domain.ExitRequested:
		return w.request(e)
	case *domain.ExitWithdrawn:
		return string(e.IntentID)
	}
	return w.orderFacts(e)
}

func (w *world) orderFacts(e domain.Event) string {
	switch e := e.(type) {
	case *domain.OrderInitialized:
		return w.order(e)
	case *domain.OrderSendStarted:
		return w.number(e.OrderID)
	case *domain.OrderAccepted:
		return joined(w.number(e.OrderID), e.BrokerID, found(e.Found))
	case *domain.OrderRejected:
		return joined(w.number(e.OrderID), e.Code)
	case *domain.OrderUnknown:
		return joined(w.number(e.OrderID), strings.TrimSpace(e.Cause))
	case *domain.OrderNotAccepted:
		return joined(w.number(e.OrderID), e.Evidence)
	case *domain.OrderFilled:
		at := fmt.Sprintf("%s %d at %s (%d of %d)", w.number(e.OrderID), e.LastQty, e.LastPx, e.CumQty, e.CumQty+e.LeavesQty)
		return joined(at, string(e.PositionID))
	case *domain.OrderCancelRequested:
		return joined(w.number(e.OrderID), e.Reason)
	case *domain.OrderCanceled:
		return joined(w.number(e.OrderID), e.Reason)
	case *domain.OrderExpired:
		return joined(w.number(e.OrderID), e.Reason)
	}
	return factless
}

func (w *world) order(e *domain.OrderInitialized) string {
	text := fmt.Sprintf("#%d %s %d %s", e.N, e.Side, e.Lots, e.Contract)
	if e.Entry != nil {
		return fmt.Sprintf("%s limit %s for %s", text, e.LimitPrice, e.Entry.PositionID)
	}
	return fmt.Sprintf("%s market for %s attempt %d", text, e.IntentID, e.Attempt)
}

func (w *world) request(e *domain.ExitRequested) string {
	text := fmt.Sprintf("%s %s", e.IntentID, e.Cause)
	for _, c := range e.Claims {
		text += fmt.Sprintf(" %s:%d", c.PositionID, c.Lots)
	}
	for _, id := range e.Binds {
		text += " bound to " + w.number(id)
	}
	if e.HeldBack {
		text += " held back"
	}
	return text
}

func found(how string) string {
	if how == "" {
		return ""
	}
	return "(found by " + how + ")"
}

func joined(words ...string) string {
	var out []string
	for _, word := range words {
		if word != "" {
			out = append(out, word)
		}
	}
	return strings.Join(out, " ")
}

// number calls an order #0, #1, ... in the order of their making.
func (w *world) number(id domain.OrderID) string {
	for n := range w.shadow.OrderCount {
		if domain.NewOrderID(portfolio, n) == id {
			return "#" + strconv.FormatUint(n, 10)
		}
	}
	return string(id)
}

// named gives orders their number; everything else has a name of its own.
func (w *world) named(subject string) string { return w.number(domain.OrderID(subject)) }

func codes(reasons []domain.Reason) string {
	var out []string
	for _, r := range reasons {
		out = append(out, string(r.Code))
	}
	return strings.Join(out, " ")
}

// answer tells what the sender or the person hears.
func (w *world) answer(c domain.Command, r *engine.Result) {
	var refusal *domain.Refusal
	if errors.As(r.Err, &refusal) {
		w.say("-> refused: %s", refusal.Code)
		return
	}
	if r.Err != nil {
		w.say("-> error: %v", r.Err)
		return
	}
	if _, ok := c.(domain.SubmitSignal); !ok {
		return
	}
	out := domain.OutcomeOf(r.Events)
	switch r.Verdict {
	case domain.VerdictAccepted:
		limiter := ""
		if out.Sizing != nil {
			limiter = "by " + out.Sizing.Limiter
		}
		lots := ""
		if out.Lots > 0 {
			lots = strconv.Itoa(out.Lots) + " lots"
		}
		w.say("-> %s", joined("accepted", out.Action, string(out.Position), lots, limiter))
	case domain.VerdictRejected:
		w.say("-> rejected %s", codes(out.Reasons))
	case domain.VerdictDuplicate:
		w.say("-> duplicate of revision %d", r.FirstRevision)
	default:
		w.say("-> %s with revision %d", r.Verdict, r.FirstRevision)
	}
}
