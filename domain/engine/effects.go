package engine

import (
	"context"
	"sync"
	"time"

	"pm/domain"
	"pm/eventstore"
)

// The limits of the effects.
const (
	maxSends    = 8                // calls to the broker under way at once
	callTimeout = 10 * time.Second // one call to the broker
	resolveWait = 2 * time.Second  // between two readings of the book for an unknown, and between two requests to cancel
	bookGap     = 5 * time.Second  // between the two books that prove an order absent
	reconcile   = 30 * time.Second // between two comparisons of the broker's book with ours
	idleWait    = 100 * time.Millisecond
)

// effects carry orders out and reports in. Each order has at most one worker at a time; nothing here changes the state but through
// commands.
type effects struct {
	e      *Engine
	do     func(context.Context, ...domain.Command) ([]Result, error)
	query  func(context.Context, func(*domain.State, eventstore.Head)) error
	inline bool // lockstep: workers run on the caller's goroutine

	mu       sync.Mutex
	busy     map[domain.OrderID]bool
	next     map[domain.OrderID]time.Duration // uptime before which an order is left alone
	began    time.Duration                    // uptime when this process took over
	closes   map[domain.OrderID]time.Duration // uptime at which the send window of an order that this process sent closes
	absent   map[domain.OrderID]time.Duration // uptime of the first complete book without the order, after its window
	bookAt   time.Duration                    // uptime of the next comparison of the books
	lastNet  map[string]int                   // of the last book
	cancelAt map[domain.OrderID]time.Duration
	slots    chan struct{}
	wg       sync.WaitGroup
}

func newEffects(e *Engine) *effects {
	return &effects{
		e: e, do: e.do, query: e.Query, busy: map[domain.OrderID]bool{}, next: map[domain.OrderID]time.Duration{},
		began: e.o.Uptime(), closes: map[domain.OrderID]time.Duration{}, absent: map[domain.OrderID]time.Duration{}, cancelAt: map[domain.OrderID]time.Duration{}, slots: make(chan struct{}, maxSends),
	}
}

// RunEffects works until the context ends and its workers have come home. It needs Run beside it.
func (e *Engine) RunEffects(ctx context.Context) {
	w := e.work
	defer w.wg.Wait()
	timer := time.NewTicker(idleWait)
	defer timer.Stop()
	for {
		w.round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-e.stopped:
			return
		case <-e.wake:
		case <-timer.C:
		}
	}
}

// round gives every order that wants something a worker, exits first: nothing may delay what lowers risk.
func (w *effects) round(ctx context.Context) {
	open := w.e.openOrders()
	w.forget(open)
	for _, kind := range []domain.OrderKind{domain.ExitOrder, domain.EntryOrder} {
		for i := range open {
			if open[i].Kind == kind {
				w.start(ctx, open[i])
			}
		}
	}
	w.compareBooks(ctx)
}

// forget drops what is kept of orders that are done.
func (w *effects) forget(open []domain.Order) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.next)+len(w.closes)+len(w.absent)+len(w.cancelAt) == 0 {
		return
	}
	live := make(map[domain.OrderID]bool, len(open))
	for i := range open {
		live[open[i].OrderID] = true
	}
	dropDead(w.next, live)
	dropDead(w.closes, live)
	dropDead(w.absent, live)
	dropDead(w.cancelAt, live)
}

func dropDead[V any](m map[domain.OrderID]V, live map[domain.OrderID]bool) {
	for id := range m {
		if !live[id] {
			delete(m, id)
		}
	}
}

func (w *effects) start(ctx context.Context, o domain.Order) {
	work := w.job(&o)
	if work == nil || !w.claim(o.OrderID) {
		return
	}
	if w.inline {
		work(ctx, &o)
		w.release(o.OrderID)
		return
	}
	select {
	case w.slots <- struct{}{}:
	default: // all slots are taken: the next round looks again
		w.release(o.OrderID)
		return
	}
	w.wg.Go(func() {
		work(ctx, &o)
		w.release(o.OrderID)
		<-w.slots
		w.nudge()
	})
}

// nudge wakes the round: a slot is free, or an order may be looked at again.
func (w *effects) nudge() {
	select {
	case w.e.wake <- struct{}{}:
	default:
	}
}

// job says what an order wants now, nil for nothing.
func (w *effects) job(o *domain.Order) func(context.Context, *domain.Order) {
	switch o.State {
	case domain.Initialized:
		return w.send
	case domain.Working, domain.Canceling:
		return w.poll
	case domain.UnknownSent:
		return w.resolve
	case domain.Sending, domain.Done:
		return nil
	}
	return nil
}

// claim makes sure that an order has one worker, and that it is not looked at before its time.
func (w *effects) claim(id domain.OrderID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy[id] || w.e.o.Uptime() < w.next[id] {
		return false
	}
	w.busy[id] = true
	return true
}

func (w *effects) release(id domain.OrderID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.busy, id)
}

func (w *effects) rest(id domain.OrderID, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next[id] = w.e.o.Uptime() + d
}

func (w *effects) warn(what string, id domain.OrderID, err error) {
	w.e.o.Logger.Warn(what, "order", string(id), "error", err)
}
