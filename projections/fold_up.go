package projections

import (
	"context"
	"errors"
	"fmt"

	"pm/domain"
	"pm/eventstore"
	"pm/projections/tables"
)

// HeadBefore is how many revisions before the end of the log a fold waits for the head of the snapshot at the latest. A snapshot nearly
// always stands within them, since the follower writes ten times a second: while the store is called, the log is folded.
const HeadBefore = 512

// errPassed says that the fold has gone beyond the snapshot's revision before it knew it.
var errPassed = errors.New("the snapshot is of an earlier revision")

// folded is a log that was read to its end.
type folded struct {
	*tables.Fold
	head    eventstore.Head
	digest  string          // of the state at the end
	hash    eventstore.Hash // of the event at the snapshot's revision
	content tables.Content  // at the snapshot's revision
	there   bool            // the log has the snapshot's revision
}

// foldUp reads a log to its end and keeps what the tables hold at the head of a snapshot. It does not wait for that head before the end
// is near; a snapshot that turns out to be older than the fold costs a second one, which knows the revision from the beginning.
func foldUp(ctx context.Context, log eventstore.Log, seen *snapshotReading) (*folded, error) {
	end, err := log.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the head of the log: %w", err)
	}
	f, err := foldOnce(ctx, log, seen, end.Next)
	if errors.Is(err, errPassed) {
		f, err = foldOnce(ctx, log, seen, end.Next)
	}
	return f, err
}

func foldOnce(ctx context.Context, log eventstore.Log, seen *snapshotReading, end uint64) (_ *folded, err error) {
	f := &folding{folded: folded{Fold: tables.NewFold()}, seen: seen, waitAt: end - min(end, HeadBefore)}
	if f.head, err = eventstore.Replay(ctx, log, 0, f.take); err != nil {
		return nil, err
	}
	f.digest = f.State.Digest() // now, while the snapshot is still being read
	return &f.folded, nil
}

// folding is one fold on its way.
type folding struct {
	folded
	seen   *snapshotReading
	waitAt uint64        // the revision before which the snapshot's head must be known
	known  bool          // it is
	at     *SnapshotHead // nil: there is none
}

// take folds one event.
func (f *folding) take(e domain.Recorded, hash eventstore.Hash) error {
	if !f.known {
		if f.at, f.known = f.seen.headNow(e.Rev >= f.waitAt); f.at != nil && f.at.Revision < e.Rev {
			return errPassed
		}
	}
	apply := f.Apply
	if f.known && (f.at == nil || f.there) { // beyond the snapshot nobody needs the rows of history
		apply = f.State.Apply
	}
	if err := apply(e); err != nil {
		return &eventstore.Corrupt{Rev: e.Rev, Reason: fmt.Sprintf("%s cannot be applied: %v", e.Type, err)}
	}
	if f.at != nil && e.Rev == f.at.Revision {
		f.there, f.hash, f.content = true, hash, f.Content()
	}
	return nil
}
