package esdb

import (
	"context"
	"errors"
	"fmt"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"pm/eventstore"
)

// Follow does what Read does and goes on with later appends. It subscribes again whenever the subscription ends, from the first revision
// that it has not handed out, until the context or the log ends, each returns an error, the server refuses, or the stream is no log any more.
func (l *Log) Follow(ctx context.Context, from uint64, each func([]eventstore.Record) error) error {
	r := &reading{l: l, next: from, each: each}
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		before := r.next
		err := r.told(ctx, r.follow(ctx))
		if r.stopped || !errors.Is(err, ErrUnavailable) {
			return err
		}
		if r.next > before {
			wait = firstWait
		}
		l.log.Warn("following was interrupted, going on", "revision", r.next, "wait", wait, "error", err)
		if err := l.pause(ctx, wait); err != nil {
			return err
		}
	}
}

// follow is one subscription.
func (r *reading) follow(ctx context.Context) error {
	head, err := r.l.Head(ctx)
	if err == nil {
		err = r.l.Remembers(ctx)
	}
	if err != nil {
		return err
	}
	handed := r.last != eventstore.Hash{}
	if handed && head.Next < r.next {
		return &eventstore.Corrupt{Rev: head.Next, Reason: fmt.Sprintf("the stream ends before it, and once went up to revision %d: it was truncated, or an older copy "+
			"of it was restored", r.next-1)}
	}
	ctx, cancel := r.l.within(leaderOnly(ctx))
	defer cancel()
	one, err := r.l.clients.connected(ctx)
	if err != nil {
		return err
	}
	s := &subscription{l: r.l, from: min(r.next, head.Next), skip: r.next, last: r.last, confirmed: make(chan struct{}), recs: make(chan eventstore.Record, eventstore.ChunkRecords), done: make(chan error, 1)}
	if handed {
		s.from-- // the last one that was handed out, to see that it is still the same
	}
	go func() {
		_, err := guarded(func() (struct{}, error) { return struct{}{}, s.run(ctx, one) })
		r.l.clients.put(one, err)
		s.done <- err
		close(s.recs)
	}()
	unconfirmed := time.NewTimer(r.l.o.patience.confirm)
	defer unconfirmed.Stop()
	select {
	case <-s.confirmed:
	case err := <-s.done:
		return err
	case <-unconfirmed.C:
		return fmt.Errorf("%w: a subscription was not confirmed within %s", ErrUnavailable, r.l.o.patience.confirm)
	case <-ctx.Done():
		return ctx.Err()
	}
	return r.drain(ctx, s)
}

// drain hands out what has come, in chunks as large as it has, and waits for more.
func (r *reading) drain(ctx context.Context, s *subscription) error {
	for {
		select {
		case rec, more := <-s.recs:
			if !more {
				return <-s.done
			}
			if err := r.hand(s.gather(rec)); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// subscription takes events from the wire, one by one.
type subscription struct {
	l         *Log
	from      uint64          // the first revision that the server sends
	skip      uint64          // what is before it is not wanted
	last      eventstore.Hash // of the record before skip, if that was handed out before
	confirmed chan struct{}
	recs      chan eventstore.Record
	done      chan error
}

func (s *subscription) run(ctx context.Context, one *client.Client) error {
	// The server sends what stands behind a revision; that before the first is the beginning.
	o := client.SubscribeToStreamOptions{From: client.Start{}, RequiresLeader: true}
	if s.from > 0 {
		o.From = client.Revision(s.from - 1)
	}
	sub, err := one.SubscribeToStream(ctx, s.l.stream, o)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Close() }() // it never fails
	close(s.confirmed)
	for next := s.from; ; {
		e := sub.Recv()
		if e.SubscriptionDropped != nil {
			return e.SubscriptionDropped.Error
		}
		if e.EventAppeared == nil {
			continue
		}
		rec, err := dense(e.EventAppeared, next)
		if err != nil {
			return err
		}
		if next++; rec.Rev < s.skip {
			if again := (s.last != eventstore.Hash{}); again && rec.Hash != s.last {
				return &eventstore.Corrupt{Rev: rec.Rev, Reason: fmt.Sprintf("it has the hash %s, and had %s when it was followed before: the stream was replaced", rec.Hash, s.last)}
			}
			continue
		}
		select {
		case s.recs <- rec:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// gather makes a chunk of a record and of those that are there already.
func (s *subscription) gather(first eventstore.Record) []eventstore.Record {
	c := newChunk(eventstore.ChunkRecords)
	for full := c.add(first); !full; {
		select {
		case rec, more := <-s.recs:
			if !more {
				return c.recs
			}
			full = c.add(rec)
		default:
			return c.recs
		}
	}
	return c.recs
}
