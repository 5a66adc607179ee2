package projections

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pm/domain"
	"pm/eventstore"
)

// Until is where a fold of the past ends: with the event at a revision, or with the last one recorded at or before a time.
type Until struct {
	Revision *uint64
	At       time.Time // used where Revision is nil
}

// ParseUntil reads a revision or a time. Times are shown to the second, and one that is given back as it was shown means all of that
// second: a time without a fraction ends with its last nanosecond.
func ParseUntil(text string) (Until, error) {
	if rev, err := strconv.ParseUint(text, 10, 63); err == nil {
		return Until{Revision: &rev}, nil
	}
	at, err := domain.ParseInstant(text)
	if err == nil && !strings.ContainsAny(text, ".,") {
		at = at.Add(time.Second - time.Nanosecond)
	}
	return Until{At: at}, err
}

// ErrBeyond says that the log does not reach as far as was asked, or has nothing so early.
var ErrBeyond = errors.New("the log has no such moment")

var errReached = errors.New("the end of the fold")

// StateAt folds the log from its first event up to a moment: the state as it was then. It costs what a recovery to there costs.
func (j *Journal) StateAt(ctx context.Context, until Until) (*domain.State, error) {
	head, err := j.log.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the head of the log: %w", err)
	}
	if until.Revision != nil && *until.Revision >= head.Next {
		return nil, fmt.Errorf("%w: it ends at %s", ErrBeyond, head)
	}
	state := domain.NewState()
	_, err = eventstore.Replay(ctx, j.log, 0, func(r domain.Recorded, _ eventstore.Hash) error {
		if until.Revision == nil && r.At.After(until.At) {
			return errReached
		}
		if err := state.Apply(r); err != nil {
			return &eventstore.Corrupt{Rev: r.Rev, Reason: fmt.Sprintf("%s cannot be applied: %v", r.Type, err)}
		}
		if until.Revision != nil && r.Rev == *until.Revision {
			return errReached
		}
		return nil
	})
	if err != nil && !errors.Is(err, errReached) {
		return nil, fmt.Errorf("fold the log: %w", err)
	}
	if state.Events == 0 {
		return nil, fmt.Errorf("%w: its first event is younger", ErrBeyond)
	}
	return state, nil
}

// Follow hands out the events from a revision on, checked, and goes on with what is recorded later until the context ends or each
// returns an error. It always returns an error.
func (j *Journal) Follow(ctx context.Context, from uint64, each func(Event) error) error {
	start, take := j.checked(from, func(rec eventstore.Record, r domain.Recorded) error { return each(EventOf(rec, r.Meta)) })
	return j.log.Follow(ctx, start, take)
}

// Head is the end of the log now.
func (j *Journal) Head(ctx context.Context) (eventstore.Head, error) { return j.log.Head(ctx) }
