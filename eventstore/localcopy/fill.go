package localcopy

import (
	"context"
	"errors"

	"pm/eventstore"
	"pm/eventstore/sqlite"
)

// fillAhead is how many chunks may wait for the disk before the fetching waits too. A fold of the copy's journal into its file takes as long as
// fetching some of them.
const fillAhead = 16

// fill fetches what the copy lacks. A goroutine writes to the copy while the caller of the reading works on the same records. The caller
// holds filling. Whatever goes wrong with the copy ends the copy, not the reading.
func (l *Log) fill(ctx context.Context, c *sqlite.Log, r *reading) error {
	mine, err := c.Head(ctx)
	if err != nil || mine.Next > r.next { // an append has brought more meanwhile; there is little to fetch
		return l.remote.Read(ctx, r.next, r.hand)
	}
	defer sparing(r.head.Next - mine.Next)()
	w := &writer{copy: c, at: mine, chunks: make(chan []eventstore.Record, fillAhead), done: make(chan error, 1)}
	go w.run() //nolint:gosec,contextcheck // what is fetched is kept, also when its reader goes
	err = l.remote.Read(ctx, mine.Next, func(recs []eventstore.Record) error {
		w.chunks <- recs
		return r.hand(recs)
	})
	close(w.chunks)
	if failed := <-w.done; failed != nil && l.life.Err() == nil {
		var corrupt *eventstore.Corrupt
		var wrong *eventstore.WrongHead
		switch {
		case errors.As(failed, &wrong):
			l.discard(c, failed.Error())
		case errors.As(failed, &corrupt): // the remote log itself: its readers are to see it as it is stored, and say so
			l.discard(c, "what follows it in the remote log does not verify: "+failed.Error())
		default:
			l.without(c, failed)
		}
	}
	return err
}

// writer appends chunks to a copy, each as it comes: the copy does not wait for the disk at every one.
type writer struct {
	copy   *sqlite.Log
	at     eventstore.Head
	chunks chan []eventstore.Record
	done   chan error
}

// run takes every chunk, also after a failure, so that nobody waits for it.
func (w *writer) run() {
	var failed error
	for recs := range w.chunks {
		if failed == nil {
			failed = w.copy.Append(context.Background(), w.at, recs)
			w.at = recs[len(recs)-1].After()
		}
	}
	w.done <- failed
}
