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
	asked, uptime := w.e.now(), w.e.o.Uptime()
	book, err := w.e.o.Broker.Book(call)
	if err != nil {
		w.warn("book not readable", o.OrderID, err)
		return
	}
	look, err := w.lookAround(ctx, o, book)
	if err != nil || look.twin {
		return // without knowing what belongs to other orders, nothing can be told from the book
	}
	switch found := look.candidates; {
	case len(found) > 1, len(found) == 0 && look.doubtful:
		w.clearAbsent(o.OrderID)
		_, _ = w.do(ctx, domain.RaiseAlarm{Code: domain.AlarmAmbiguous, Subject: string(o.OrderID), Now: w.e.now()})
	case len(found) == 1:
		w.reportOrder(ctx, o.OrderID, found[0], look.how)
	default:
		w.maybeAbsent(ctx, o, asked, uptime)
	}
}

// surroundings is what the book and the other orders say about an unknown one.
type surroundings struct {
	candidates []BookOrder
	how        string
	doubtful   bool // one looks the same and has a time that could only be ours if a clock was wrong
	twin       bool // another order that looks the same is being sent: the book's could be that one's
}

// lookAround reads the state once: an order of the book that belongs to another order of ours is no candidate.
func (w *effects) lookAround(ctx context.Context, o *domain.Order, book Book) (out surroundings, err error) {
	traits := w.e.o.Broker.Traits()
	out.how = "fingerprint"
	if traits.Tags {
		out.how = "tag"
	}
	closed, known := w.closed(o)
	err = w.query(ctx, func(s *domain.State, _ eventstore.Head) {
		before, after := s.Settings().Orders.SendWindow+clockSlack, traits.Settle+clockSlack
		for _, b := range book.Orders {
			owner, bound := s.BrokerOrder(b.BrokerID)
			free := !bound || owner == o.OrderID
			switch {
			case traits.Tags && b.Tag == o.Tag:
				out.candidates = append(out.candidates, b)
			case traits.Tags || !free || !alike(o, b):
			case within(b.PlacedAt, o.NotAfter, before, after), known && within(b.PlacedAt, closed, before, after):
				out.candidates = append(out.candidates, b)
			default:
				out.doubtful = out.doubtful || !known
			}
		}
		for _, other := range s.Orders {
			same := other.Contract == o.Contract && other.Side == o.Side && other.Quantity == o.Quantity
			out.twin = out.twin || !traits.Tags && same && other.OrderID != o.OrderID && other.State == domain.Sending
		}
	})
	return out, err
}

// clockSlack allows for a broker's clock that differs from ours, and for timestamps in whole seconds.
const clockSlack = 5 * time.Second

// closed is when the order's send window closed, by the wall clock of now: NotAfter is log time, which was ahead if that clock was, and
// the broker's is neither. An order that a process before this one has sent has no such time.
func (w *effects) closed(o *domain.Order) (at time.Time, known bool) {
	w.mu.Lock()
	closes, known := w.closes[o.OrderID]
	w.mu.Unlock()
	return w.e.wall().Add(closes - w.e.o.Uptime()), known
}

// alike holds a book's order against everything but the time that an order shows to a broker without tags.
func alike(o *domain.Order, b BookOrder) bool {
	samePrice := o.LimitPrice == nil && b.LimitPrice == nil || o.LimitPrice != nil && b.LimitPrice != nil && o.LimitPrice.Equal(*b.LimitPrice)
	return samePrice && b.Contract == o.Contract && b.Exchange == o.Exchange && b.Side == o.Side && b.Type == o.Type &&
		b.Product == o.Product && b.Quantity == o.Quantity
}

// within says whether an order can have been placed through a window that closed at a time.
func within(placed, closed time.Time, before, after time.Duration) bool {
	return placed.After(closed.Add(-before)) && placed.Before(closed.Add(after))
}

func (w *effects) clearAbsent(id domain.OrderID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.absent, id)
}

// settled says whether the broker has had its settling time since the order's window, or this process's start if it has not sent it, on the
// clock that does not step: a wall clock that jumps ahead has waited for nothing.
func (w *effects) settled(o *domain.Order, uptime, settle time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	since, known := w.closes[o.OrderID]
	if !known {
		since = w.began
	}
	return uptime >= since+settle
}

// maybeAbsent proves an order absent: by one complete book where the broker shows tags and settles at once, else by two of them,
// bookGap apart, all asked for after the order's window and the broker's settling time.
func (w *effects) maybeAbsent(ctx context.Context, o *domain.Order, asked time.Time, uptime time.Duration) {
	traits := w.e.o.Broker.Traits()
	if !asked.After(o.NotAfter.Add(traits.Settle)) || !w.settled(o, uptime, traits.Settle) {
		return
	}
	evidence := "absent from the complete book of " + asked.Format(time.RFC3339)
	if !traits.Tags || traits.Settle > 0 {
		w.mu.Lock()
		first, seen := w.absent[o.OrderID]
		if !seen {
			w.absent[o.OrderID] = uptime
		}
		w.mu.Unlock()
		if !seen || uptime-first < bookGap {
			return
		}
		evidence += fmt.Sprintf(" and of %s before", uptime-first)
	}
	_, _ = w.do(ctx, domain.ReportAbsent{OrderID: o.OrderID, Evidence: evidence, Now: w.e.now()})
}
