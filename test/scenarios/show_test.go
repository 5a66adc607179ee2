package scenarios

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"pm/eventstore"
)

// show prints a table of the state that the log alone gives, or of the broker.
func (w *world) show(c command) error {
	switch c.word(0) {
	case "positions":
		w.showPositions()
	case "orders":
		for _, o := range w.shadow.OpenOrders() {
			w.say("#%d %s %d of %d lots %s", o.N, o.Side, o.Cum, o.Lots, o.State)
		}
		w.none(len(w.shadow.Orders), "orders")
	case "intents":
		for _, i := range w.shadow.StandingIntents() {
			w.say("%s %s %d lots, %d attempts", i.ID, i.Cause, i.Lots(), i.Attempts)
		}
		w.none(len(w.shadow.Intents), "exits")
	case "capital":
		f, k := w.shadow.Figures(), w.shadow.Capital
		w.say("closed %s realized %s fees %s high water %s", f.Closed, k.Realized, k.Fees, f.HighWater)
		w.say("equity %s unrealized %s risk %s volatility %s margin %s", f.Equity, f.Unrealized, f.Risk, f.Volatility, f.Margin)
	case "alarms":
		for _, key := range slices.Sorted(maps.Keys(w.shadow.Alarms)) {
			a := w.shadow.Alarms[key]
			w.say("%s %s", a.Code, w.named(a.Subject))
		}
		w.none(len(w.shadow.Alarms), "alarms")
	case "broker":
		return w.showBroker()
	case "event":
		return w.showEvent(c)
	default:
		return fmt.Errorf("%q cannot be shown", c.word(0))
	}
	return nil
}

func (w *world) none(n int, what string) {
	if n == 0 {
		w.say("no %s", what)
	}
}

func (w *world) showPositions() {
	layers := w.shadow.Layers()
	for _, l := range layers {
		if l.Bought == 0 {
			w.say("%s reserved, stop %s, point value %s, %s", l.PositionID, l.Stop, l.PointValue, l.Contract)
			continue
		}
		w.say("%s %d lots, %d leaving, entry %s, stop %s, point value %s, %s", l.PositionID, l.Lots, l.Leaving, l.Entry().Price(), l.Stop, l.PointValue, l.Contract)
	}
	w.none(len(layers), "positions")
}

// showBroker prints the broker's own book, and the units that it holds: what the trader owns, whatever we believe.
func (w *world) showBroker() error {
	if w.market.paper == nil {
		if err := w.market.open(); err != nil {
			return err
		}
		defer func() { _ = w.market.close() }() // it was only looked at
	}
	orders, err := w.market.all(w.ctx)
	if err != nil {
		return err
	}
	net := map[string]int{}
	for _, o := range orders {
		w.say("%s %s %d of %d units %s", o.BrokerID, o.Side, o.Filled(), o.Quantity, o.Status)
		net[o.Contract] += sign(o.Side) * o.Filled()
	}
	w.none(len(orders), "orders at the broker")
	for _, contract := range slices.Sorted(maps.Keys(net)) {
		w.say("%s %d units held", contract, net[contract])
	}
	return nil
}

// showEvent prints the bytes of one event as they are stored.
func (w *world) showEvent(c command) error {
	rev, err := strconv.ParseUint(c.word(1), 10, 64)
	if err != nil {
		return err
	}
	return w.disk.log.Read(w.ctx, rev, func(recs []eventstore.Record) error {
		if recs[0].Rev == rev {
			w.say("%s", recs[0].Data)
		}
		return nil
	})
}

// changed tells which settings have other values.
func changed(before, after map[string]string) string {
	keys := map[string]bool{}
	for k := range before {
		keys[k] = true
	}
	for k := range after {
		keys[k] = true
	}
	text := ""
	for i, k := range slices.Sorted(maps.Keys(keys)) {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s %q to %q", k, before[k], after[k])
	}
	return text
}
