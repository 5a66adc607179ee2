package engine

import (
	"fmt"
	"strings"

	"pm/domain"
)

// subject says in a log line what an event is about. Parts that are empty leave no blank at its end.
func subject(e domain.Event) string { return strings.TrimSpace(subjectOf(e)) }

func subjectOf(e domain.Event) string {
	switch e := e.(type) {
	case *domain.SignalReceived:
		return fmt.Sprintf("%s %s %s", e.Signal.Type, e.Signal.Instrument, e.Outcome)
	case *domain.SignalRejected:
		codes := ""
		for _, r := range e.Reasons {
			codes += string(r.Code) + " "
		}
		return codes
	case *domain.OrderInitialized:
		return fmt.Sprintf("%s %s %d lots %s", e.Side, e.Contract, e.Lots, e.OrderID)
	case *domain.OrderFilled:
		return fmt.Sprintf("%s %d at %s", e.OrderID, e.LastQty, e.LastPx)
	case *domain.OrderRejected:
		return fmt.Sprintf("%s %s %s", e.OrderID, e.Code, e.Text)
	case *domain.OrderUnknown:
		return fmt.Sprintf("%s %s", e.OrderID, e.Cause)
	case *domain.StopMoved:
		return fmt.Sprintf("%s %s to %s", e.PositionID, e.From, e.To)
	case *domain.ExitRequested:
		return fmt.Sprintf("%s %s %s", e.IntentID, e.Cause, e.Contract)
	case *domain.AlarmRaised:
		return e.Code + " " + e.Subject
	case *domain.TradingStateChanged:
		return fmt.Sprintf("%s to %s: %s", e.From, e.To, e.Reason)
	}
	return ""
}
