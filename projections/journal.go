package projections

import (
	"context"
	"errors"
	"fmt"

	"pm/domain"
	"pm/eventstore"
)

// The limits of a Journal.
const (
	// MaxOutcomeRecords is how many records behind a signal may belong to its decision: a bar moves and hits at most
	// domain.MaxLayers stops, an exit names at most as many layers.
	MaxOutcomeRecords = 64
	// MaxPageBytes ends a page of events early, so that no answer outgrows memory. The page says where to go on.
	MaxPageBytes = 8 << 20
)

// Journal reads the log for people. Every record that it hands out was checked: its hash, its link to the record before, its
// type and version. It keeps nothing and may be used from any goroutine.
type Journal struct {
	log eventstore.Log
}

// NewJournal reads from a log.
func NewJournal(log eventstore.Log) *Journal { return &Journal{log: log} }

// EventPage is a stretch of the log, oldest first.
type EventPage struct {
	Events   []Event
	Next     *uint64 // the first revision that is not in the page; nil if the page ends the log
	Revision uint64  // of the last event of the log when the page was read
}

var errPageFull = errors.New("the page is full")

// Events reads at most limit events from a revision on. A from beyond the head is an empty page.
func (j *Journal) Events(ctx context.Context, from uint64, limit int) (EventPage, error) {
	head, err := j.log.Head(ctx)
	if err != nil {
		return EventPage{}, fmt.Errorf("read the head of the log: %w", err)
	}
	page := EventPage{Events: []Event{}, Revision: HeadOf(head).Revision}
	bytes := 0
	err = j.read(ctx, from, head, func(rec eventstore.Record, r domain.Recorded) error {
		if len(page.Events) == limit || (bytes+rec.Size() > MaxPageBytes && len(page.Events) > 0) {
			next := rec.Rev
			page.Next = &next
			return errPageFull
		}
		bytes += rec.Size()
		page.Events = append(page.Events, EventOf(rec, r.Meta))
		return nil
	})
	if err != nil && !errors.Is(err, errPageFull) {
		return EventPage{}, fmt.Errorf("read events from revision %d: %w", from, err)
	}
	return page, nil
}

// Outcome reads what became of the signal received at a revision, from the events that its decision recorded: the same answer
// that its sender got. For a duplicate the revision may also be that of the ExitRequested that claimed the lots: its outcome is that of the
// signal which led to it, if one did.
func (j *Journal) Outcome(ctx context.Context, revision uint64) (domain.Outcome, error) {
	head, err := j.log.Head(ctx)
	if err != nil {
		return domain.Outcome{}, fmt.Errorf("read the head of the log: %w", err)
	}
	events, err := j.decision(ctx, revision, head)
	if err == nil && len(events) > 0 {
		if root := j.received(ctx, events[0], head); root != revision {
			events, err = j.decision(ctx, root, head)
		}
	}
	if err != nil {
		return domain.Outcome{}, fmt.Errorf("read the outcome at revision %d: %w", revision, err)
	}
	if len(events) == 0 {
		return domain.Outcome{}, fmt.Errorf("read the outcome: there is no revision %d, the log ends at %s", revision, head)
	}
	return domain.OutcomeOf(events), nil
}

// decision reads the events of a decision from a revision on. They share their log time; what the same chain records later is no part of
// the first answer.
func (j *Journal) decision(ctx context.Context, from uint64, head eventstore.Head) (events []domain.Recorded, err error) {
	err = j.read(ctx, from, head, func(_ eventstore.Record, r domain.Recorded) error {
		if len(events) == MaxOutcomeRecords || (len(events) > 0 && !r.At.Equal(events[0].At)) {
			return errPageFull
		}
		events = append(events, r)
		return nil
	})
	if errors.Is(err, errPageFull) {
		err = nil
	}
	return events, err
}

// received finds the SignalReceived that an exit was decided with, a few records before it; the exit's own revision where there is none, as
// of a person's exit, and where it cannot be read.
func (j *Journal) received(ctx context.Context, exit domain.Recorded, head eventstore.Head) uint64 {
	root := exit.Rev
	if _, ok := exit.Event.(*domain.ExitRequested); !ok {
		return root
	}
	from := exit.Rev - min(exit.Rev, MaxOutcomeRecords)
	_ = j.read(ctx, from, head, func(_ eventstore.Record, r domain.Recorded) error { // the exit alone is an answer too
		if _, signal := r.Event.(*domain.SignalReceived); signal && r.Corr == exit.Corr && r.At.Equal(exit.At) {
			root = r.Rev
		}
		if r.Rev >= exit.Rev {
			return errPageFull
		}
		return nil
	})
	return root
}

// Recorded reads the event at a revision.
func (j *Journal) Recorded(ctx context.Context, revision uint64) (domain.Recorded, error) {
	var out *domain.Recorded
	head, err := j.log.Head(ctx)
	if err == nil {
		err = j.read(ctx, revision, head, func(_ eventstore.Record, r domain.Recorded) error {
			out = &r
			return errPageFull
		})
	}
	switch {
	case out != nil:
		return *out, nil
	case err == nil:
		err = fmt.Errorf("the log ends at %s", head)
	}
	return domain.Recorded{}, fmt.Errorf("read the event at revision %d: %w", revision, err)
}

// read hands out checked records of [from, head). The record before is read too, so that the first one is linked to it.
func (j *Journal) read(ctx context.Context, from uint64, head eventstore.Head, each func(eventstore.Record, domain.Recorded) error) error {
	if from >= head.Next {
		return nil
	}
	start, take := j.checked(from, func(rec eventstore.Record, r domain.Recorded) error {
		if rec.Rev >= head.Next {
			return errPageFull
		}
		return each(rec, r)
	})
	return j.log.Read(ctx, start, take)
}

// checked hands on the records from a revision on, each after its check. Reading starts at the record before, so that the first one is
// linked to it.
func (j *Journal) checked(from uint64, each func(eventstore.Record, domain.Recorded) error) (start uint64, take func([]eventstore.Record) error) {
	start = from
	if from > 0 {
		start--
	}
	v := eventstore.NewVerifier(j.log.Portfolio())
	v.StartAt(start)
	return start, func(recs []eventstore.Record) error {
		for _, rec := range recs {
			r, err := v.Check(rec)
			if err != nil {
				return err
			}
			if rec.Rev < from {
				continue
			}
			if err := each(rec, r); err != nil {
				return err
			}
		}
		return nil
	}
}
