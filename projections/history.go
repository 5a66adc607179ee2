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

// The limits of a History in memory: how many rows of each kind it keeps, the newest ones. Older ones are in the log.
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

// The limits of what a History gathers before it writes.
const (
	// MaxGathered is how many rows wait for a write at most.
	MaxGathered = 4096
	// writeEvery is how often rows that wait are written, if nobody reads them before.
	writeEvery = 250 * time.Millisecond
)

// errAnew says that the index belongs to another log, or to one that was cut: the fold begins again from zero.
var errAnew = errors.New("the index is not of this log")

// History follows the log with a state of its own and keeps signals, orders and closed positions, which the portfolio's state
// lets go of, in an Index. One goroutine runs Follow; everything else may be called from any goroutine. Rows that are handed
// out never change. A reader sees every event that was folded: what waits for a write is written before it reads.
type History struct {
	index   Index
	mu      sync.RWMutex
	state   *domain.State
	next    uint64 // revisions folded
	hash    eventstore.Hash
	trouble error         // why the follower does not move, nil while it does
	stopped bool          // and will not move again
	grown   chan struct{} // closed when something was folded; made by whoever waits

	unwritten error     // why the last write failed
	indexed   IndexHead // what the index says that it has
	wait      *batch    // rows that are not written yet

	signals  uint64 // rows so far
	closed   uint64
	live     map[domain.OrderID]*Order    // orders that are not done
	deciding map[domain.EventID]*deciding // signals whose decision is being read, by the id of their chain
	at       time.Time                    // log time of the last event
}

// NewHistory keeps the newest rows in memory; Follow fills it.
func NewHistory() *History { return NewHistoryIn(NewMemoryIndex()) }

// NewHistoryIn keeps its rows in an index. Rows that the index has from this log already are not written again; an index of another
// log, of a log that was cut, or of another version of the fold is made anew.
func NewHistoryIn(index Index) *History {
	h := &History{index: index}
	h.anew()
	return h
}

// anew forgets what was folded.
func (h *History) anew() {
	h.state, h.next, h.hash, h.wait, h.indexed = domain.NewState(), 0, eventstore.Hash{}, newBatch(), IndexHead{}
	h.signals, h.closed, h.at = 0, 0, time.Time{}
	h.live, h.deciding = map[domain.OrderID]*Order{}, map[domain.EventID]*deciding{}
}

// ReadHistory folds a log to its end, for programs that read it once.
func ReadHistory(ctx context.Context, log eventstore.Log) (*History, error) {
	h := NewHistory()
	if err := h.adopt(ctx, log); err != nil {
		return h, err
	}
	_, err := eventstore.Replay(ctx, log, 0, h.take)
	return h, err
}

// Follow folds the log from its beginning and goes on with what is appended, until the context ends (nil) or it cannot go on
// (*HistoryStopped). A log that could not be read is tried again; Health says so meanwhile. Call it once.
func (h *History) Follow(ctx context.Context, log eventstore.Log) error {
	var writer sync.WaitGroup
	defer writer.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	writer.Go(func() { h.writeNowAndThen(ctx) })
	for {
		err := h.adopt(ctx, log)
		if err == nil {
			_, err = eventstore.Tail(ctx, log, h.folded(), h.take)
		}
		if ctx.Err() != nil || errors.Is(err, eventstore.ErrClosed) {
			return nil
		}
		if errors.Is(err, errAnew) {
			continue
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

// adopt looks, before the first event, whether the rows of the index can be of this log.
func (h *History) adopt(ctx context.Context, log eventstore.Log) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.next > 0 {
		return nil
	}
	have, err := h.index.Head(ctx)
	if err != nil {
		return fmt.Errorf("read the head of the index: %w", err)
	}
	head, err := log.Head(ctx)
	if err != nil {
		return fmt.Errorf("read the head of the log: %w", err)
	}
	fits := have.Portfolio == string(log.Portfolio()) && have.Version == IndexVersion && have.Head.Next <= head.Next
	if have != (IndexHead{}) && !fits {
		if err := h.index.Clear(ctx); err != nil {
			return fmt.Errorf("clear the index: %w", err)
		}
		have = IndexHead{}
	}
	h.indexed = have
	return nil
}

// writeNowAndThen keeps what waits from waiting long.
func (h *History) writeNowAndThen(ctx context.Context) {
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			ctx = context.WithoutCancel(ctx) // what is known is kept: the next start need not write it again
		}
		h.mu.Lock()
		_ = h.write(ctx) // Health has it
		h.mu.Unlock()
		if ctx.Done() == nil {
			return
		}
	}
}

// write puts what waits into the index. The lock is held.
func (h *History) write(ctx context.Context) error {
	if h.next <= h.indexed.Head.Next {
		return nil
	}
	head := IndexHead{Portfolio: string(h.state.Portfolio), Version: IndexVersion, Head: eventstore.Head{Next: h.next, Hash: h.hash}}
	if h.unwritten = h.index.Write(ctx, h.wait.rows(), head); h.unwritten != nil {
		return fmt.Errorf("write the index: %w", h.unwritten)
	}
	h.indexed, h.wait = head, newBatch()
	return nil
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

// take folds one event that was checked. What waits is written first when there is much of it: an index that cannot be written
// holds the follower up before the event, so that it can go on with the same one.
func (h *History) take(r domain.Recorded, hash eventstore.Hash) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.wait.size() >= MaxGathered {
		if err := h.write(context.Background()); err != nil {
			return err
		}
	}
	if err := h.state.Apply(r); err != nil {
		return &HistoryStopped{Revision: r.Rev, Err: err}
	}
	if err := h.fold(&r); err != nil {
		return &HistoryStopped{Revision: r.Rev, Err: err}
	}
	h.next, h.hash, h.trouble = r.Rev+1, hash, nil
	if h.next == h.indexed.Head.Next && hash != h.indexed.Head.Hash {
		if err := h.index.Clear(context.Background()); err != nil {
			return &HistoryStopped{Revision: r.Rev, Err: err}
		}
		h.anew()
		return errAnew
	}
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
	out := Health{Head: h.head(), Events: h.next, Trouble: h.trouble}
	if out.Trouble == nil && h.unwritten != nil {
		out.Trouble = fmt.Errorf("write the index: %w", h.unwritten)
	}
	return out
}

func (h *History) head() Head { return HeadOf(eventstore.Head{Next: h.next, Hash: h.hash}) }
