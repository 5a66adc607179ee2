package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pm/domain"
	"pm/eventstore"
	"pm/projections/tables"
)

// rebuildChunk is how many bytes of history a rebuild writes at once: enough that the store copies instead of committing.
const rebuildChunk = 4 << 20

// switchTries bounds how often a switch is tried again because the follower has written meanwhile.
const switchTries = 100

// RebuildOptions say what is rebuilt and how far.
type RebuildOptions struct {
	// Only these tables; empty: all of them.
	Only []string
	// DryRun stops before the switch and drops what was built.
	DryRun bool
	// AcceptOlderLog allows to replace a snapshot that is newer than the log, or of another one: the log is all there is.
	AcceptOlderLog bool
	// Progress is called now and then with the events folded and to fold.
	Progress func(done, total uint64)
	// Differences is called before the switch with what changes; its error stops the rebuild there.
	Differences func(*RebuildDiff) error
}

// RebuildDiff is what a switch would change for readers, at the old version's revision.
type RebuildDiff struct {
	From    *SnapshotHead `json:"from"` // nil: there was none
	To      SnapshotHead  `json:"to"`
	Added   []string      `json:"added"`   // tables that the old version does not have
	Dropped []string      `json:"dropped"` // tables that the new version does not have
	Columns []string      `json:"columns"` // table.column that only one of them has, + or - in front
	// Compared says whether the values were: not where there was no old version, nor where it goes beyond the log (AcceptOlderLog).
	Compared bool         `json:"compared"`
	List     []Divergence `json:"differences"`
	Count    int          `json:"difference_count"`
	Rows     uint64       `json:"rows"` // of the new version
}

// Rebuilt is what a rebuild did.
type Rebuilt struct {
	Diff     RebuildDiff   `json:"diff"`
	Switched bool          `json:"switched"`
	Resumed  uint64        `json:"resumed"` // events whose rows an earlier, interrupted rebuild had written
	Took     time.Duration `json:"took"`
}

// ErrOlderLog says that a rebuild would replace what the log does not know of.
var ErrOlderLog = errors.New("the snapshot knows events that the log does not have")

// ErrNewerSnapshot says that a newer build wrote the snapshot.
var ErrNewerSnapshot = errors.New("the snapshot was written by a newer build")

// Rebuild folds the log from zero into a new version of the tables beside the old one, says what differs, and switches in one
// transaction. The service may go on trading and writing the old version meanwhile. Killed at any moment it leaves the old version as it
// was, and the next rebuild goes on with what was built.
func Rebuild(ctx context.Context, log eventstore.Log, snapshot Snapshot, o RebuildOptions) (*Rebuilt, error) {
	for _, name := range o.Only {
		if _, known := tables.Named(name); !known {
			return nil, fmt.Errorf("there is no table %s", name)
		}
	}
	started := time.Now()
	b := &rebuilding{log: log, snapshot: snapshot, o: o, fold: tables.NewFold()}
	err := b.run(ctx)
	b.out.Took = time.Since(started)
	if err != nil {
		return nil, err
	}
	return &b.out, nil
}

var errNotWritten = errors.New("the new version did not hold what was written and was dropped")

// rebuilding is a rebuild on its way.
type rebuilding struct {
	log      eventstore.Log
	snapshot Snapshot
	next     Snapshot
	o        RebuildOptions

	fold  *tables.Fold
	head  eventstore.Head // of the fold
	built *SnapshotHead   // what next has
	old   *SnapshotHead   // the current version when the rebuild began
	shape map[string][]string

	resumed bool
	shared  []tables.Table      // of this build, with the columns that the old version has too
	theirs  map[string][]string // the state tables of the old version, in the same view as its head
	was     tables.Content      // what the fold holds at the old version's revision
	met     bool
	out     Rebuilt
}

func (b *rebuilding) run(ctx context.Context) error {
	if err := b.begin(ctx); err != nil {
		return err
	}
	target, err := b.log.Head(ctx)
	if err != nil {
		return fmt.Errorf("read the head of the log: %w", err)
	}
	if len(b.o.Only) > 0 && b.old != nil { // a part has to be of the same revision as the rest
		target.Next = b.old.Revision + 1
	}
	if target.Next == 0 {
		return errors.New("the log is empty: there is nothing to fold")
	}
	if err := b.foldTo(ctx, target.Next); err != nil {
		return err
	}
	if err := b.prove(ctx); errors.Is(err, errNotWritten) {
		return errors.Join(err, b.snapshot.Discard(ctx))
	} else if err != nil {
		return err // what was built is there for the next try
	}
	if err := b.diff(ctx); err != nil {
		return err
	}
	if b.o.Differences != nil {
		if err := b.o.Differences(&b.out.Diff); err != nil {
			return err
		}
	}
	if b.o.DryRun {
		return b.snapshot.Discard(ctx)
	}
	return b.switchOver(ctx)
}

// begin looks at what is there and finds where an interrupted rebuild ended.
func (b *rebuilding) begin(ctx context.Context) error {
	err := b.snapshot.Read(ctx, func(v SnapshotView) (err error) {
		if b.old, err = v.Head(); err != nil {
			return err
		}
		if b.shape, err = v.Shape(); err != nil {
			return err
		}
		b.shared = b.common()
		b.theirs, err = v.Lines(ofClass(tables.State, b.shared))
		return err
	})
	if err != nil && !errors.Is(err, ErrSnapshotDamaged) { // what is damaged is what a rebuild is for
		return fmt.Errorf("look at the snapshot: %w", err)
	}
	if b.old != nil && b.old.version() > 0 {
		return fmt.Errorf("%w (schema %d, fold %d): use that build", ErrNewerSnapshot, b.old.SchemaVersion, b.old.FoldVersion)
	}
	if len(b.o.Only) > 0 && (b.old == nil || b.old.version() != 0) {
		return errors.New("a part can only be rebuilt in a snapshot of this version: rebuild all of it")
	}
	return b.makeRoom(ctx)
}

// makeRoom finds what an interrupted rebuild has built. What another fold has built is of no use.
func (b *rebuilding) makeRoom(ctx context.Context) (err error) {
	for range 2 {
		if b.next, err = b.snapshot.Next(ctx); err != nil {
			return fmt.Errorf("make room for the new version: %w", err)
		}
		err = b.next.Read(ctx, func(v SnapshotView) (err error) {
			b.built, err = v.Head()
			return err
		})
		if err == nil && (b.built == nil || b.built.version() == 0) {
			return nil
		}
		if err := b.snapshot.Discard(ctx); err != nil {
			return fmt.Errorf("drop what was built: %w", err)
		}
	}
	return err
}

// foldTo folds events and writes their rows until the fold has so many of them, and the tables with them.
func (b *rebuilding) foldTo(ctx context.Context, events uint64) error {
	if b.built != nil && !b.resumed && b.built.Revision >= events {
		if err := b.anew(ctx); err != nil {
			return err
		}
	}
	if b.built == nil {
		b.fold.Gather()
	}
	if events > b.head.Next {
		head, err := eventstore.Replay(ctx, b.log, b.head.Next, func(r domain.Recorded, hash eventstore.Hash) error {
			return b.take(ctx, r, hash, events)
		})
		if err != nil && !errors.Is(err, errReached) {
			return fmt.Errorf("fold the log: %w", err)
		}
		if b.head.Next < events {
			return fmt.Errorf("the log ends at %s", head)
		}
	}
	return b.write(ctx, true)
}

// anew drops what was built: it lies beyond what is wanted now.
func (b *rebuilding) anew(ctx context.Context) error {
	if err := b.snapshot.Discard(ctx); err != nil {
		return fmt.Errorf("drop what was built: %w", err)
	}
	return b.makeRoom(ctx)
}

func (b *rebuilding) take(ctx context.Context, r domain.Recorded, hash eventstore.Hash, events uint64) error {
	if err := b.fold.Apply(r); err != nil {
		return &eventstore.Corrupt{Rev: r.Rev, Reason: fmt.Sprintf("%s cannot be applied: %v", r.Type, err)}
	}
	b.head = eventstore.Head{Next: r.Rev + 1, Hash: hash}
	if b.built != nil && !b.resumed && b.built.Revision == r.Rev {
		if b.built.EventHash != hash.String() {
			return errors.Join(errors.New("what an earlier rebuild had built is of another log and was dropped: run the rebuild again"), b.snapshot.Discard(ctx))
		}
		b.resumed, b.out.Resumed = true, r.Rev+1
		b.fold.Gather()
	}
	if b.old != nil && r.Rev == b.old.Revision && b.old.EventHash == hash.String() {
		b.was, b.met = b.fold.Content(), true
	}
	if b.o.Progress != nil && (b.head.Next%4096 == 0 || b.head.Next == events) {
		b.o.Progress(b.head.Next, events)
	}
	if b.fold.Gathered() >= rebuildChunk {
		if err := b.write(ctx, false); err != nil {
			return err
		}
	}
	if r.Rev+1 == events {
		return errReached
	}
	return nil
}

// write puts what was folded into the new version; the state tables only when it is whole.
func (b *rebuilding) write(ctx context.Context, whole bool) error {
	after := headAt(b.log, b.head.Next-1, b.head.Hash, "")
	change := Change{Before: b.built, After: after, History: b.fold.Take()}
	if whole {
		content := b.fold.Content()
		before, err := b.stateOfNext(ctx)
		if err != nil {
			return err
		}
		change.State, change.After.TablesHash = changes(before, content.State), content.Hash()
	}
	if err := b.next.Write(ctx, change); err != nil {
		return fmt.Errorf("write the new version: %w", err)
	}
	b.built, b.resumed = &change.After, true
	return nil
}

func (b *rebuilding) stateOfNext(ctx context.Context) (lines map[string][]string, err error) {
	if b.built == nil {
		return nil, nil
	}
	err = b.next.Read(ctx, func(v SnapshotView) (err error) {
		lines, err = v.Lines(ofClass(tables.State, tables.All()))
		return err
	})
	return lines, err
}

// prove reads the new version back: what is switched to is what the log folds into.
func (b *rebuilding) prove(ctx context.Context) error {
	want := b.fold.Content().Hash()
	return b.next.Read(ctx, func(v SnapshotView) error {
		content, err := contentOf(v, tables.All(), func() {})
		if err != nil {
			return fmt.Errorf("read the new version back: %w", err)
		}
		if got := content.Hash(); got != want {
			return fmt.Errorf("%w: its hash was %s, the fold's %s; run the rebuild again", errNotWritten, got, want)
		}
		for _, t := range tables.All() {
			b.out.Diff.Rows += uint64(len(content.State[t.Name])) + content.History[t.Name].Rows
		}
		return nil
	})
}

// switchOver catches up with what was written meanwhile and switches.
func (b *rebuilding) switchOver(ctx context.Context) error {
	for range switchTries {
		var current *SnapshotHead
		err := b.snapshot.Read(ctx, func(v SnapshotView) (err error) {
			current, err = v.Head()
			return err
		})
		if err != nil && !errors.Is(err, ErrSnapshotDamaged) {
			return fmt.Errorf("look at the snapshot: %w", err)
		}
		if current != nil && current.Revision >= b.head.Next && !b.o.AcceptOlderLog {
			if err := b.foldTo(ctx, current.Revision+1); err != nil {
				return err
			}
		}
		if err = b.snapshot.Switch(ctx, current, b.built, b.o.Only...); err == nil {
			b.out.Switched, b.out.Diff.To = true, *b.built
			return nil
		}
		if !errors.Is(err, ErrSnapshotMoved) {
			return fmt.Errorf("switch to the new version: %w", err)
		}
	}
	return fmt.Errorf("switch to the new version: %w %d times in a row", ErrSnapshotMoved, switchTries)
}
