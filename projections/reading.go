package projections

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"time"

	"pm/projections/tables"
)

// snapshotReading reads a snapshot beside the replay of the log: first its head, which says where the replay has to stop and look, then its
// content in the same view.
type snapshotReading struct {
	ready     chan struct{} // closed when head is known, or will not be
	announced bool
	done      chan struct{} // closed when everything is known
	moved     func()        // something came

	head    *SnapshotHead
	content tables.Content
	found   bool // without a head: some table has rows
	err     error
}

// The patience of a start with a snapshot that is connected and says nothing: a table that somebody has locked, a network that swallows.
const (
	// HeadTimeout bounds the wait for the head row, connecting included.
	HeadTimeout = 5 * time.Second
	// StallTimeout bounds the wait for each next piece of what follows.
	StallTimeout = 15 * time.Second
)

var errStalled = errors.New("nothing came within the time for it")

// readSnapshot begins to read. A snapshot that cannot be reached is tried again until its head was read.
func readSnapshot(ctx context.Context, o RecoverOptions) *snapshotReading {
	s := &snapshotReading{ready: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		defer s.announce()
		for try := 0; ; try++ {
			s.err = s.try(ctx, o.Snapshot)
			if !errors.Is(s.err, ErrSnapshotUnavailable) || s.announced || try == len(o.Waits) || ctx.Err() != nil {
				return
			}
			o.pause(ctx, "the snapshot", s.err, try)
		}
	}()
	return s
}

// try reads once, as long as something comes.
func (s *snapshotReading) try(ctx context.Context, snapshot Snapshot) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(HeadTimeout, func() { cancel(errStalled) })
	defer watch.Stop()
	s.moved = func() { watch.Reset(StallTimeout) }
	return stalled(ctx, snapshot.Read(ctx, s.look))
}

// stalled names a read that was given up because nothing came.
func stalled(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		return fmt.Errorf("%w: %w", ErrSnapshotUnavailable, errStalled)
	}
	return err
}

// announce says that the head is known, or will not be.
func (s *snapshotReading) announce() {
	if !s.announced {
		s.announced = true
		close(s.ready)
	}
}

// headNow gives the head, nil where there is none, if it is known by now. It waits until it is if it is told to.
func (s *snapshotReading) headNow(wait bool) (head *SnapshotHead, known bool) {
	if s == nil {
		return nil, true
	}
	if !wait {
		select {
		case <-s.ready:
		default:
			return nil, false
		}
	}
	<-s.ready
	return s.head, true
}

func (s *snapshotReading) wait() { <-s.done }

// look reads one view. Of another version only the head is read: its tables mean something else.
func (s *snapshotReading) look(view SnapshotView) (err error) {
	if s.head, err = view.Head(); err != nil {
		return err
	}
	s.moved()
	s.announce()
	if s.head != nil && s.head.version() != 0 {
		return nil
	}
	if s.head == nil {
		return s.lookForRows(view)
	}
	s.content, err = contentOf(view, tables.All(), s.moved)
	return err
}

// version is -1 for a snapshot of an older build, 1 for one of a newer build, 0 for one of ours.
func (h SnapshotHead) version() int {
	switch {
	case h.SchemaVersion > tables.Version() || h.FoldVersion > tables.FoldVersion:
		return 1
	case h.SchemaVersion < tables.Version() || h.FoldVersion < tables.FoldVersion:
		return -1
	}
	return 0
}

// lookForRows tells tables that were only made from tables whose head was taken away.
func (s *snapshotReading) lookForRows(view SnapshotView) error {
	shape, err := view.Shape()
	if err != nil {
		return err
	}
	s.moved()
	for _, t := range tables.All() {
		if _, there := shape[t.Name]; !there {
			continue
		}
		c, err := contentOf(view, []tables.Table{t}, s.moved)
		if err != nil {
			return err
		}
		s.found = s.found || len(c.State[t.Name]) > 0 || c.History[t.Name].Rows > 0
	}
	return nil
}

// contentOf reads tables as tables.Fold.Content gives them; moved is called whenever something has come.
func contentOf(view SnapshotView, of []tables.Table, moved func()) (c tables.Content, err error) {
	if c.State, err = view.Lines(ofClass(tables.State, of)); err != nil {
		return c, err
	}
	moved()
	c.History = map[string]tables.Sum{}
	for _, t := range ofClass(tables.History, of) {
		sum := summing{digest: sha256.New(), moved: moved}
		if err := view.Copy(t, &sum); err != nil {
			return c, fmt.Errorf("read table %s: %w", t.Name, err)
		}
		c.History[t.Name] = tables.Sum{Rows: sum.rows, Digest: hex.EncodeToString(sum.digest.Sum(nil))}
	}
	return c, nil
}

// summing counts and hashes the lines that are written to it.
type summing struct {
	rows   uint64
	digest hash.Hash
	moved  func()
}

// Write takes a part of the lines.
func (s *summing) Write(p []byte) (int, error) {
	s.moved()
	s.rows += uint64(bytes.Count(p, []byte{'\n'}))
	return s.digest.Write(p)
}
