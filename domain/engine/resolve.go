package engine

import (
	"context"
	"fmt"
	"time"

	"pm/domain"
	"pm/eventstore"
)

// resolve asks the broker's book about an order of unknown outcome. The book decides; the order is never sent again.
func (w *effects) resolve(ctx context.Context, o *domain.Order) {
	w.rest(o.OrderID, resolveWait)
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	book, err := w.e.o.Broker.Book(call)
	if err != nil {
		w.warn("book not readable", o.OrderID, err)
		return
	}
	traits := w.e.o.Broker.Traits()
	found, how := candidates(o, book, traits, w.bound(ctx))
	switch {
	case len(found) > 1:
		w.clearAbsent(o.OrderID)
		_, _ = w.do(ctx, domain.RaiseAlarm{Code: domain.AlarmAmbiguous, Subject: string(o.OrderID), Now: w.e.wall()})
	case len(found) == 1:
		w.reportOrder(ctx, o.OrderID, found[0], how)
	default:
		w.maybeAbsent(ctx, o, book, traits)
	}
}

// candidates are the orders of the book that could be ours: by the exact tag, or by everything else that the book shows.
func candidates(o *domain.Order, book Book, traits Traits, bound map[string]bool) (found []BookOrder, how string) {
	how = "tag"
	if !traits.Tags {
		how = "fingerprint"
	}
	for _, b := range book.Orders {
		if traits.Tags && b.Tag == o.Tag || !traits.Tags && !bound[b.BrokerID] && alike(o, b, traits) {
			found = append(found, b)
		}
	}
	return found, how
}

// clockSlack allows for a broker's clock that differs from ours, and for timestamps in whole seconds.
const clockSlack = 5 * time.Second

// alike holds a book's order against everything that an order shows to a broker without tags, and its time window.
func alike(o *domain.Order, b BookOrder, traits Traits) bool {
	samePrice := o.LimitPrice == nil && b.LimitPrice == nil || o.LimitPrice != nil && b.LimitPrice != nil && o.LimitPrice.Equal(*b.LimitPrice)
	began := o.NotAfter.Add(-maxWindow)
	return samePrice && b.Contract == o.Contract && b.Exchange == o.Exchange && b.Side == o.Side && b.Type == o.Type &&
		b.Product == o.Product && b.Quantity == o.Quantity &&
		b.PlacedAt.After(began.Add(-clockSlack)) && b.PlacedAt.Before(o.NotAfter.Add(traits.Settle+clockSlack))
}

// maxWindow is how long before the end of its window a send can have begun.
const maxWindow = 5 * time.Second

// bound are the broker ids that belong to other orders of ours.
func (w *effects) bound(ctx context.Context) map[string]bool {
	out := map[string]bool{}
	_ = w.query(ctx, func(s *domain.State, _ eventstore.Head) {
		for id := range s.BrokerIDs() {
			out[id] = true
		}
	})
	return out
}

func (w *effects) clearAbsent(id domain.OrderID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.absent, id)
}

// maybeAbsent proves an order absent: by one complete book where the broker shows tags and settles at once, else by two of them,
// bookGap apart, all read after the order's window and the broker's settling time.
func (w *effects) maybeAbsent(ctx context.Context, o *domain.Order, book Book, traits Traits) {
	if !book.ReadAt.After(o.NotAfter.Add(traits.Settle)) {
		return
	}
	evidence := fmt.Sprintf("absent from the complete book of %s", book.ReadAt.UTC().Format(time.RFC3339))
	if !traits.Tags || traits.Settle > 0 {
		w.mu.Lock()
		first, seen := w.absent[o.OrderID]
		if !seen {
			w.absent[o.OrderID] = book.ReadAt
		}
		w.mu.Unlock()
		if !seen || book.ReadAt.Sub(first) < bookGap {
			return
		}
		evidence = fmt.Sprintf("%s and of %s", evidence, first.UTC().Format(time.RFC3339))
	}
	_, _ = w.do(ctx, domain.ReportAbsent{OrderID: o.OrderID, Evidence: evidence, Now: w.e.wall()})
}

// compareBooks looks from time to time, and first after a start, for what the broker knows of our orders and we do not: a fill of an
// order that is done, above all. Orders that are not ours raise an alarm.
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
		if w.e.o.Broker.Traits().Tags {
			w.compare(ctx, book)
		}
	})
}

func (w *effects) compare(ctx context.Context, book Book) {
	type match struct {
		id   domain.OrderID
		seen BookOrder
	}
	var late []match
	var foreign []string
	_ = w.query(ctx, func(s *domain.State, _ eventstore.Head) {
		tags := s.OrderTags()
		for _, b := range book.Orders {
			o := tags[b.Tag]
			switch {
			case o == nil && b.PlacedAt.After(s.At.Add(-s.Settings().Signals.Memory)):
				foreign = append(foreign, b.BrokerID)
			case o != nil && o.State == domain.Done && news(o, b):
				late = append(late, match{o.OrderID, b})
			}
		}
	})
	for _, m := range late {
		w.reportOrder(ctx, m.id, m.seen, "")
	}
	for _, id := range foreign {
		_, _ = w.do(ctx, domain.RaiseAlarm{Code: domain.AlarmForeignOrder, Subject: id, Now: w.e.wall()})
	}
}
