// Package brokertest holds the promises of engine.Broker as tests. Every adapter passes them, the paper broker and the
// real ones alike, so that the engine can be proved against one and run against another.
//
// An adapter's test opens its broker through a Harness and calls Run:
//
//	func TestBrokerKeepsItsPromises(t *testing.T) {
//		brokertest.Run(t, brokertest.Harness{Open: ..., Reopen: ..., Partly: ..., Loses: ..., Drops: ...})
//	}
//
// An adapter of a remote broker runs against a fake server that behaves as the harness asks. Promises lists them one by
// one: a test can hand each a broken broker and see that it is found out.
//
// The package is imported by tests only.
package brokertest

import (
	"testing"

	"pm/domain"
	"pm/domain/engine"
)

// Harness opens brokers with an empty book. A field that is nil withdraws the promises that need it; only Open is required.
type Harness struct {
	// Open gives a broker without faults. A MARKET order has filled when the book is next read, a LIMIT order whose limit
	// admits Order.RefPrice too, and a LIMIT order that does not admit it rests.
	Open func(t testing.TB) engine.Broker
	// Reopen ends the broker and opens another over what it left behind.
	Reopen func(t testing.TB, b engine.Broker) engine.Broker
	// Partly gives a broker that fills nothing at once and one lot of every order at each tick.
	Partly func(t testing.TB) (b engine.Broker, tick func())
	// Loses gives a broker that takes every order and of which no answer arrives.
	Loses func(t testing.TB) engine.Broker
	// Drops gives a broker that no order reaches and of which no answer arrives.
	Drops func(t testing.TB) engine.Broker
	// Refuses gives a broker that refuses every order by itself, for a reason that the sender cannot see beforehand.
	Refuses func(t testing.TB) engine.Broker
}

// Promise is one thing that the engine relies on.
type Promise struct {
	Name  string // a sentence
	Needs func(Harness) bool
	Check func(t testing.TB, h Harness)
}

// Promises lists everything that Run checks.
func Promises() []Promise {
	open := func(Harness) bool { return true }
	reopen := func(h Harness) bool { return h.Reopen != nil }
	partly := func(h Harness) bool { return h.Partly != nil }
	loses := func(h Harness) bool { return h.Loses != nil }
	drops := func(h Harness) bool { return h.Drops != nil }
	refuses := func(h Harness) bool { return h.Refuses != nil }
	return []Promise{
		{"a broker has a name and says how often to read it", open, named},
		{"an accepted order is in the book under its id, as it was sent", open, accepted},
		{"a malformed order is refused, with a code and a sentence, and is not in the book", open, malformed},
		{"an order that the broker refuses is not in the book", refuses, refused},
		{"an order sent under an ended context is never accepted, nor in the book if refused", open, endedContext},
		{"a reading under an ended context is an error, never an empty book", open, endedReading},
		{"the same tag sent twice is two orders, and both show", open, sentTwice},
		{"concurrent sends are one order each", open, concurrent},
		{"a market order fills in whole, at a price above zero", open, fillsInWhole},
		{"a limit order never fills beyond its limit", open, respectsLimit},
		{"net is the sum of the fills of each contract", open, netIsFills},
		{"cancelling a resting order ends it, and cancelling it again is no error", open, cancelResting},
		{"cancelling a complete order is no error and changes nothing", open, cancelComplete},
		{"what a caller holds is its own: changing it changes nothing in the book", open, callersOwn},
		{"an order that the book does not have is an error, to read and to cancel", open, unknownID},
		{"fills grow part by part, never change and never exceed the order", partly, fillsGrow},
		{"cancelling a partly filled order keeps what has filled and fills no more", partly, cancelKeepsFills},
		{"an order whose answer was lost is in the book, once, however often it is read", loses, lostAnswer},
		{"an order that was dropped on the way never appears in the book", drops, dropped},
		{"the book is the same after a restart", reopen, survives},
		{"a resting order can be cancelled after a restart", reopen, cancelAfterRestart},
		{"ids are not used again after a restart", reopen, idsGoOn},
	}
}

// Run checks every promise that the harness can put to the test, each on a broker of its own.
func Run(t *testing.T, h Harness) {
	t.Helper()
	for _, p := range Promises() {
		if p.Needs(h) {
			t.Run(p.Name, func(t *testing.T) { p.Check(t, h) })
		}
	}
}

// Buy is a well-formed market order over so many lots of 30 units at a reference price of 52000.
func Buy(tag string, lots int) engine.Order {
	const lotSize = 30
	return engine.Order{
		Tag: tag, Exchange: "NFO", Contract: "BANKNIFTY26JANFUT", Side: "BUY", Type: "MARKET", Product: "NRML",
		Quantity: lots * lotSize, LotSize: lotSize, RefPrice: domain.D("52000"), PointValue: domain.D("30"),
	}
}

// Sell is Buy in the other direction.
func Sell(tag string, lots int) engine.Order {
	o := Buy(tag, lots)
	o.Side = "SELL"
	return o
}

// AtLimit makes it a LIMIT order.
func AtLimit(o engine.Order, price string) engine.Order {
	limit := domain.D(price)
	o.Type, o.LimitPrice = "LIMIT", &limit
	return o
}
