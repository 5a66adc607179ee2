package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"
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
	// WriteTimeout bounds one write.
	WriteTimeout = 30 * time.Second
	// MaxFollowLag is how long events may wait for a write before the follower counts as stuck.
	MaxFollowLag = 10 * time.Second
)

// FollowerOptions say how a Follower begins.
type FollowerOptions struct {
	// Agreed is the head that the start compared and found equal; nil: it compares by itself before it writes.
	Agreed *SnapshotHead
	// Diverged is called when a comparison after the start finds a difference, each time a new one is found.
	Diverged func(*Halt)
	// Notice is told in a sentence what changes: warnings, comparisons, a rebuild.
	Notice func(text string)
	// Waits between tries and writes; 0: the constants above. Tests shorten them.
	Every, Retry, Recheck time.Duration
}

// Follower writes a snapshot. It folds the log on its own, from zero, so that a fold that goes wrong in the trading process is seen at
// the next comparison and not copied. Trading never waits for it.
type Follower struct {
	log      eventstore.Log
	snapshot Snapshot
	o        FollowerOptions

	mu     sync.Mutex
	fold   *tables.Fold
	next   uint64              // revisions folded
	hash   eventstore.Hash     // of the last one
	base   *SnapshotHead       // what the store has
	live   bool                // the fold has passed base: rows are gathered and written
	last   map[string][]string // the lines of the state tables that the store has
	health FollowerHealth
	since  time.Time // when the oldest event that is not written was folded
	told   string    // the last divergence that was told
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

// Health may be called from any goroutine.
func (f *Follower) Health() FollowerHealth {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.health
	if !f.since.IsZero() {
		out.Waiting = time.Since(f.since)
	}
	if out.Trouble == nil && out.Waiting > MaxFollowLag {
		out.Trouble = fmt.Errorf("events have waited %s for a write", out.Waiting.Round(time.Second))
	}
	return out
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
	f.mu.Lock()
	defer f.mu.Unlock()
	f.health.Trouble, f.health.Stopped = err, stopped
	if errors.Is(err, ErrSnapshotUnavailable) {
		f.health.Status = SnapshotUnavailable
	}
}

// establish compares the snapshot with the log and says whether it may be written; if not, how long to wait before the next look.
func (f *Follower) establish(ctx context.Context) (ready bool, wait time.Duration) {
	r, err := Recover(ctx, f.log, RecoverOptions{Snapshot: f.snapshot, Waits: []time.Duration{}, Beside: true})
	var h *Halt
	switch {
	case ctx.Err() != nil:
		return false, 0
	case errors.As(err, &h):
		f.look(SnapshotDiffers, nil, h)
		f.diverged(h)
		return false, f.o.Recheck
	case err != nil:
		f.look(SnapshotUnavailable, nil, err)
		return false, f.o.Retry
	}
	switch r.Report.Snapshot {
	case SnapshotAgreed:
		f.look(SnapshotAgreed, r.Agreed, nil)
		f.notice(fmt.Sprintf("the snapshot agrees with the log at %s", r.Agreed))
		return true, 0
	case SnapshotMissing:
		f.look(SnapshotMissing, nil, nil)
		return true, 0
	case SnapshotOutdated:
		f.look(SnapshotOutdated, nil, nil)
		f.notice("the snapshot is of an older build: it is rebuilt beside the old one")
		if _, err := Rebuild(ctx, f.log, f.snapshot, RebuildOptions{}); err != nil {
			f.look(SnapshotOutdated, nil, fmt.Errorf("rebuild: %w", err))
			return false, f.o.Retry
		}
		f.notice("the snapshot has been rebuilt")
		return false, 0 // what was built is compared like any other
	case SnapshotNewer:
		f.look(SnapshotNewer, nil, errors.New(r.Report.Findings[0]))
		return false, f.o.Recheck
	}
	f.look(SnapshotUnavailable, nil, errors.New(r.Report.Findings[0]))
	return false, f.o.Retry
}

// look notes what a look at the snapshot gave.
func (f *Follower) look(status string, base *SnapshotHead, trouble error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.health.Status != status && trouble != nil {
		defer f.notice(trouble.Error())
	}
	f.base = base
	f.health.Status, f.health.Trouble, f.health.Written = status, trouble, headOfSnapshot(base)
	if status == SnapshotAgreed {
		f.health.Compared, f.told = time.Now(), ""
	}
}

// diverged calls a person, once for each finding.
func (f *Follower) diverged(h *Halt) {
	if text := h.Error(); text != f.told && f.o.Diverged != nil {
		f.told = text
		f.o.Diverged(h)
	}
}

func (f *Follower) notice(text string) {
	if f.o.Notice != nil {
		f.o.Notice(text)
	}
}

// follow folds the log from its beginning and writes what lies beyond base, until something fails.
func (f *Follower) follow(ctx context.Context) error {
	f.mu.Lock()
	f.fold, f.next, f.hash, f.live, f.last, f.since = tables.NewFold(), 0, eventstore.Hash{}, false, nil, time.Time{}
	if f.base == nil {
		f.goLive()
	}
	f.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var writer sync.WaitGroup
	defer writer.Wait()
	defer cancel(nil)
	writer.Go(func() { f.writeNowAndThen(ctx, cancel) })
	_, err := eventstore.Tail(ctx, f.log, 0, func(r domain.Recorded, hash eventstore.Hash) error { return f.take(ctx, r, hash) })
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return stoppedAt(f.next, err)
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
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.fold.Apply(r); err != nil {
		f.live = false // nothing of this fold is written any more
		return &FollowerStopped{Revision: r.Rev, Type: r.Type, Err: err}
	}
	f.next, f.hash = r.Rev+1, hash
	switch {
	case f.live:
		if f.since.IsZero() {
			f.since = time.Now()
		}
		if f.fold.Gathered() >= MaxGatheredBytes {
			return f.write(ctx)
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
}

// writeNowAndThen keeps what was folded from waiting long, and writes the rest when the context ends.
func (f *Follower) writeNowAndThen(ctx context.Context, fail context.CancelCauseFunc) {
	tick := time.NewTicker(f.o.Every)
	defer tick.Stop()
	for {
		last := false
		select {
		case <-tick.C:
		case <-ctx.Done():
			last = true
		}
		f.mu.Lock()
		var err error
		if f.live && !f.since.IsZero() && (!last || errors.Is(context.Cause(ctx), context.Canceled)) {
			err = f.write(context.WithoutCancel(ctx))
		}
		f.mu.Unlock()
		if err != nil {
			fail(err)
		}
		if last || err != nil {
			return
		}
	}
}

// write puts everything folded so far into the store. The lock is held.
func (f *Follower) write(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, WriteTimeout)
	defer cancel()
	content := f.fold.Content()
	after := headAt(f.log, f.next-1, f.hash, content.Hash())
	change := Change{Before: f.base, After: after, State: changes(f.last, content.State), History: f.fold.Take()}
	if err := f.snapshot.Write(ctx, change); err != nil {
		return fmt.Errorf("write the snapshot: %w", err)
	}
	f.base, f.last, f.since = &after, content.State, time.Time{}
	f.health.Status, f.health.Written, f.health.Trouble = SnapshotAgreed, headOfSnapshot(&after), nil
	return nil
}

func headAt(log eventstore.Log, rev uint64, hash eventstore.Hash, tablesHash string) SnapshotHead {
	return SnapshotHead{
		Stream: streamOf(log.Portfolio()), Revision: rev, EventHash: hash.String(),
		SchemaVersion: tables.Version(), FoldVersion: tables.FoldVersion, TablesHash: tablesHash,
	}
}
