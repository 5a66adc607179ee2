package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"pm/domain"
)

// narrator folds events into a state and says what each changed, in a trader's words.
type narrator struct {
	s *domain.State
	// What an event is about is often gone once it is applied (a filled order, a closed layer), so it is noted before.
	order  domain.Order
	lots   map[domain.PositionID]int
	stops  map[domain.PositionID]domain.Decimal
	closed domain.Decimal // equity by closed trades
	open   domain.Decimal // unrealized
}

func newNarrator(s *domain.State) *narrator { return &narrator{s: s} }

// apply takes one event into the state. The words are made only where they are wanted: most replays show a part.
func (n *narrator) apply(r domain.Recorded, wanted bool) (string, error) {
	if wanted {
		n.note(r.Event)
	}
	if err := apply(n.s, r); err != nil || !wanted {
		return "", err
	}
	return n.words(r.Event), nil
}

// note keeps what the words need of the state before the event.
func (n *narrator) note(e domain.Event) {
	n.lots, n.stops, n.order = map[domain.PositionID]int{}, map[domain.PositionID]domain.Decimal{}, domain.Order{}
	for _, l := range n.s.Layers() {
		n.lots[l.PositionID], n.stops[l.PositionID] = l.Lots, l.Stop
	}
	n.closed, n.open = n.s.Capital.Closed(), n.unrealized()
	id, ok := orderOf(e)
	if !ok {
		return
	}
	if o := n.s.Orders[id]; o != nil {
		n.order = *o
	} else if o := n.s.Recent.Order(id); o != nil {
		n.order = *o
	}
}

func (n *narrator) unrealized() (sum domain.Decimal) {
	for _, l := range n.s.Layers() {
		sum = sum.Add(l.Unrealized())
	}
	return sum
}

// words says what an applied event changed.
func (n *narrator) words(e domain.Event) string {
	switch e := e.(type) {
	case *domain.SignalReceived:
		return signalWords(e)
	case *domain.SignalRejected:
		return "refused: " + reasonWords(e.Reasons) + firstWords(e.FirstRevision)
	case *domain.BarClosed:
		return n.barWords(e)
	case *domain.StopMoved:
		return fmt.Sprintf("%s: stop %s -> %s (highest %s)", e.PositionID, price(e.From), price(e.To), price(e.Highest))
	case *domain.ExitRequested:
		return exitWords(e)
	case *domain.ExitWithdrawn:
		return fmt.Sprintf("exit %s withdrawn by %s: %s", e.IntentID, e.By, e.Reason)
	case *domain.AlarmRaised:
		return fmt.Sprintf("ALARM %s (%s): %s", e.Code, e.Subject, domain.Alarms[e.Code])
	}
	if _, ok := orderOf(e); ok {
		return n.orderWords(e)
	}
	return n.portfolioWords(e)
}

// portfolioWords are those of events that concern no single signal, order or layer.
func (n *narrator) portfolioWords(e domain.Event) string {
	switch e := e.(type) {
	case *domain.PortfolioOpened:
		demo := ""
		if e.Demo {
			demo = ", demo"
		}
		return fmt.Sprintf("portfolio %s opened with %s %s%s", e.ID, money(e.InitialCapital), e.Currency, demo)
	case *domain.LeaderEpochStarted:
		return fmt.Sprintf("epoch %d begins: instance %s writes", e.Epoch, e.Instance)
	case *domain.RecoveryCompleted:
		return recoveryWords(e)
	case *domain.SettingsChanged:
		return "configuration: " + changes(e.Before, e.After)
	case *domain.RiskLimitsChanged:
		return fmt.Sprintf("limits changed by %s: %s", e.By, changes(e.Before, e.After))
	case *domain.FormatRaised:
		return fmt.Sprintf("log format %d allowed by %s", e.To, e.By)
	case *domain.TradingStateChanged:
		return fmt.Sprintf("%s -> %s by %s: %s", e.From, e.To, e.By, e.Reason)
	case *domain.CapitalDeposited:
		return fmt.Sprintf("%s deposited by %s; equity %s", money(e.Amount), e.By, n.equityMove())
	case *domain.CapitalWithdrawn:
		return fmt.Sprintf("%s withdrawn by %s; equity %s", money(e.Amount), e.By, n.equityMove())
	case *domain.ClockStepped:
		return fmt.Sprintf("the clock went back from %s to %s", clock(e.From), clock(e.To))
	case *domain.BrokerDifferenceFound:
		return fmt.Sprintf("the broker differs in %s: %s%s", e.Contract, e.Kind, details(e.Details))
	case *domain.BrokerDifferenceAccepted:
		return fmt.Sprintf("difference %s accepted by %s: %s", e.ID, e.By, e.Reason)
	}
	return ""
}

// recoveryWords leaves out what an older form does not say.
func recoveryWords(e *domain.RecoveryCompleted) string {
	text := fmt.Sprintf("recovered up to revision %d, snapshot %s", e.HeadRevision, e.Snapshot)
	if e.SnapshotRevision != nil {
		text += fmt.Sprintf(" at revision %d", *e.SnapshotRevision)
	}
	if e.StateDigest != "" {
		text += ", state " + e.StateDigest
	}
	return text
}

// equityMove is the closed equity before and after.
func (n *narrator) equityMove() string {
	return money(n.closed) + " -> " + money(n.s.Capital.Closed())
}

// changes lists settings as "key: before -> after".
func changes(before, after map[string]string) string {
	keys := map[string]bool{}
	for _, m := range []map[string]string{before, after} {
		for k := range m {
			keys[k] = true
		}
	}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		was, had := before[k]
		is, has := after[k]
		switch {
		case had && has:
			out = append(out, fmt.Sprintf("%s: %s -> %s", k, was, is))
		case has:
			out = append(out, fmt.Sprintf("%s: %s (new)", k, is))
		default:
			out = append(out, fmt.Sprintf("%s: gone, it was %s", k, was))
		}
	}
	return strings.Join(out, "; ")
}

// details writes figures by name, in brackets.
func details(m map[string]string) string {
	if len(m) == 0 {
		return ""
	}
	parts := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, k+" "+m[k])
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
