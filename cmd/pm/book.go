package main

import (
	"context"
	"fmt"
	"slices"

	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore/esdb"
)

// maxAhead is how many orders that the log has yet to make are looked for in the broker's book. One is enough to see that the log is old;
// the rest allows for orders that were never sent.
const maxAhead = 1000

// checkBook holds the broker's book against what the log can have led to. A log that is missing, or older than the book, would give the tags
// of old orders to new ones, and find the fills of the old ones in them.
func (s *service) checkBook(ctx context.Context) error {
	book, err := s.broker.Book(ctx)
	empty := s.recovery.Head.Next == 0
	if err != nil {
		if empty {
			return brokerHalt(err)
		}
		s.log.Warn("the broker's book cannot be read now: nothing is held against it at this start", "error", err)
		return nil
	}
	if n := len(book.Orders); empty && n > 0 {
		return &halt{
			Code: codeBrokerMismatch, Err: fmt.Errorf("the log is empty and the paper broker's book has %d orders: the log they belong to is missing", n),
			Hint: fmt.Sprintf("bring the log back to %s; to begin anew, name an empty folder with --data DIR", s.home()),
		}
	}
	if id, n := aheadOf(s.recovery.State, book, s.cfg.Portfolio.ID); id != "" {
		return &halt{
			Code: codeBrokerMismatch,
			Err:  fmt.Errorf("the broker's order %s has the tag of our order number %d, and the log has only made %d: the log is older than the book", id, n, s.recovery.State.OrderCount),
			Hint: s.newestLog(),
		}
	}
	if o, id := orderUnsent(s.recovery.State, book.Orders); o != nil {
		return &halt{
			Code: codeBrokerMismatch,
			Err:  fmt.Errorf("the broker's order %s has the tag of our order number %d, which the log has never sent: the log is older than the book", id, o.N),
			Hint: s.newestLog(),
		}
	}
	if o := orderMissing(s.recovery.State, book.Orders); o != nil && s.broker.Traits().Sandbox {
		return &halt{
			Code: codeBrokerMismatch,
			Err: fmt.Errorf("the %s broker took our order number %d as %s, and its book does not have it: the book is older than the log, or another one",
				s.broker.Name(), o.N, o.BrokerID),
			Hint: fmt.Sprintf("bring back the book that belongs to the log, or both from the same backup (`pmctl log info %s` shows where the log ends): this book "+
				"would give the ids of orders that it has lost to the next ones", s.where()),
		}
	}
	return nil
}

// newestLog is what to do about a log that is older than the book.
func (s *service) newestLog() string {
	return fmt.Sprintf("bring the newest log back to %s (`pmctl log info %s` shows where this one ends); nothing was written and no order was sent", s.home(), s.where())
}

// home is where a log has to stand, for people.
func (s *service) home() string {
	if s.cfg.EventStore.Server {
		return "the event store at " + esdb.Redacted(s.cfg.EventStore.URL.Reveal())
	}
	return s.cfg.EventStore.Dir
}

// orderMissing is the newest order of the log that the broker has taken, if the book does not have it; nil if it does, or if none is
// remembered. Only a book that keeps every order and shows the newest can be asked, the paper broker's: it counts its own orders, and one that
// was put back would give an id a second time.
func orderMissing(state *domain.State, orders []engine.BookOrder) *domain.Order {
	var newest *domain.Order
	for _, o := range state.OrderTags() {
		if o.BrokerID != "" && (newest == nil || o.N > newest.N) {
			newest = o
		}
	}
	if newest == nil || slices.ContainsFunc(orders, func(b engine.BookOrder) bool { return b.Tag == newest.Tag }) {
		return nil
	}
	return newest
}

// orderUnsent finds an order of the book that the log has and never sent, waiting or ended so, and the broker's id of it. The mark of a send is in the
// log before anything leaves, so there is none unless the log has lost its end: sent again, the order would be there twice.
func orderUnsent(state *domain.State, orders []engine.BookOrder) (unsent *domain.Order, brokerID string) {
	ours := state.OrderTags()
	for _, b := range orders {
		if o := ours[b.Tag]; o != nil && o.NotAfter.IsZero() { // the mark of the send sets it
			return o, b.BrokerID
		}
	}
	return nil, ""
}

// aheadOf finds an order of the book whose tag belongs to an order that the log has not made: the broker's id and our number. Every order is in
// the log before it is sent, so there is none unless the log has lost its end.
func aheadOf(state *domain.State, book engine.Book, p domain.PortfolioID) (brokerID string, n uint64) {
	ahead := make(map[string]uint64, maxAhead)
	for n := state.OrderCount; n < state.OrderCount+maxAhead; n++ {
		ahead[domain.NewOrderID(p, n).Tag()] = n
	}
	for _, o := range book.Orders {
		if n, ok := ahead[o.Tag]; ok {
			return o.BrokerID, n
		}
	}
	return "", 0
}
