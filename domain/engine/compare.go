package engine

import (
	"context"

	"pm/domain"
	"pm/eventstore"
)

// compareBooks looks from time to time, and first after a start, for what the broker knows of our orders and we do not: a fill of an
// order that is done, above all. Where the broker shows tags, an order that is not ours raises an alarm.
func (w *effects) compareBooks(ctx context.Context) {
	now := w.e.o.Uptime()
	if w.inline || now < w.bookAt {
		return
	}
	w.bookAt = now + reconcile
	w.wg.Go(func() {
		call, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		book, err := w.e.o.Broker.Book(call)
		if err != nil {
			w.warn("book not readable", "", err)
			return
		}
		w.compare(ctx, book)
	})
}

// comparison is what a book has that we have not.
type comparison struct {
	late    map[domain.OrderID]BookOrder
	foreign []string
}

func (w *effects) compare(ctx context.Context, book Book) {
	out := comparison{late: map[domain.OrderID]BookOrder{}}
	tagged := w.e.o.Broker.Traits().Tags
	err := w.query(ctx, func(s *domain.State, _ eventstore.Head) {
		tags := map[string]*domain.Order{}
		if tagged {
			tags = s.OrderTags()
		}
		for _, b := range book.Orders {
			o := tags[b.Tag]
			if id, bound := s.BrokerOrder(b.BrokerID); bound {
				o = s.Known(id)
			}
			switch {
			case o != nil && o.State == domain.Done && news(o, b):
				out.late[o.OrderID] = b
			case o == nil && tagged && b.PlacedAt.After(s.At.Add(-s.Settings().Signals.Memory)):
				out.foreign = append(out.foreign, b.BrokerID)
			}
		}
	})
	if err != nil {
		return
	}
	for id, seen := range out.late {
		w.reportOrder(ctx, id, seen, "")
	}
	for _, id := range out.foreign {
		_, _ = w.do(ctx, domain.RaiseAlarm{Code: domain.AlarmForeignOrder, Subject: id, Now: w.e.now()})
	}
}
