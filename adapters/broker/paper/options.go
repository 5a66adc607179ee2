package paper

import (
	"errors"
	"fmt"
	"time"

	"pm/domain"
	"pm/domain/engine"
)

// The limits of the options.
const (
	// RateDecimals is the most decimals of Slippage and Fee. With 12 decimals of a price, or 8 of a price and 4 of a point
	// value, every product stays below the 19 decimals that domain.Decimal keeps: nothing is cut silently.
	RateDecimals = 6
	// MaxDelay bounds Options.Delay.
	MaxDelay = 24 * time.Hour
)

// Options say how the paper market behaves. The zero value fills everything at once, at the reference price, without a fee.
type Options struct {
	Slippage domain.Decimal // fraction of the price, against the order: 0.001 is 0.1 %; 0 ≤ Slippage < 1
	Fee      domain.Decimal // fraction of the value, each side: 0.0005 is 0.05 %; 0 ≤ Fee < 1
	Delay    time.Duration  // from Send to the first fill, and from one part to the next
	// PartialLots fills so many lots at a time, one part each Delay (all parts at once when Delay is 0); 0 fills in one part.
	PartialLots int

	// Every nth send has the fault; 0 is never. Where several fall on one send, the first in this order wins.
	DropEvery, LoseAnswerEvery, RejectEvery, RejectLaterEvery, CancelRestEvery int
	// Seed scatters the faults: one send in n on average, chosen by seed and number. With 0 it is exactly every nth.
	Seed uint64
	// Fault decides in place of the Every rules, if set. n counts the sends that were well formed, from 1, over restarts.
	Fault func(n int64, o engine.Order) Fault

	Now func() time.Time // the broker's clock; nil is the system's
}

// Fault is what goes wrong with one send.
type Fault int

// The faults.
const (
	NoFault     Fault = iota
	Drop              // the order never arrives and no answer comes: Unknown, not in the book
	LoseAnswer        // the order is taken and the answer is lost: Unknown, in the book
	Reject            // the broker refuses it: Refused, not in the book
	RejectLater       // accepted, then rejected by the exchange in place of its first fill
	CancelRest        // accepted, filled in part, and the rest cancelled by the exchange without being asked
)

// check reports every option out of bounds at once.
func (o Options) check() error {
	return errors.Join(
		checkRate("slippage", o.Slippage), checkRate("fee", o.Fee),
		checkRange("delay", int64(o.Delay), int64(MaxDelay)),
		checkRange("partial lots", int64(o.PartialLots), MaxUnits),
		checkRange("drop every", int64(o.DropEvery), MaxUnits),
		checkRange("lose answer every", int64(o.LoseAnswerEvery), MaxUnits),
		checkRange("reject every", int64(o.RejectEvery), MaxUnits),
		checkRange("reject later every", int64(o.RejectLaterEvery), MaxUnits),
		checkRange("cancel rest every", int64(o.CancelRestEvery), MaxUnits),
	)
}

func checkRate(name string, d domain.Decimal) error {
	if d.IsNeg() || d.Cmp(domain.Int(1)) >= 0 || !fits(d, RateDecimals) {
		return fmt.Errorf("paper broker: %s is %s, want a fraction from 0 to below 1 with at most %d decimals", name, d, RateDecimals)
	}
	return nil
}

func checkRange(name string, v, most int64) error {
	if v < 0 || v > most {
		return fmt.Errorf("paper broker: %s is %d, want 0 to %d", name, v, most)
	}
	return nil
}

// fits reports whether d needs no more than so many decimals.
func fits(d domain.Decimal, decimals uint8) bool { return d.Trunc(decimals).Equal(d) }

func (o Options) now() time.Time {
	now := time.Now
	if o.Now != nil {
		now = o.Now
	}
	return now().UTC().Round(0) // the book keeps no monotonic part
}

// fault is what goes wrong with the nth send.
func (o Options) fault(n int64, order engine.Order) Fault {
	if o.Fault != nil {
		return o.Fault(n, order)
	}
	rules := []struct {
		fault Fault
		every int
	}{
		{Drop, o.DropEvery}, {LoseAnswer, o.LoseAnswerEvery}, {Reject, o.RejectEvery},
		{RejectLater, o.RejectLaterEvery}, {CancelRest, o.CancelRestEvery},
	}
	for _, r := range rules {
		if hits(o.Seed, r.fault, n, r.every) {
			return r.fault
		}
	}
	return NoFault
}

// hits reports whether send n is one of the one in every that has the fault.
func hits(seed uint64, f Fault, n int64, every int) bool {
	switch {
	case every == 0:
		return false
	case seed == 0:
		return n%int64(every) == 0
	default:
		return scatter(seed^scatter(uint64(f)<<48^uint64(n)))%uint64(every) == 0
	}
}

// scatter is the finalizer of splitmix64: the same number always gives the same, well spread, other number.
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// answer is what the sender hears of an order that the book has taken under id, or (id "") has not.
func (f Fault) answer(id string) engine.Answer {
	switch f {
	case Drop, LoseAnswer:
		// Word for word the same: whoever could tell them apart would not need the book.
		return engine.Answer{Kind: engine.Unknown, Code: "timeout", Text: "no answer from the paper broker"}
	case Reject:
		return engine.Answer{Kind: engine.Refused, Code: "rejected", Text: "refused by the paper broker's fault rule"}
	default:
		return engine.Answer{Kind: engine.Accepted, BrokerID: id}
	}
}

// taken reports whether the order reaches the book.
func (f Fault) taken() bool { return f != Drop && f != Reject }
