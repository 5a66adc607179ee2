package localcopy

import (
	"context"
	"errors"
	"fmt"

	"pm/eventstore"
	"pm/eventstore/sqlite"
)

// feed is the one following of the remote log that keeps the copy up to date for everybody who follows here.
type feed struct {
	done chan struct{} // closed when it has ended
	err  error         // why; set before done is closed
}

// Follow does what Read does and goes on with later appends. Where the remote log cannot be read at the moment it is followed without the
// copy: it resumes by itself, or says for good why not.
func (l *Log) Follow(ctx context.Context, from uint64, each func([]eventstore.Record) error) error {
	for {
		r := &reading{l: l, next: from, each: each}
		err := l.Read(ctx, from, func(recs []eventstore.Record) error {
			err := each(recs)
			if r.stopped = err != nil; !r.stopped {
				from = recs[len(recs)-1].Rev + 1
			}
			return err
		})
		var lost *LostEnd
		if r.stopped || errors.Is(err, ErrCopyChanged) || errors.As(err, &lost) {
			return err
		}
		c := l.current()
		if c == nil || err != nil {
			return l.remote.Follow(ctx, from, each)
		}
		r.next = from
		if err := r.follow(ctx, c); err != nil {
			return err
		}
		from = r.next
	}
}

// follow hands out what comes into the copy. nil means to look again: the copy is another one, or none.
func (r *reading) follow(ctx context.Context, c *sqlite.Log) error {
	f := r.l.feeding()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-f.done:
			cancel(f.err)
		case <-stop:
		}
	}()
	var check *eventstore.Links
	err := c.Follow(ctx, r.next, func(recs []eventstore.Record) error {
		if check == nil {
			check = eventstore.NewLinksAt(r.next)
		}
		if err := check.Check(recs); err != nil {
			return err
		}
		r.head = recs[len(recs)-1].After()
		return r.hand(recs)
	})
	if r.stopped {
		return r.l.Recheck(ctx, err)
	}
	var bad *damage
	switch cause := context.Cause(ctx); {
	case errors.As(copyError(err), &bad):
		r.l.discard(c, bad.Error())
		return nil
	case r.l.life.Err() != nil:
		return eventstore.ErrClosed
	case errors.Is(err, eventstore.ErrClosed), errors.Is(cause, errNoCopy):
		return nil
	case cause != nil:
		return cause
	}
	return err
}

// feeding starts the feed if none runs.
func (l *Log) feeding() *feed {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.feed != nil {
		select {
		case <-l.feed.done:
		default:
			return l.feed
		}
	}
	l.feed = &feed{done: make(chan struct{})}
	go func(f *feed) {
		f.err = l.runFeed()
		close(f.done)
	}(l.feed)
	return l.feed
}

// fed says whether the feed runs.
func (l *Log) fed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.feed == nil {
		return false
	}
	select {
	case <-l.feed.done:
		return false
	default:
		return true
	}
}

// errNoCopy ends the feed when there is nothing to feed.
var errNoCopy = errors.New("there is no copy to feed")

// runFeed follows the remote log into the copy.
func (l *Log) runFeed() error {
	c := l.current()
	if c == nil {
		return errNoCopy
	}
	head, err := c.Head(l.life)
	if err != nil {
		return errNoCopy // whoever reads the copy finds out and says so
	}
	// From one record before the end, so that the feed sees whether the copy still continues the remote log.
	return l.remote.Follow(l.life, max(head.Next, 1)-1, func(recs []eventstore.Record) error { return l.swallow(recs) })
}

// swallow puts into the copy what it does not have yet.
func (l *Log) swallow(recs []eventstore.Record) error {
	select {
	case l.filling <- struct{}{}:
		defer func() { <-l.filling }()
	case <-l.life.Done():
		return eventstore.ErrClosed
	}
	c := l.current()
	if c == nil {
		return errNoCopy
	}
	head, err := c.Head(l.life)
	if err != nil {
		return errNoCopy // as above
	}
	for len(recs) > 0 && recs[0].Rev < head.Next {
		if last := &recs[0]; last.Rev == head.Next-1 && last.Hash != head.Hash {
			l.discard(c, fmt.Sprintf("it ends at %s, where the remote log has the hash %s", head, last.Hash))
			return errNoCopy
		}
		recs = recs[1:]
	}
	if len(recs) == 0 {
		return nil
	}
	if recs[0].Rev > head.Next { // it was replaced by an empty one: a reading fills it
		return errNoCopy
	}
	if err := c.Append(context.Background(), head, recs); err != nil {
		l.without(c, err)
		return errNoCopy
	}
	return nil
}
