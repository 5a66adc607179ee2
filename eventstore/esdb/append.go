package esdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"pm/eventstore"
)

const (
	// appendTries is how often the same records go to the server before their caller is told that nobody knows.
	appendTries = 3
	// grace is how much longer the call may take than the deadline that the server is told, so that its answer counts.
	grace = 50 * time.Millisecond
	// perMiB is what each full MiB of an append may take beyond the deadline; the service's appends are far below one.
	perMiB = 125 * time.Millisecond
)

// appendOptions are the options of every append: an expected revision that is left out would mean any, without a word.
func appendOptions(at eventstore.Head, deadline time.Duration) client.AppendToStreamOptions {
	o := client.AppendToStreamOptions{ExpectedRevision: client.NoStream{}, Deadline: &deadline, RequiresLeader: true}
	if at.Next > 0 {
		o.ExpectedRevision = client.Revision(at.Next - 1)
	}
	return o
}

// Append stores the records if the stream ends at at. eventstore.ErrOutcomeUnknown also covers a store that cannot be reached at all: the
// caller asks again either way, and stays alive until the store is back.
func (l *Log) Append(ctx context.Context, at eventstore.Head, recs []eventstore.Record) error {
	if l.readOnly {
		return eventstore.ErrReadOnly
	}
	if err := eventstore.CheckBatch(l.portfolio, at, recs); err != nil {
		return err
	}
	batch := make([]client.EventData, len(recs))
	size := 0
	for i := range recs {
		var err error
		if batch[i], err = eventOf(&recs[i]); err != nil {
			return err
		}
		size += recs[i].Size()
	}
	if err := l.usable(ctx); err != nil {
		return err
	}
	select {
	case l.write <- struct{}{}:
		defer func() { <-l.write }()
	case <-l.life.Done():
		return eventstore.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := l.meets(ctx, at); err != nil {
		return err
	}
	a := &appending{l: l, at: at, recs: recs, batch: batch, limit: l.o.AppendDeadline + time.Duration(size>>20)*perMiB}
	if err := a.run(ctx); err != nil {
		return err
	}
	l.last = recs[len(recs)-1].After()
	return nil
}

// meets says whether the stream ends at a head, as far as this log has seen; the server has the last word on the revision, and only
// the one who reads the head knows its hash.
func (l *Log) meets(ctx context.Context, at eventstore.Head) error {
	if err := l.usable(ctx); err != nil {
		return err
	}
	if l.last == at {
		return nil
	}
	head, err := l.Head(ctx)
	if errors.Is(err, ErrUnavailable) {
		return fmt.Errorf("%w: read the head: %w", eventstore.ErrOutcomeUnknown, err)
	}
	if err != nil {
		return err
	}
	if l.last = head; head != at {
		return &eventstore.WrongHead{Expected: at, Actual: head}
	}
	return nil
}

// appending is one append with all its tries.
type appending struct {
	l     *Log
	at    eventstore.Head
	recs  []eventstore.Record
	batch []client.EventData
	limit time.Duration
}

// run sends the batch until it is known what became of it. Every try has the same ids and the same expected revision, so that the server
// stores it once at most.
//
// A server that finds the ids of the batch where it should go says that it was stored, and does not look at the bytes. An id covers the
// data and not who wrote it, so the first success of a handle is read back, and so is every one behind a try in doubt: two instances of the
// same name that begin the same epoch must not both believe that they lead.
func (a *appending) run(ctx context.Context) error {
	var failure error
	for try := 1; try <= appendTries; try++ {
		err := a.send()
		kind := kindOf(err)
		if try == 1 { // later, an earlier try may have been stored, or may be yet
			switch {
			case kind == fine && a.l.proven:
				return nil
			case kind == refused || kind == deleted:
				return a.l.failed(context.WithoutCancel(ctx), err)
			case kind == large:
				return fmt.Errorf("%w: %w", ErrAppendSize, &eventstore.TooLarge{What: "bytes of an append for this event store", Got: a.size(), Max: mostBytes(err)})
			}
		}
		stored, settled, look := a.look()
		switch {
		case settled && stored:
			if kind != fine {
				a.l.log.Warn("the answer to an append was lost; read back, its records are stored", "head", a.at.String(), "error", err)
			}
			a.l.proven = true
			return nil
		case settled:
			return look // another writer, or a stream that is no log any more
		}
		failure = errors.Join(err, look)
		if kind == refused || kind == deleted || kind == large || look != nil || ctx.Err() != nil || a.l.life.Err() != nil {
			break // the store does not take it or does not answer, or nobody waits: the caller asks again, or ends
		}
	}
	return fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown, errors.Join(failure, a.l.usable(ctx)))
}

// send is one try. The caller's context has no say in it: a call that is broken off is neither done nor undone.
func (a *appending) send() error {
	began := time.Now()
	_, err := call(a.l.life, a.l.clients, a.limit+grace, func(ctx context.Context, one *client.Client) (*client.WriteResult, error) {
		return one.AppendToStream(ctx, a.l.stream, appendOptions(a.at, a.limit), a.batch...)
	})
	if kindOf(err) == away && time.Since(began) >= a.limit { // what was cut off by the deadline says so in many ways, or not at all
		return fmt.Errorf("no answer within %s: %w", a.limit, err)
	}
	return err
}

// look reads the revisions back. settled: what stands there tells; then stored says that it is ours, else the error whose it is. Not
// settled and no error: nothing stands there. Not settled and an error: it could not be read.
func (a *appending) look() (stored, settled bool, err error) {
	from := client.StreamPosition(client.Start{})
	if a.at.Next > 0 {
		from = client.Revision(a.at.Next)
	}
	there, err := a.l.fetch(a.l.life, readOptions(client.Forwards, from), uint64(len(a.recs)))
	var corrupt *eventstore.Corrupt
	switch kind := kindOf(err); {
	case kind == fine, kind == absent:
	case kind == deleted:
		return false, true, a.l.buried()
	case errors.As(err, &corrupt):
		return false, true, fmt.Errorf("something else stands where the append should go, by another writer: %w", err)
	default:
		return false, false, err
	}
	if len(there) == 0 {
		return a.behind()
	}
	for i := range a.recs {
		// The hash covers every byte, and with it the id: two writers can make the same id of the same data.
		if i >= len(there) || there[i].Rev != a.recs[i].Rev || there[i].Hash != a.recs[i].Hash {
			return false, true, a.other()
		}
	}
	return true, true, nil
}

// behind tells a stream that waits for our records from one that is shorter than we believed.
func (a *appending) behind() (stored, settled bool, err error) {
	head, err := a.l.Head(a.l.life)
	if err != nil {
		var corrupt *eventstore.Corrupt
		return false, errors.As(err, &corrupt), err
	}
	if head != a.at && head.Next <= a.at.Next {
		return false, true, &eventstore.WrongHead{Expected: a.at, Actual: head}
	}
	return false, false, nil
}

// other names the head that another writer has made.
func (a *appending) other() error {
	head, err := a.l.Head(a.l.life)
	var corrupt *eventstore.Corrupt
	if errors.As(err, &corrupt) {
		return fmt.Errorf("other records stand at %s, and behind them is none of pm: %w", a.at, err)
	}
	if err != nil {
		return fmt.Errorf("%w: other records stand at %s, and the head cannot be read: %w", eventstore.ErrOutcomeUnknown, a.at, err)
	}
	a.l.last = head
	return &eventstore.WrongHead{Expected: a.at, Actual: head}
}

// mostBytes reads the limit out of the server's refusal, 0 if it does not say. The server counts the user metadata and the type too.
func mostBytes(err error) int {
	var n int
	if _, text, ok := strings.Cut(err.Error(), maximumAppend+" of "); ok {
		_, _ = fmt.Sscanf(text, "%d", &n)
	}
	return n
}

func (a *appending) size() (n int) {
	for i := range a.recs {
		n += a.recs[i].Size()
	}
	return n
}
