package projections

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"pm/domain"
	"pm/eventstore"
)

// recoveryGC is the garbage collector's target while a log is folded: nearly everything that a replay makes is garbage at once, and
// collecting it at the usual pace costs a third of the rate.
const recoveryGC = 800

// RetryWaits are the waits before a log or a snapshot that cannot be reached is tried again: four tries in seven seconds.
var RetryWaits = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}

// RecoverOptions say what a recovery is held against.
type RecoverOptions struct {
	Snapshot        Snapshot // nil: none is configured
	Instance, Build string   // of the start, for the report
	// Waits are the waits between tries; nil: RetryWaits.
	Waits []time.Duration
	// Beside says that trading goes on meanwhile in this process: the garbage collector is left as it is.
	Beside bool
	// Retrying is called before each further try; nil: nobody is told.
	Retrying func(what string, err error, wait time.Duration)
}

// Recovery is a state as the log has it, and where the log ends.
type Recovery struct {
	State  *domain.State
	Head   eventstore.Head
	Report Report
	// Agreed is the head of the snapshot that was compared and found equal; nil if none was.
	Agreed *SnapshotHead
}

// Recover folds a log from zero, checking every record, and holds the result against the snapshot at the snapshot's revision. It writes
// nothing, so that the same code is the start of the service and the dry run of an auditor. An empty log gives an empty state. The
// error is *Halt, with the report of what was found, or the context's if it ended first.
func Recover(ctx context.Context, log eventstore.Log, o RecoverOptions) (*Recovery, error) {
	if !o.Beside {
		defer debug.SetGCPercent(debug.SetGCPercent(recoveryGC))
	}
	if o.Waits == nil {
		o.Waits = RetryWaits
	}
	r := &recovering{o: o, log: log, report: newReport(log.Portfolio(), o)}
	done, err := r.run(ctx)
	var h *Halt
	if errors.As(err, &h) {
		r.report.halted(h)
		h.Report = &r.report
	}
	return done, err
}

// recovering is a recovery on its way.
type recovering struct {
	o      RecoverOptions
	log    eventstore.Log
	report Report
	seen   *snapshotReading // of the snapshot; nil if there is none
}

func (r *recovering) run(ctx context.Context) (*Recovery, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if r.o.Snapshot != nil {
		r.seen = readSnapshot(ctx, r.o)
		defer func() { // a log that is broken does not wait for the snapshot
			cancel()
			r.seen.wait()
		}()
	}
	fold, err := r.replay(ctx)
	if err != nil {
		return nil, halted(ctx, err)
	}
	agreed, err := r.judge(ctx, fold)
	if err != nil {
		return nil, err
	}
	r.report.finish(fold.State, fold.head, fold.digest)
	return &Recovery{State: fold.State, Head: fold.head, Report: r.report, Agreed: agreed}, nil
}

// replay reads the log to its end. What cannot be reached is tried again from the beginning.
func (r *recovering) replay(ctx context.Context) (*folded, error) {
	for try := 0; ; try++ {
		f, err := foldUp(ctx, r.log, r.seen)
		if err == nil || ctx.Err() != nil || !unreachable(err) || try == len(r.o.Waits) {
			return f, err
		}
		r.o.pause(ctx, "the log", err, try)
	}
}

// unreachable tells a log that may come back from one that says something.
func unreachable(err error) bool {
	var corrupt *eventstore.Corrupt
	var unknown *eventstore.UnknownEvent
	return !errors.As(err, &corrupt) && !errors.As(err, &unknown) && !errors.Is(err, eventstore.ErrClosed)
}

// pause says that there is a next try and waits for it, or for the context: whoever tries again then finds it ended.
func (o RecoverOptions) pause(ctx context.Context, what string, err error, try int) {
	if o.Retrying != nil {
		o.Retrying(what, err, o.Waits[try])
	}
	select {
	case <-ctx.Done():
	case <-time.After(o.Waits[try]):
	}
}
