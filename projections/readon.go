package projections

import (
	"context"
	"errors"
	"fmt"

	"pm/domain"
	"pm/eventstore"
)

// ErrOwnEvent says that what came into the log was written by the very start that reads it: its epoch is durable already.
var ErrOwnEvent = errors.New("the log has an event of this start")

// ReadOn folds what has come into the log since it was read, with every check of a recovery, and brings the report up to the new head. It is
// for a start whose first append met a log that had grown: the last append of a process that was killed can arrive that late. What was
// compared stays compared, since the snapshot stands at a revision that had been read. It gives how many events came; after an error
// (*Halt, ErrOwnEvent or the context's) the state is worth nothing.
func (r *Recovery) ReadOn(ctx context.Context, log eventstore.Log) (came uint64, err error) {
	was := r.Head
	if was.Next == 0 {
		r.State = domain.NewState() // an attempt to open the portfolio has gone into the old one
	}
	last, err := r.foldOn(ctx, log)
	if err != nil {
		if !errors.Is(err, ErrOwnEvent) {
			err = halted(ctx, err)
		}
		var h *Halt
		if errors.As(err, &h) {
			r.Report.halted(h)
			h.Report = &r.Report
		}
		return 0, err
	}
	if came = r.Head.Next - was.Next; came > 0 {
		r.Report.Findings = append(r.Report.Findings, fmt.Sprintf("%d events came after the log had been read to its end at %s, the last one from instance %s in epoch %d: "+
			"this start read on before it wrote", came, was, last.Inst, last.Epoch))
	}
	r.Report.finish(r.State, r.Head, r.State.Digest())
	return came, nil
}

// foldOn applies what stands behind the head and moves it, and gives the last event.
func (r *Recovery) foldOn(ctx context.Context, log eventstore.Log) (last domain.Recorded, err error) {
	was := r.Head
	now, err := log.Head(ctx)
	if err != nil {
		return last, err
	}
	if now.Next < was.Next {
		return last, &eventstore.Corrupt{Rev: now.Next, Reason: fmt.Sprintf("the log had been read to %s and now ends at %s", was, now)}
	}
	head, err := eventstore.Replay(ctx, log, was.Next, func(e domain.Recorded, _ eventstore.Hash) error {
		// The replay links the first event to the record that stands before it now; that must be the one that was read.
		if e.Rev == was.Next && e.Prev != was.Hash.String() {
			return &eventstore.Corrupt{Rev: e.Rev, Reason: fmt.Sprintf("it does not continue what was read a moment ago, which ended at %s", was)}
		}
		if e.Inst == r.Report.Instance {
			return fmt.Errorf("%w: revision %d", ErrOwnEvent, e.Rev)
		}
		if err := r.State.Apply(e); err != nil {
			return &eventstore.Corrupt{Rev: e.Rev, Reason: fmt.Sprintf("%s cannot be applied: %v", e.Type, err)}
		}
		last = e
		return nil
	})
	if err != nil {
		return last, err
	}
	if head.Next == was.Next && head != was {
		return last, &eventstore.Corrupt{Rev: was.Next - 1, Reason: fmt.Sprintf("it was read as the end of the log at %s, and is another one now: %s", was, head)}
	}
	r.Head = head
	return last, nil
}
