package main

import (
	"context"
	"fmt"

	"pm/domain"
	"pm/domain/engine"
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
			Hint: fmt.Sprintf("bring the log back to %s; to begin anew, name an empty folder with --data DIR", s.cfg.EventStore.Dir),
		}
	}
	if id, n := aheadOf(s.recovery.State, book, s.cfg.Portfolio.ID); id != "" {
		return &halt{
			Code: codeBrokerMismatch,
			Err:  fmt.Errorf("the broker's order %s has the tag of our order number %d, and the log has only made %d: the log is older than the book", id, n, s.recovery.State.OrderCount),
			Hint: fmt.Sprintf("bring the newest log back to %s (`pmctl log info %s` shows where this one ends); nothing was written and no order was sent", s.cfg.EventStore.Dir, s.where()),
		}
	}
	return nil
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
