package localcopy

import (
	"context"
	"errors"
	"fmt"

	"pm/eventstore"
	"pm/eventstore/sqlite"
)

// maxDiscards is how often one reading may find a copy damaged before it goes on with the remote log alone.
const maxDiscards = 2

// Read hands out the records from a revision on, up to the remote head now: those that the copy has, checked, and then what it lacks. Where the
// copy is the longer one it is asked first what it proves: *LostEnd.
func (l *Log) Read(ctx context.Context, from uint64, each func([]eventstore.Record) error) error {
	head, err := l.remote.Head(ctx)
	if err == nil {
		err = l.beyond(ctx, head)
	}
	if err != nil {
		return err
	}
	r := &reading{l: l, next: from, head: head, each: each}
	if err = r.all(ctx); r.stopped {
		return l.Recheck(ctx, err)
	}
	return err
}

// all hands out everything up to the head of this reading.
func (r *reading) all(ctx context.Context) error {
	l := r.l
	for discards := 0; r.next < r.head.Next; {
		c := l.current()
		if c == nil || discards == maxDiscards {
			return r.rest(ctx, nil)
		}
		err := r.fromCopy(ctx, c)
		if err == nil && r.next < r.head.Next {
			return r.rest(ctx, c)
		}
		var bad *damage
		switch {
		case errors.As(err, &bad):
			discards++
			l.discard(c, bad.Error())
			if err := r.sameBefore(ctx); err != nil {
				return err
			}
		case errors.Is(err, eventstore.ErrClosed) && !r.stopped && l.life.Err() == nil: // somebody else discarded it
		default:
			return err
		}
	}
	return nil
}

// beyond holds a head of the remote log against a copy that has more. Usually that came meanwhile, and the remote log has grown as well.
func (l *Log) beyond(ctx context.Context, head eventstore.Head) error {
	c := l.current()
	if c == nil {
		return nil
	}
	if mine, err := c.Head(ctx); err != nil || mine.Next <= head.Next {
		return nil //nolint:nilerr // the reading finds out what is wrong with the copy, and discards it
	}
	return shorter(ctx, l.dir, c, l.remote)
}

// reading is a reading under way.
type reading struct {
	l       *Log
	next    uint64 // the first revision that was not handed out
	head    eventstore.Head
	each    func([]eventstore.Record) error
	last    eventstore.Hash // of the record before next, if one was handed out
	handed  bool
	stopped bool // by each's own error
}

// hand gives records to the caller, without those that it did not ask for or that came after the head of this reading.
func (r *reading) hand(recs []eventstore.Record) error {
	for len(recs) > 0 && recs[0].Rev < r.next {
		recs = recs[1:]
	}
	for len(recs) > 0 && recs[len(recs)-1].Rev >= r.head.Next {
		recs = recs[:len(recs)-1]
	}
	if len(recs) == 0 {
		return nil
	}
	if err := r.each(recs); err != nil {
		r.stopped = true
		return err
	}
	last := &recs[len(recs)-1]
	r.next, r.last, r.handed = last.Rev+1, last.Hash, true
	return nil
}

// fromCopy hands out what the copy has, in chunks, each only when the record behind it has vouched for it; the last one of a copy that
// has everything is vouched for by the remote head. A copy that has nothing to give is no error.
func (r *reading) fromCopy(ctx context.Context, c *sqlite.Log) error {
	mine, err := c.Head(ctx)
	if err != nil {
		return copyError(err)
	}
	if mine.Next == r.head.Next && mine.Hash != r.head.Hash {
		return &damage{mine.Next - 1, fmt.Sprintf("it ends at %s and the remote log at %s", mine, r.head)}
	}
	from := max(r.next, 1) - 1 // the record before the first shows that it is the right one
	check := eventstore.NewLinksAt(from)
	if from == 0 {
		check = eventstore.NewLinks(eventstore.Empty(r.l.Portfolio()))
	}
	var waiting []eventstore.Record
	err = c.Read(ctx, from, func(recs []eventstore.Record) error {
		if err := check.Check(recs); err != nil {
			return err
		}
		ready := waiting
		waiting = recs
		return r.vouched(ready)
	})
	if end := check.Head(); err == nil && end.Next < mine.Next {
		err = &damage{end.Next, "it is missing"}
	}
	if end := check.Head(); err == nil && end.Next == mine.Next && mine.Next > from && end.Hash != mine.Hash {
		err = &damage{mine.Next - 1, "the last record is another one"}
	}
	if err == nil {
		err = r.vouched(waiting)
	}
	if r.stopped {
		return err
	}
	return copyError(err)
}

// vouched hands out records of the copy. Where they reach the remote head, that has the last word.
func (r *reading) vouched(recs []eventstore.Record) error {
	for i := range recs {
		if recs[i].Rev == r.head.Next-1 && recs[i].Hash != r.head.Hash {
			return &damage{recs[i].Rev, fmt.Sprintf("it has the hash %s and the remote log ends at %s", recs[i].Hash, r.head)}
		}
	}
	return r.hand(recs)
}

// damage says that a copy is not what its chain says.
type damage struct {
	rev    uint64
	reason string
}

// Error names the revision.
func (d *damage) Error() string { return fmt.Sprintf("revision %d: %s", d.rev, d.reason) }

// copyError tells what is wrong with the copy from what is wrong with its reader.
func copyError(err error) error {
	var corrupt *eventstore.Corrupt
	if errors.As(err, &corrupt) {
		return &damage{corrupt.Rev, corrupt.Reason}
	}
	return err
}

// sameBefore makes sure that what was handed out from a copy that turned out to be damaged is what the remote log has.
func (r *reading) sameBefore(ctx context.Context) error {
	if !r.handed {
		return nil
	}
	there, err := at(ctx, r.l.remote, r.next-1)
	if err != nil {
		return err
	}
	if there == nil || there.Hash != r.last {
		return fmt.Errorf("%w: revision %d was read from it already: read again from the beginning", ErrCopyChanged, r.next-1)
	}
	return nil
}

// rest hands out what the copy lacks, from the remote log, and keeps it in the copy unless c is nil or somebody else is at it.
func (r *reading) rest(ctx context.Context, c *sqlite.Log) error {
	if c != nil {
		select {
		case r.l.filling <- struct{}{}:
			defer func() { <-r.l.filling }()
			return r.l.fill(ctx, c, r)
		default:
		}
	}
	return r.l.remote.Read(ctx, r.next, r.hand)
}
