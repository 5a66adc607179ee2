package projections

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"pm/projections/tables"
)

// diff compares the old version with the new one at the old one's revision, in the tables and columns that both have.
func (b *rebuilding) diff(ctx context.Context) error {
	d := &b.out.Diff
	d.From, d.To, d.List = b.old, *b.built, []Divergence{}
	if b.old == nil {
		return nil
	}
	if !b.met {
		if b.o.AcceptOlderLog {
			return nil // there is no revision at which they could be compared
		}
		return fmt.Errorf("%w: it was folded up to %s, the log ends at %s", ErrOlderLog, b.old, b.head)
	}
	f := &findings{}
	for _, t := range b.shared {
		if t.Class == tables.History {
			if err := b.diffHistory(ctx, t, f); err != nil {
				return err
			}
			continue
		}
		f.compareRows(t, b.old.Revision, b.projected(t), b.theirs[t.Name])
	}
	d.Compared, d.List, d.Count = true, append(d.List, f.list...), f.count
	return nil
}

// common lists the tables of this build with the columns that the old version has too, and notes what only one of them has.
func (b *rebuilding) common() (out []tables.Table) {
	d := &b.out.Diff
	d.Added, d.Dropped, d.Columns = []string{}, []string{}, []string{}
	ours := map[string]bool{"head": true}
	for _, t := range tables.All() {
		ours[t.Name] = true
		theirs, there := b.shape[t.Name]
		if !there {
			d.Added = append(d.Added, t.Name)
			continue
		}
		for _, name := range theirs {
			if !slices.Contains(t.Names(), name) {
				d.Columns = append(d.Columns, "-"+t.Name+"."+name)
			}
		}
		common := t
		common.Columns = nil
		for _, c := range t.Columns {
			if slices.Contains(theirs, c.Name) {
				common.Columns = append(common.Columns, c)
			} else {
				d.Columns = append(d.Columns, "+"+t.Name+"."+c.Name)
			}
		}
		out = append(out, common)
	}
	for _, name := range slices.Sorted(maps.Keys(b.shape)) {
		if !ours[name] {
			d.Dropped = append(d.Dropped, name)
		}
	}
	return out
}

// projected are the fold's lines at the old version's revision, cut to some columns.
func (b *rebuilding) projected(t tables.Table) []string {
	full, _ := tables.Named(t.Name)
	lines := slices.Clone(b.was.State[t.Name])
	if len(full.Columns) == len(t.Columns) {
		return lines
	}
	for i, line := range lines {
		all, cut := tables.Split(line), []string{}
		for n, c := range full.Columns {
			if slices.Contains(t.Names(), c.Name) {
				cut = append(cut, all[n])
			}
		}
		lines[i] = tables.Join(cut)
	}
	slices.Sort(lines)
	return lines
}

// diffHistory walks over a table of both versions up to the old one's revision.
func (b *rebuilding) diffHistory(ctx context.Context, t tables.Table, f *findings) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	theirs, closeTheirs := tableLines(ctx, b.snapshot, t)
	defer closeTheirs()
	ours, closeOurs := tableLines(ctx, b.next, t)
	defer closeOurs()
	walk := &historyWalk{t: t, f: f, theirs: theirs, upTo: b.old.Revision}
	for {
		line, ok := ours.peek()
		if !ok || revisionOf(line) > b.old.Revision {
			break
		}
		ours.next()
		walk.ours(line)
	}
	walk.rest()
	if theirs.err != nil && !errors.Is(theirs.err, ErrSnapshotDamaged) {
		return fmt.Errorf("read table %s of the old version: %w", t.Name, theirs.err)
	}
	return nil
}

// tableLines reads a table line by line from a view of its own.
func tableLines(ctx context.Context, s Snapshot, t tables.Table) (*lines, func()) {
	out, in := io.Pipe()
	go func() {
		_ = in.CloseWithError(s.Read(ctx, func(v SnapshotView) error { return v.Copy(t, in) }))
	}()
	return &lines{in: bufio.NewReader(out)}, func() { _ = out.Close() }
}

func ofClass(class tables.Class, all []tables.Table) (out []tables.Table) {
	for _, t := range all {
		if t.Class == class {
			out = append(out, t)
		}
	}
	return out
}
