package main

import (
	"fmt"
	"strings"

	"pm/domain"
)

// signalWords says what a chart sent and whether the rules took it.
func signalWords(e *domain.SignalReceived) string {
	sig := &e.Signal
	parts := []string{string(sig.Type), sig.Instrument}
	if len(sig.Position) > 0 {
		parts = append(parts, strings.Join(sig.Position, "+"))
	}
	if sig.Price != nil {
		parts = append(parts, "at "+price(*sig.Price))
	}
	if sig.Stop != nil {
		parts = append(parts, "stop "+price(*sig.Stop))
	}
	text := strings.Join(parts, " ") + ": " + e.Outcome
	if len(e.Flags) > 0 {
		text += " (" + strings.Join(e.Flags, "; ") + ")"
	}
	return text
}

// reasonWords names every reason with its figures.
func reasonWords(reasons []domain.Reason) string {
	parts := make([]string, len(reasons))
	for i, r := range reasons {
		parts[i] = string(r.Code) + details(r.Details)
	}
	return strings.Join(parts, "; ")
}

func firstWords(first *uint64) string {
	if first == nil {
		return ""
	}
	return fmt.Sprintf(" of revision %d", *first)
}

// barWords says what a bar marked. The stops that it moves and hits follow as events of their own.
func (n *narrator) barWords(e *domain.BarClosed) string {
	text := fmt.Sprintf("%s bar %s, ATR %s", e.Instrument, price(e.Price), price(e.ATR))
	if now := n.unrealized(); !now.Equal(n.open) {
		text += fmt.Sprintf("; unrealized %s -> %s", money(n.open), money(now))
	}
	return text
}

// exitWords says which lots are to leave and why.
func exitWords(e *domain.ExitRequested) string {
	parts := make([]string, 0, len(e.Claims))
	lots, rest := 0, false
	for _, c := range e.Claims {
		lots += c.Lots
		rest = rest || c.Lots == 0
		parts = append(parts, fmt.Sprintf("%s %d", c.PositionID, c.Lots))
	}
	text := fmt.Sprintf("exit of %s (%s): %s", counted(lots, "lot"), e.Cause, strings.Join(parts, ", "))
	if e.HeldBack {
		text = fmt.Sprintf("exit held back while halted (%s): %s", e.Cause, strings.Join(parts, ", "))
	}
	switch {
	case len(e.Binds) > 0 && rest:
		text += ", and what the orders under way leave unsold or still fill"
	case len(e.Binds) > 0:
		text += ", and what still fills of the entry in flight"
	}
	if e.By != "" {
		text += " by " + e.By + ": " + e.Reason
	}
	return text
}
