package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"pm/domain"
	"pm/eventstore"
	"pm/projections/tables"
)

// The paces and limits of a Follower.
const (
	// FollowEvery is how long events wait for a write at most, if the store answers.
	FollowEvery = 100 * time.Millisecond
	// FollowRetry is the wait before a snapshot that could not be reached is tried again: it is compared within 10 s of its return.
	FollowRetry = 5 * time.Second
	// RecheckEvery is the wait before a snapshot that differs, or is of a newer build, is looked at again.
	RecheckEvery = 30 * time.Second
	// MaxGatheredBytes is how many bytes of history wait for a write at most; then the follower waits, and nobody else.
	MaxGatheredBytes = 8 << 20
	// lastWithin bounds what a follower that is told to end still reads and writes.
	lastWithin = 2 * time.Second
	// WriteTimeout bounds one write.
	WriteTimeout = 30 * time.Second
	// MaxFollowLag is how long events may wait for a write before the follower counts as stuck.
	MaxFollowLag = 10 * time.Second
)

// MaxBackoff is the longest wait between two looks at a snapshot that goes on differing or that cannot be rebuilt.
const MaxBackoff = 10 * time.Minute

// FollowerOptions say how a Follower begins.
type FollowerOptions struct {
	Instance, Build string // for the reports of comparisons
	// Agreed is the head that the start compared and found equal; nil: it compares by itself before it writes.
	Agreed *SnapshotHead
	// Diverged is called when a comparison after the start finds a difference, once for each finding; again after an error.
	Diverged func(*Halt) error
	// Rebuilt is told what a rebuild in the background has changed.
	Rebuilt func(*Rebuilt)
	// Notice is told in a sentence what changes: warnings, comparisons, a rebuild.
	Notice func(text string)
	// Waits between tries and writes; 0: the constants above. Tests shorten them.
	Every, Retry, Recheck time.Duration
	gathered              int
}

// Follower writes a snapshot. It folds the log on its own, from zero, so that a fold that goes wrong in the trading process is seen at
// the next comparison and not copied. Trading never waits for it.
type Follower struct {
	log      eventstore.Log
	snapshot Snapshot
	o        FollowerOptions

	// Run owns what follows, but for next.
	fold *tables.Fold
	next atomic.Uint64       // revisions folded
	hash eventstore.Hash     // of the last one
	base *SnapshotHead       // what the store has
	live bool                // the fold has passed base: rows are gathered and written
	last map[string][]string // the lines of the state tables that the store has
	some bool                // events are gathered that are not written

	told     string        // the last divergence that a person was told of
	failures int           // looks in a row that ended badly
	retryAt  time.Time     // when the next one that costs a replay is due
	seen     *SnapshotHead // at the last look

	// Health is asked by whoever serves it, at any time: it never waits for the store.
	healthMu sync.Mutex
	health   FollowerHealth
	since    time.Time // when the oldest event that is not written was folded, or when the last comparison began
}

// FollowerHealth is how far the snapshot is and what holds it up.
type FollowerHealth struct {
	Status   string        // agreed, missing, outdated, newer, unavailable, differs: what the last look gave
	Written  Head          // of the last write; an empty hash: none yet
	Waiting  time.Duration // how long the oldest event that is not written has waited
	Trouble  error         // nil while it moves
	Stopped  bool          // an event could not be applied: only a restart goes on
	Compared time.Time     // when the snapshot was last compared and agreed
}

// FollowerStopped says that an event could not be folded.
type FollowerStopped struct {
	Revision uint64
	Type     string
	Err      error
}

// Error shows the event.
func (e *FollowerStopped) Error() string {
	return fmt.Sprintf("the snapshot stopped at revision %d, %s: %v", e.Revision, e.Type, e.Err)
}

// Unwrap gives the cause.
func (e *FollowerStopped) Unwrap() error { return e.Err }

// NewFollower makes a follower; Run starts it.
func NewFollower(log eventstore.Log, snapshot Snapshot, o FollowerOptions) *Follower {
	o.Every, o.Retry, o.Recheck = orElse(o.Every, FollowEvery), orElse(o.Retry, FollowRetry), orElse(o.Recheck, RecheckEvery)
	if o.gathered == 0 {
		o.gathered = MaxGatheredBytes
	}
	f := &Follower{log: log, snapshot: snapshot, o: o, base: o.Agreed}
	if o.Agreed != nil {
		f.health = FollowerHealth{Status: SnapshotAgreed, Written: headOfSnapshot(o.Agreed), Compared: time.Now()}
	}
	return f
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

func headOfSnapshot(h *SnapshotHead) Head {
	if h == nil {
		return Head{}
	}
	return Head{Revision: h.Revision, Hash: h.EventHash}
}

// Health may be called from any goroutine and never waits.
func (f *Follower) Health() FollowerHealth {
	f.healthMu.Lock()
	defer f.healthMu.Unlock()
	out := f.health
	if !f.since.IsZero() {
		out.Waiting = time.Since(f.since)
	}
	if out.Trouble == nil && out.Waiting > MaxFollowLag {
		out.Trouble = fmt.Errorf("events have waited %s for a write", out.Waiting.Round(time.Second))
	}
	return out
}

// note changes what Health says.
func (f *Follower) note(change func(h *FollowerHealth, since *time.Time)) {
	f.healthMu.Lock()
	defer f.healthMu.Unlock()
	change(&f.health, &f.since)
}

// waits notes since when something is not written.
func (f *Follower) waits() {
	f.note(func(_ *FollowerHealth, since *time.Time) {
		if since.IsZero() {
			*since = time.Now()
		}
	})
}

// Run follows until the context ends (nil) or an event cannot be folded (*FollowerStopped). Everything else that goes wrong is shown
// in Health and tried again.
func (f *Follower) Run(ctx context.Context) error {
	ready := f.o.Agreed != nil
	for ctx.Err() == nil {
		wait := f.o.Retry
		if !ready {
			ready, wait = f.establish(ctx)
		}
		if ready {
			err := f.follow(ctx)
			var stopped *FollowerStopped
			if errors.As(err, &stopped) {
				f.trouble(err, true)
				return stopped
			}
			ready = false // whatever was written meanwhile: it is compared before the next write
			if errors.Is(err, ErrSnapshotMoved) {
				continue
			}
			f.trouble(err, false)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	return nil
}

func (f *Follower) trouble(err error, stopped bool) {
	f.note(func(h *FollowerHealth, _ *time.Time) {
		h.Trouble, h.Stopped = err, stopped
		if errors.Is(err, ErrSnapshotUnavailable) {
			h.Status = SnapshotUnavailable
		}
	})
}

// follow folds the log from its beginning and writes what lies beyond base, until something fails or the context ends. It reads what
// was appended in one go at each tick: to be woken by every append would cost the writer of the log more than the reading.
func (f *Follower) follow(ctx context.Context) error {
	f.fold, f.hash, f.live, f.last, f.some = tables.NewFold(), eventstore.Hash{}, false, nil, false
	f.next.Store(0)
	if f.base == nil {
		f.goLive()
	}
	tick := time.NewTicker(f.o.Every)
	defer tick.Stop()
	for {
		err := f.catchUp(ctx)
		if ctx.Err() != nil {
			return f.lastWords(ctx)
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return f.lastWords(ctx)
		case <-tick.C:
		}
	}
}

// lastWords writes what was appended before the end, so that the next start is held against all of it.
func (f *Follower) lastWords(ctx context.Context) error {
	if !f.live {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWithin)
	defer cancel()
	return f.catchUp(ctx)
}

// catchUp folds what was appended since and writes it.
func (f *Follower) catchUp(ctx context.Context) error {
	head, err := f.log.Head(ctx)
	if err != nil {
		return fmt.Errorf("read the head of the log: %w", err)
	}
	if next := f.next.Load(); head.Next > next {
		_, err := eventstore.Replay(ctx, f.log, next, func(r domain.Recorded, hash eventstore.Hash) error { return f.take(ctx, r, hash) })
		if err != nil {
			return stoppedAt(f.next.Load(), err)
		}
	}
	if f.live && f.some {
		return f.write(context.WithoutCancel(ctx)) // what was begun is ended
	}
	return nil
}

// stoppedAt turns a record that does not check into the end of the follower.
func stoppedAt(rev uint64, err error) error {
	var corrupt *eventstore.Corrupt
	var unknown *eventstore.UnknownEvent
	if errors.As(err, &corrupt) || errors.As(err, &unknown) {
		return &FollowerStopped{Revision: rev, Type: "the next event", Err: err}
	}
	return err
}

// take folds one event that was checked.
func (f *Follower) take(ctx context.Context, r domain.Recorded, hash eventstore.Hash) error {
	if r.Rev > 0 && r.Prev != f.hash.String() { // checked against its neighbour; that is the one that was folded
		return &eventstore.Corrupt{Rev: r.Rev, Reason: "it does not continue the event that was folded before"}
	}
	if err := f.fold.Apply(r); err != nil {
		f.live = false // nothing of this fold is written any more
		return &FollowerStopped{Revision: r.Rev, Type: r.Type, Err: err}
	}
	f.hash = hash
	f.next.Store(r.Rev + 1)
	switch {
	case f.live:
		if !f.some {
			f.some = true
			f.waits()
		}
		if f.fold.Gathered() >= f.o.gathered {
			return f.write(context.WithoutCancel(ctx)) // what was begun is ended: half of it is taken out of the fold
		}
	case r.Rev == f.base.Revision:
		f.goLive()
	}
	return nil
}

// goLive begins to gather: the fold is where the store is.
func (f *Follower) goLive() {
	f.live = true
	f.fold.Gather()
	if f.base != nil {
		f.last = f.fold.Content().State
	}
	f.note(func(_ *FollowerHealth, since *time.Time) { *since = time.Time{} })
}

// write puts everything folded so far into the store.
func (f *Follower) write(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, WriteTimeout)
	defer cancel()
	content := f.fold.Content()
	after := headAt(f.log, f.next.Load()-1, f.hash, content.Hash())
	change := Change{Before: f.base, After: after, State: changes(f.last, content.State), History: f.fold.Take()}
	if err := f.snapshot.Write(ctx, change); err != nil {
		f.live = false // its rows are no longer in the fold: nothing of it may be written again
		return fmt.Errorf("write the snapshot: %w", err)
	}
	f.base, f.last, f.some = &after, content.State, false
	f.note(func(h *FollowerHealth, since *time.Time) {
		h.Status, h.Written, h.Trouble, *since = SnapshotAgreed, headOfSnapshot(&after), nil, time.Time{}
	})
	return nil
}

func headAt(log eventstore.Log, rev uint64, hash eventstore.Hash, tablesHash string) SnapshotHead {
	return SnapshotHead{
		Stream: streamOf(log.Portfolio()), Revision: rev, EventHash: hash.String(),
		SchemaVersion: tables.Version(), FoldVersion: tables.FoldVersion, TablesHash: tablesHash,
	}
}
