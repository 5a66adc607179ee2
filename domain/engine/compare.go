package engine

import (
	"context"
	"maps"

	"pm/domain"
	"pm/eventstore"
)

// compareBooks looks from time to time, and first after a start, for what the broker knows of our orders and we do not: a fill of an
// order that is done, above all. Where the broker shows tags, an order that is not ours raises an alarm. Then the units that the broker
// holds are compared with ours.
func (w *effects) compareBooks(ctx context.Context) {
	now := w.e.o.Uptime()
	if w.inline || now < w.bookAt {
		return
	}
	w.bookAt = now + reconcile
	w.wg.Go(func() {
		positions, err := w.beforeBook(ctx)
		if err != nil {
			return
		}
		call, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		book, err := w.e.o.Broker.Book(call)
		if err != nil {
			w.warn("book not readable", "", err)
			return
		}
		w.compare(ctx, book)
		w.comparePositions(ctx, book, positions)
	})
}

// beforeBook says what moves before a book is read: of that the book may tell either half.
func (w *effects) beforeBook(ctx context.Context) (domain.ReportPositions, error) {
	out := domain.ReportPositions{Busy: map[string]bool{}}
	err := w.query(ctx, func(s *domain.State, _ eventstore.Head) {
		out.Orders = s.OrderCount
		for _, o := range s.Orders {
			out.Busy[o.Contract] = true
		}
	})
	if err != nil { // the writer may look all the same, later than anybody waits: then out is its alone
		return domain.ReportPositions{}, err
	}
	return out, nil
}

// comparePositions reports the units that a book shows. A broker that may show an order late may show its position late as well: there only
// what two books in a row say alike counts. A book without positions says nothing.
func (w *effects) comparePositions(ctx context.Context, book Book, report domain.ReportPositions) {
	if book.Net == nil {
		return
	}
	w.mu.Lock()
	last := w.lastNet
	w.lastNet = maps.Clone(book.Net)
	w.mu.Unlock()
	if w.e.o.Broker.Traits().Settle > 0 {
		if last == nil {
			return
		}
		for contract := range last {
			report.Busy[contract] = report.Busy[contract] || last[contract] != book.Net[contract]
		}
		for contract := range book.Net {
			report.Busy[contract] = report.Busy[contract] || last[contract] != book.Net[contract]
		}
	}
	report.Net, report.Now = book.Net, w.e.now()
	_, _ = w.do(ctx, report)
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
