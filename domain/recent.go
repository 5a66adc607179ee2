package domain

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"time"
)

// Recent is what is settled and still answers questions, for Settings.Signals.Memory of log time: which signals were accepted, which
// orders ended (a late fill must find its order), which commands were taken. The canonical state shows it as counts and a rolling
// hash of every step, so that a digest costs the same with a thousand and with a million of them.
type Recent struct {
	Signals  int    `json:"signals"`
	Orders   int    `json:"orders"`
	Commands int    `json:"commands"`
	Hash     string `json:"hash"`

	sum      [32]byte
	buf      []byte               // of chain
	signals  map[SignalID][]*Seen // of an exit's id there may be several, oldest first, each with another content
	windows  map[windowKey][]*Seen
	orders   map[OrderID]*Order
	commands map[string]uint64
	queue    []remembered // in log order
}

// Seen is an accepted signal.
type Seen struct {
	ID       SignalID
	Content  string
	Revision uint64
	At       time.Time // log time of its acceptance
	Instant  time.Time // the signal's own time
	window   windowKey
}

// windowKey groups the signals that the duplicate window compares.
type windowKey struct {
	instrument, position string
	kind                 SignalType
}

type remembered struct {
	at      time.Time
	signal  *Seen
	order   OrderID
	command string
}

func newRecent() Recent {
	return Recent{
		signals: map[SignalID][]*Seen{}, windows: map[windowKey][]*Seen{}, orders: map[OrderID]*Order{}, commands: map[string]uint64{},
	}
}

func windowOf(sig *Signal) windowKey {
	k := windowKey{instrument: sig.Instrument, kind: sig.Type}
	if len(sig.Position) > 0 {
		k.position = sig.Position[0]
	}
	return k
}

// chain folds one step into the rolling hash.
func (r *Recent) chain(n uint64, words ...string) {
	buf := append(r.buf[:0], r.sum[:]...)
	for _, w := range words {
		buf = append(append(buf, w...), ' ')
	}
	r.buf = strconv.AppendUint(buf, n, 10)
	r.sum = sha256.Sum256(r.buf)
}

// seal brings the shown fields up to date; called when the state is written, not at every step.
func (r *Recent) seal() {
	r.Signals, r.Orders, r.Commands, r.Hash = len(r.signals), len(r.orders), len(r.commands), hex.EncodeToString(r.sum[:])
}

func (r *Recent) acceptSignal(at time.Time, rev uint64, e *SignalReceived) {
	seen := &Seen{ID: e.SignalID, Content: e.Content, Revision: rev, At: at, Instant: e.Signal.Timestamp}
	r.chain(rev, "signal", string(seen.ID), seen.Content)
	r.signals[seen.ID] = append(r.signals[seen.ID], seen)
	r.queue = append(r.queue, remembered{at: at, signal: seen})
	if e.Signal.Type == BaseEntry || e.Signal.Type == Pyramid {
		seen.window = windowOf(&e.Signal)
		r.windows[seen.window] = append(r.windows[seen.window], seen)
	}
}

func (r *Recent) endOrder(at time.Time, o *Order) {
	r.chain(uint64(o.Cum), "order", o.End, string(o.OrderID))
	r.orders[o.OrderID] = o
	r.queue = append(r.queue, remembered{at: at, order: o.OrderID})
}

func (r *Recent) lateFill(o *Order) { r.chain(uint64(o.Cum), "late", string(o.OrderID)) }

func (r *Recent) takeCommand(at time.Time, rev uint64, id string) {
	if id == "" {
		return
	}
	r.chain(rev, "command", id)
	r.commands[id] = rev
	r.queue = append(r.queue, remembered{at: at, command: id})
}

// forget drops what is older than the memory and gives the orders among it.
func (r *Recent) forget(now time.Time, memory time.Duration) []*Order {
	limit, n := now.Add(-memory), 0
	var orders []*Order
	for ; n < len(r.queue) && r.queue[n].at.Before(limit); n++ {
		if o := r.drop(r.queue[n]); o != nil {
			orders = append(orders, o)
		}
	}
	if n > 0 {
		r.chain(uint64(n), "forget")
		r.queue = r.queue[n:]
	}
	return orders
}

func (r *Recent) drop(old remembered) *Order {
	switch {
	case old.signal != nil:
		// The same id may have been accepted again since (an exit with other content): that one stays.
		dropSeen(r.signals, old.signal.ID, old.signal)
		dropSeen(r.windows, old.signal.window, old.signal) // exits have none
	case old.order != "":
		o := r.orders[old.order]
		delete(r.orders, old.order)
		return o
	default:
		delete(r.commands, old.command)
	}
	return nil
}

func dropSeen[K comparable](m map[K][]*Seen, key K, old *Seen) {
	left := slices.DeleteFunc(m[key], func(s *Seen) bool { return s == old })
	if len(left) == 0 {
		delete(m, key)
		return
	}
	m[key] = left
}

// within finds a signal accepted not before since, of the same instrument, type and position and at most window away, inclusive, by the
// signals' own times.
func (r *Recent) within(sig *Signal, window time.Duration, since time.Time) *Seen {
	for _, s := range slices.Backward(r.windows[windowOf(sig)]) {
		if !s.At.Before(since) && sig.Timestamp.Sub(s.Instant).Abs() <= window {
			return s
		}
	}
	return nil
}

// Seen gives the signals with this id that were accepted not before since, oldest first. What is older may still be here: the memory is
// swept when a signal is recorded, and an answer must not depend on whether another one was.
func (r *Recent) Seen(id SignalID, since time.Time) []*Seen {
	all := r.signals[id]
	for i, s := range all {
		if !s.At.Before(since) {
			return all[i:]
		}
	}
	return nil
}

// Order gives an order that ended within the memory, nil if there is none.
func (r *Recent) Order(id OrderID) *Order { return r.orders[id] }

// Command gives the revision at which a command with this id was taken.
func (r *Recent) Command(id string) (rev uint64, taken bool) {
	rev, taken = r.commands[id]
	return rev, taken
}

// OrderTags gives the orders by tag: those not done and those that ended within the memory.
func (s *State) OrderTags() map[string]*Order {
	out := make(map[string]*Order, len(s.Orders)+len(s.Recent.orders))
	for _, o := range s.Recent.orders {
		out[o.Tag] = o
	}
	for _, o := range s.Orders {
		out[o.Tag] = o
	}
	return out
}

// BrokerOrder is the order of ours that the broker's id belongs to; ok is false if none in memory has it.
func (s *State) BrokerOrder(id string) (order OrderID, ok bool) {
	order, ok = s.brokers[id]
	return order, ok
}

func (s *State) boundElsewhere(o *Order, id string) bool {
	other, ok := s.brokers[id]
	return ok && other != o.OrderID
}

// Known finds an order by id: one that is not done, or one that ended within the memory.
func (s *State) Known(id OrderID) *Order {
	if o := s.Orders[id]; o != nil {
		return o
	}
	return s.Recent.orders[id]
}
