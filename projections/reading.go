package projections

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"sync"

	"pm/projections/tables"
)

// snapshotReading reads a snapshot beside the replay of the log: first its head, which says where the replay has to stop and look, then its
// content in the same view.
type snapshotReading struct {
	ready chan struct{} // closed when head is known, or will not be
	once  sync.Once
	done  chan struct{} // closed when everything is known

	head    *SnapshotHead
	shape   map[string][]string
	content tables.Content
	found   bool // without a head: some table has rows
	err     error
}

// readSnapshot begins to read. A snapshot that cannot be reached is tried again until its head was read.
func readSnapshot(ctx context.Context, o RecoverOptions) *snapshotReading {
	s := &snapshotReading{ready: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		defer s.announce()
		for try := 0; ; try++ {
			s.err = o.Snapshot.Read(ctx, s.look)
			if !errors.Is(s.err, ErrSnapshotUnavailable) || s.head != nil || try == len(o.Waits) || ctx.Err() != nil {
				return
			}
			o.pause(ctx, "the snapshot", s.err, try)
		}
	}()
	return s
}

func (s *snapshotReading) announce() { s.once.Do(func() { close(s.ready) }) }

// awaitHead waits until the head is known; nil where there is none.
func (s *snapshotReading) awaitHead() *SnapshotHead {
	if s == nil {
		return nil
	}
	<-s.ready
	return s.head
}

func (s *snapshotReading) wait() { <-s.done }

// look reads one view. Of another version only the head is read: its tables mean something else.
func (s *snapshotReading) look(view SnapshotView) (err error) {
	if s.head, err = view.Head(); err != nil {
		return err
	}
	s.announce()
	if s.head != nil && s.head.version() != 0 {
		return nil
	}
	if s.shape, err = view.Shape(); err != nil {
		return err
	}
	if s.head == nil {
		return s.lookForRows(view)
	}
	s.content, err = contentOf(view, tables.All())
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
	for _, t := range tables.All() {
		if _, there := s.shape[t.Name]; !there {
			continue
		}
		c, err := contentOf(view, []tables.Table{t})
		if err != nil {
			return err
		}
		s.found = s.found || len(c.State[t.Name]) > 0 || c.History[t.Name].Rows > 0
	}
	return nil
}

// contentOf reads tables as tables.Fold.Content gives them.
func contentOf(view SnapshotView, of []tables.Table) (c tables.Content, err error) {
	if c.State, err = view.Lines(stateOnly(of)); err != nil {
		return c, err
	}
	c.History = map[string]tables.Sum{}
	for _, t := range of {
		if t.Class != tables.History {
			continue
		}
		sum := summing{digest: sha256.New()}
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
}

// Write takes a part of the lines.
func (s *summing) Write(p []byte) (int, error) {
	s.rows += uint64(bytes.Count(p, []byte{'\n'}))
	return s.digest.Write(p)
}
