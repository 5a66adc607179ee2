package localcopy

import (
	"context"
	"errors"
	"fmt"
	"os"

	"pm/eventstore"
	"pm/eventstore/sqlite"
)

// begin opens the copy and holds its end against the remote log. One that is not the remote log's is discarded; one that proves that the remote
// log has lost its end is kept, and nothing begins.
func (l *Log) begin(ctx context.Context) error {
	c, err := l.open()
	if err != nil || c == nil {
		return err
	}
	l.copy = c
	if err := shorter(ctx, l.dir, c, l.remote); err != nil {
		return err
	}
	why, err := l.differs(ctx, c)
	if err != nil {
		return err
	}
	if why != "" {
		l.discard(c, why)
	}
	return nil
}

// open opens the copy in the folder. One that cannot be opened is discarded and begun anew; nil without an error means to go on without.
func (l *Log) open() (*sqlite.Log, error) {
	c, err := sqlite.OpenCopy(l.dir, l.Portfolio(), l.instance)
	var locked *sqlite.Locked
	if err == nil || errors.As(err, &locked) {
		return c, err
	}
	if err := l.setAside(err.Error()); err != nil {
		return nil, nil //nolint:nilerr // said by setAside: a log without a copy is slower and no less right
	}
	if c, err = sqlite.OpenCopy(l.dir, l.Portfolio(), l.instance); err != nil {
		l.log.Warn("no local copy can be made: every start reads the whole remote log", "error", err)
		return nil, nil
	}
	return c, nil
}

// differs says in what the end of a copy is not the remote log's, "" if it is.
func (l *Log) differs(ctx context.Context, c *sqlite.Log) (string, error) {
	head, err := c.Head(ctx)
	if err != nil {
		return err.Error(), nil //nolint:nilerr // a copy that cannot be read differs
	}
	if head.Next == 0 {
		return "", nil
	}
	there, err := at(ctx, l.remote, head.Next-1)
	if err != nil {
		return "", err
	}
	switch {
	case there == nil:
		return fmt.Sprintf("the remote log ends before the copy, whose end is %s, and the copy does not continue it: it is another log's, or damaged", head), nil
	case there.Hash != head.Hash:
		return fmt.Sprintf("it ends at %s, where the remote log has the hash %s", head, there.Hash), nil
	}
	return "", nil
}

var errSeen = errors.New("the record has been seen")

// at is the record of a log at a revision, nil if there is none.
func at(ctx context.Context, log eventstore.Log, rev uint64) (*eventstore.Record, error) {
	var found *eventstore.Record
	err := log.Read(ctx, rev, func(recs []eventstore.Record) error {
		found = &recs[0]
		return errSeen
	})
	if errors.Is(err, errSeen) {
		err = nil
	}
	return found, err
}

// discard replaces a copy that is not to be trusted by an empty one, unless somebody has done so already.
func (l *Log) discard(c *sqlite.Log, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.copy != c || l.life.Err() != nil {
		return
	}
	l.copy = nil
	_ = c.Close() // what it still had to say does not matter
	if l.setAside(why) != nil {
		return
	}
	fresh, err := sqlite.OpenCopy(l.dir, l.Portfolio(), l.instance)
	if err != nil {
		l.log.Warn("no local copy can be made: every start reads the whole remote log", "error", err)
		return
	}
	l.copy = fresh
}

// setAside moves the folder away, says so loudly, and keeps it for whoever wants to know what happened.
func (l *Log) setAside(why string) error {
	aside := l.dir + ".discarded"
	l.log.Warn("THE LOCAL COPY IS DISCARDED and the remote log is read again", "reason", why, "kept", aside)
	if l.o.OnDiscard != nil {
		l.o.OnDiscard(why)
	}
	err := os.RemoveAll(aside)
	if err == nil {
		err = os.Rename(l.dir, aside)
	}
	if err != nil {
		l.log.Warn("the discarded copy cannot be moved away: going on without one", "error", err)
	}
	return err
}

// without goes on with the remote log alone, because the copy cannot be written.
func (l *Log) without(c *sqlite.Log, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.copy != c || l.life.Err() != nil {
		return
	}
	l.copy = nil
	l.log.Warn("the local copy is not kept any more: reading goes to the remote log", "error", why)
	_ = c.Close()
}
