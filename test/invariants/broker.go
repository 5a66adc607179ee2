package invariants

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore"
)

// Once is V1: no order of ours is in the book twice.
func Once(orders []engine.BookOrder) error {
	var found []error
	tags := map[string]string{}
	for _, b := range orders {
		if first, twice := tags[b.Tag]; twice {
			found = append(found, broken("V1", "tag %s is in the book as %s and as %s", b.Tag, first, b.BrokerID))
		}
		tags[b.Tag] = b.BrokerID
	}
	return errors.Join(found...)
}

// AtRest is V10, and V1: the state against the broker's whole book, once nothing is in flight. The units of each contract are those of
// the positions.
func AtRest(s *domain.State, orders []engine.BookOrder) error {
	found := []error{Once(orders)}
	net := map[string]int{}
	for _, b := range orders {
		if b.Side == domain.Sell {
			net[b.Contract] -= b.Filled()
		} else {
			net[b.Contract] += b.Filled()
		}
	}
	if len(s.Orders) > 0 {
		found = append(found, broken("V10", "%d orders are not done", len(s.Orders)))
	}
	for _, l := range s.Layers() {
		net[l.Contract] -= l.Lots * l.LotSize
	}
	for contract, units := range net {
		if units != 0 && !oversold(s) {
			found = append(found, broken("V10", "%s: the broker has %d units more than the positions", contract, units))
		}
	}
	return errors.Join(found...)
}

// oversold says whether a late fill sold what nobody held: then the broker is short, an alarm stands, and the books cannot agree.
func oversold(s *domain.State) bool {
	for _, m := range s.Markets {
		if m.Oversold > 0 {
			return true
		}
	}
	return false
}

// Sends stands before a broker and lets through only what V9 allows: a send whose mark is in the log, of the current epoch, once.
type Sends struct {
	engine.Broker
	log eventstore.Log

	mu     sync.Mutex
	sent   map[string]bool // tags
	broken error
}

// NewSends guards a broker with the log of its portfolio.
func NewSends(b engine.Broker, log eventstore.Log) *Sends {
	return &Sends{Broker: b, log: log, sent: map[string]bool{}}
}

// Err is the first violation, nil if there was none.
func (g *Sends) Err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.broken
}

// Send passes the order on, or answers Unknown and keeps the violation.
func (g *Sends) Send(ctx context.Context, o engine.Order) engine.Answer {
	if err := g.judge(ctx, o.Tag); err != nil {
		g.mu.Lock()
		g.broken = errors.Join(g.broken, err)
		g.mu.Unlock()
		return engine.Answer{Text: err.Error()}
	}
	return g.Broker.Send(ctx, o)
}

func (g *Sends) judge(ctx context.Context, tag string) error {
	g.mu.Lock()
	twice := g.sent[tag]
	g.sent[tag] = true
	g.mu.Unlock()
	if twice {
		return broken("V1", "the order with tag %s leaves twice", tag)
	}
	epoch, marked := uint64(0), uint64(0)
	_, err := eventstore.Replay(ctx, g.log, 0, func(r domain.Recorded, _ eventstore.Hash) error {
		epoch = r.Epoch
		if m, ok := r.Event.(*domain.OrderSendStarted); ok && m.OrderID.Tag() == tag {
			marked = m.Epoch
		}
		return nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("read the log before a send: %w", err)
	case marked == 0:
		return broken("V9", "the order with tag %s leaves without a mark in the log", tag)
	case marked != epoch:
		return broken("V9", "the order with tag %s leaves under epoch %d in epoch %d", tag, marked, epoch)
	}
	return nil
}
