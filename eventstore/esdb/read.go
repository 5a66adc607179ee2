package esdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"pm/eventstore"
)

const (
	// readTries is how often in a row a reading is begun again without one record more.
	readTries = 4
	// ahead is how many chunks are fetched while the caller works.
	ahead = 4
)

// Read hands out the records from a revision on, up to the head now. When the connection ends it goes on where it was, and gives up with
// ErrUnavailable after a few tries without a record.
func (l *Log) Read(ctx context.Context, from uint64, each func([]eventstore.Record) error) error {
	head, err := l.Head(ctx)
	if err == nil {
		err = l.Remembers(ctx)
	}
	if err != nil {
		return err
	}
	r := &reading{l: l, next: from, until: head.Next, each: each}
	for wait, tries := firstWait, 0; r.next < r.until; wait = min(2*wait, maxWait) {
		before := r.next
		err := r.once(ctx)
		if err == nil && r.next < r.until {
			return &eventstore.Corrupt{Rev: r.next, Reason: fmt.Sprintf("it is missing, though the stream ends at %s", head)}
		}
		if err = r.told(ctx, err); !errors.Is(err, ErrUnavailable) || r.stopped {
			return err
		}
		if tries++; r.next > before {
			tries, wait = 0, firstWait
		}
		if tries == readTries {
			return err
		}
		if err := l.pause(ctx, wait); err != nil {
			return err
		}
	}
	return nil
}

// reading is a reading under way, or a following.
type reading struct {
	l       *Log
	next    uint64          // the first revision that was not handed out
	until   uint64          // where a reading ends
	last    eventstore.Hash // of the record before next; zero as long as none was handed out
	each    func([]eventstore.Record) error
	stopped bool // by each's own error
}

// told gives the error of a try its name; each's own stays as it is.
func (r *reading) told(ctx context.Context, err error) error {
	if err == nil || r.stopped {
		return err
	}
	if kindOf(err) == absent {
		return &eventstore.Corrupt{Rev: r.next, Reason: "the stream " + r.l.stream + " is gone"}
	}
	return r.l.failed(ctx, err)
}

// hand gives a chunk to the caller.
func (r *reading) hand(chunk []eventstore.Record) error {
	if err := r.each(chunk); err != nil {
		r.stopped = true
		return err
	}
	last := chunk[len(chunk)-1]
	r.next, r.last = last.Rev+1, last.Hash
	return nil
}

// once is one try: a goroutine takes records from the wire while the caller works on those before.
func (r *reading) once(ctx context.Context) error {
	ctx, cancel := r.l.within(leaderOnly(ctx))
	defer cancel()
	one, err := r.l.clients.connected(ctx)
	if err != nil {
		return err
	}
	from, until := r.next, r.until
	chunks, done := make(chan []eventstore.Record, ahead), make(chan error, 1)
	go func() {
		_, err := guarded(func() (struct{}, error) { return struct{}{}, r.l.pump(ctx, one, from, until, chunks) })
		r.l.clients.put(one, err)
		done <- err
		close(chunks)
	}()
	stall := time.NewTimer(r.l.o.patience.stall)
	defer stall.Stop()
	for {
		select {
		case chunk, more := <-chunks:
			if !more {
				return <-done
			}
			if err := r.hand(chunk); err != nil {
				return err
			}
			stall.Reset(r.l.o.patience.stall)
		case <-ctx.Done():
			return ctx.Err()
		case <-stall.C:
			return fmt.Errorf("%w: a reading said nothing for %s", ErrUnavailable, r.l.o.patience.stall)
		}
	}
}

// pump reads [from, until) from the wire and sends it in chunks.
func (l *Log) pump(ctx context.Context, one *client.Client, from, until uint64, chunks chan<- []eventstore.Record) error {
	stream, err := one.ReadStream(ctx, l.stream, readOptions(client.Forwards, client.Revision(from)), until-from)
	if err != nil {
		return err
	}
	defer stream.Close()
	c := newChunk(until - from)
	flush := func() error {
		if len(c.recs) == 0 {
			return nil
		}
		select {
		case chunks <- c.recs:
			c = newChunk(until - from)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for from < until {
		rec, err := receive(stream, from)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return errors.Join(flush(), err)
		}
		from++
		if c.add(rec) {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// receive takes the next event, which must be that of a revision.
func receive(stream *client.ReadStream, want uint64) (eventstore.Record, error) {
	e, err := stream.Recv()
	if err != nil {
		return eventstore.Record{}, err
	}
	return dense(e, want)
}

// dense makes a record of an event and refuses a gap.
func dense(e *client.ResolvedEvent, want uint64) (eventstore.Record, error) {
	if got := e.OriginalEvent().EventNumber; got != want {
		return eventstore.Record{}, &eventstore.Corrupt{Rev: want, Reason: fmt.Sprintf("it is missing: revision %d stands there (the stream was truncated or scavenged)", got)}
	}
	return recordOf(e.OriginalEvent())
}

// chunk collects records up to the limits of what is handed out at once.
type chunk struct {
	recs []eventstore.Record
	size int
}

func newChunk(most uint64) *chunk {
	return &chunk{recs: make([]eventstore.Record, 0, min(most, eventstore.ChunkRecords))}
}

// add says whether the chunk is full.
func (c *chunk) add(r eventstore.Record) bool {
	c.recs = append(c.recs, r)
	c.size += r.Size()
	return len(c.recs) == eventstore.ChunkRecords || c.size >= eventstore.ChunkBytes
}
