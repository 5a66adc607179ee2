package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"pm/domain"
	"pm/eventstore"
)

// The limits of a History: how many rows of each kind it keeps, the newest ones. Older ones are in the log.
const (
	MaxSignals = 10_000
	MaxOrders  = 10_000
	MaxClosed  = 10_000
	// MaxHistoryWait bounds how long WaitFor waits for the follower.
	MaxHistoryWait = time.Second
	// historyRetry is the wait before a log that could not be read is read again.
	historyRetry = time.Second
)

// ErrHistoryBehind says that the follower has not come as far as was asked within MaxHistoryWait.
var ErrHistoryBehind = errors.New("the history has not caught up with the log yet")

// HistoryStopped says that the follower cannot go on: a record does not check, or its event cannot be applied. Trading goes on
// without it; a restart reads the log again and finds the same.
type HistoryStopped struct {
	Revision uint64 // the event that it stopped at
	Err      error
}

// Error names the event.
func (e *HistoryStopped) Error() string {
	return fmt.Sprintf("the history stopped at revision %d: %v", e.Revision, e.Err)
}

// Unwrap gives the cause.
func (e *HistoryStopped) Unwrap() error { return e.Err }

// History follows the log with a state of its own and keeps signals, orders and closed positions, which the portfolio's state
// lets go of. One goroutine runs Follow; everything else may be called from any goroutine. Rows that are handed out never change.
type History struct {
	mu      sync.RWMutex
	state   *domain.State
	next    uint64 // revisions folded
	hash    eventstore.Hash
	trouble error         // why the follower does not move, nil while it does
	stopped bool          // and will not move again
	grown   chan struct{} // closed when something was folded; made by whoever waits

	signals  ring[Signal]
	orders   ring[Order] // by domain.Order.N
	closed   ring[Position]
	bySignal map[string][]uint64
	byOrder  map[domain.OrderID]uint64
	byClosed map[string]uint64
	deciding map[domain.EventID]*deciding // signals whose decision is being read, by the id of their chain
	at       time.Time                    // log time of the last event
}

// NewHistory is empty; Follow fills it.
func NewHistory() *History { return newHistory(MaxSignals, MaxOrders, MaxClosed) }

func newHistory(signals, orders, closed int) *History {
	return &History{
		state: domain.NewState(), signals: ring[Signal]{limit: signals}, orders: ring[Order]{limit: orders}, closed: ring[Position]{limit: closed},
		bySignal: map[string][]uint64{}, byOrder: map[domain.OrderID]uint64{}, byClosed: map[string]uint64{},
		deciding: map[domain.EventID]*deciding{},
	}
}

// ReadHistory folds a log to its end, for programs that read it once.
func ReadHistory(ctx context.Context, log eventstore.Log) (*History, error) {
	h := NewHistory()
	_, err := eventstore.Replay(ctx, log, 0, h.take)
	return h, err
}

// Follow folds the log from its beginning and goes on with what is appended, until the context ends (nil) or it cannot go on
// (*HistoryStopped). A log that could not be read is tried again; Health says so meanwhile. Call it once.
func (h *History) Follow(ctx context.Context, log eventstore.Log) error {
	for {
		_, err := eventstore.Tail(ctx, log, h.folded(), h.take)
		if ctx.Err() != nil || errors.Is(err, eventstore.ErrClosed) {
			return nil
		}
		if stopped := h.fail(err); stopped != nil {
			return stopped
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(historyRetry):
		}
	}
}

func (h *History) folded() uint64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.next
}

// fail notes why the follower stands, and says whether that is for good.
func (h *History) fail(err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var corrupt *eventstore.Corrupt
	var unknown *eventstore.UnknownEvent
	var stopped *HistoryStopped
	h.trouble = err
	if errors.As(err, &corrupt) || errors.As(err, &unknown) {
		stopped = &HistoryStopped{Revision: h.next, Err: err}
	} else if !errors.As(err, &stopped) {
		return nil
	}
	h.trouble, h.stopped = stopped, true
	h.wake()
	return stopped
}

// take folds one event that was checked.
func (h *History) take(r domain.Recorded, hash eventstore.Hash) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.state.Apply(r); err != nil {
		return &HistoryStopped{Revision: r.Rev, Err: err}
	}
	h.fold(&r)
	h.next, h.hash, h.trouble = r.Rev+1, hash, nil
	h.wake()
	return nil
}

func (h *History) wake() {
	if h.grown != nil {
		close(h.grown)
		h.grown = nil
	}
}

// WaitFor returns once the event at a revision has been folded, so that whoever was told the revision sees what it did. It waits
// at most MaxHistoryWait. Errors: ErrHistoryBehind, *HistoryStopped, the context's.
func (h *History) WaitFor(ctx context.Context, revision uint64) error {
	ctx, cancel := context.WithTimeoutCause(ctx, MaxHistoryWait, ErrHistoryBehind)
	defer cancel()
	for {
		grown, err := h.progress(revision)
		if grown == nil {
			return err
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// progress gives a channel to wait on, or nil when there is nothing to wait for.
func (h *History) progress(revision uint64) (<-chan struct{}, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.next > revision:
		return nil, nil
	case h.stopped:
		return nil, h.trouble
	case h.grown == nil:
		h.grown = make(chan struct{})
	}
	return h.grown, nil
}

// Health is how far the follower has come and what holds it up.
type Health struct {
	Head    Head
	Events  uint64 // folded so far
	Trouble error  // nil while it moves; *HistoryStopped once it has stopped for good
}

// Health reports progress, not presence: hold Events against the head of the log.
func (h *History) Health() Health {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return Health{Head: h.head(), Events: h.next, Trouble: h.trouble}
}

func (h *History) head() Head { return HeadOf(eventstore.Head{Next: h.next, Hash: h.hash}) }
