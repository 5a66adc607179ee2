package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"pm/domain"
)

// orderWords says what became of an order; n.order is the order as it stood before.
func (n *narrator) orderWords(e domain.Event) string {
	tag := n.order.Tag
	switch e := e.(type) {
	case *domain.OrderInitialized:
		return orderedWords(e)
	case *domain.OrderSendStarted:
		return fmt.Sprintf("%s goes out to %s", tag, n.order.Broker)
	case *domain.OrderAccepted:
		found := ""
		if e.Found != "" {
			found = ", found by " + e.Found
		}
		return fmt.Sprintf("%s works at the broker as %s%s", tag, e.BrokerID, found)
	case *domain.OrderRejected:
		return fmt.Sprintf("%s refused by the broker: %s %s", tag, e.Code, e.Text) + n.released()
	case *domain.OrderUnknown:
		return fmt.Sprintf("%s: nobody knows whether the broker took it (%s); it is not sent again, no entry goes in %s", tag, e.Cause, n.order.Instrument)
	case *domain.OrderNotAccepted:
		return fmt.Sprintf("%s was never at the broker: %s", tag, e.Evidence) + n.released()
	case *domain.OrderFilled:
		return n.fillWords(e)
	case *domain.OrderCancelRequested:
		return fmt.Sprintf("%s is to be cancelled: %s", tag, e.Reason)
	case *domain.OrderCanceled:
		return fmt.Sprintf("%s cancelled with %d of %s filled: %s", tag, n.order.Cum, counted(n.order.Lots, "lot"), e.Reason) + n.released()
	case *domain.OrderExpired:
		return fmt.Sprintf("%s expired before it was sent: %s", tag, e.Reason) + n.released()
	}
	return ""
}

// orderedWords says what is to be bought or sold, and how its size came about.
func orderedWords(e *domain.OrderInitialized) string {
	text := fmt.Sprintf("%s: %s %s %s %s", e.Tag, e.Side, counted(e.Lots, "lot"), e.Contract, e.Type)
	if e.LimitPrice != nil {
		text += " " + price(*e.LimitPrice)
	}
	if e.Entry == nil {
		return fmt.Sprintf("%s for exit %s, attempt %d", text, e.IntentID, e.Attempt)
	}
	return fmt.Sprintf("%s for %s, sized by %s, stop %s", text, e.Entry.PositionID, e.Entry.Sizing.Limiter, price(e.Entry.InitialStop))
}

// fillWords says what traded, which layers it changed, and what it did to the money.
func (n *narrator) fillWords(e *domain.OrderFilled) string {
	verb := "bought"
	if n.order.Kind == domain.ExitOrder {
		verb = "sold"
	}
	text := fmt.Sprintf("%s: %s %d at %s (%d of %s)", n.order.Tag, verb, e.LastQty, price(e.LastPx), e.CumQty, counted(n.order.Lots, "lot"))
	if moved := n.moved(); moved != "" {
		text += "; " + moved
	}
	if !e.Fee.IsZero() {
		text += "; fee " + money(e.Fee)
	}
	if !n.closed.Equal(n.s.Capital.Closed()) {
		text += "; equity " + n.equityMove()
	}
	return text
}

// moved lists the layers whose lots changed.
func (n *narrator) moved() string {
	now, closed := map[domain.PositionID]int{}, map[domain.PositionID]*domain.Layer{}
	for _, l := range n.s.Layers() {
		now[l.PositionID] = l.Lots
	}
	for _, l := range n.s.Closed() {
		closed[l.PositionID] = l
	}
	all := maps.Clone(n.lots)
	for id := range now {
		all[id] = 0
	}
	var out []string
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if n.lots[id] == now[id] {
			continue
		}
		text := fmt.Sprintf("%s %d -> %s", id, n.lots[id], counted(now[id], "lot"))
		if l := closed[id]; l != nil {
			text += fmt.Sprintf(", closed with %s net", money(l.Realized.Sub(l.Fees)))
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// released says that an entry that ended unfilled gave its reservation back.
func (n *narrator) released() string {
	if n.order.Entry == nil || n.order.Cum > 0 || n.s.Layer(n.order.Entry.PositionID) != nil {
		return ""
	}
	return fmt.Sprintf("; %s is free again", n.order.Entry.PositionID)
}
