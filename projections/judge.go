package projections

import (
	"context"
	"errors"
	"fmt"

	"pm/projections/tables"
)

// judge holds what the log says against what the snapshot says: the table of cases of a start. nil, nil means that nothing was
// compared and that the start may go on; the report says why.
func (r *recovering) judge(ctx context.Context, f *folded) (*SnapshotHead, error) {
	if r.seen == nil {
		return nil, nil
	}
	r.seen.wait()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("recovery: %w", ctx.Err())
	}
	head := r.seen.head
	r.report.SnapshotHead = head
	if err := r.pin(head, f); err != nil {
		return nil, err
	}
	switch err := r.seen.err; {
	case err != nil && !errors.Is(err, ErrSnapshotUnavailable): // whoever cannot be read as tables cannot be trusted
		return nil, r.differs([]Divergence{{Path: "snapshot", Message: err.Error()}}, 1)
	case err != nil:
		r.report.warned(SnapshotUnavailable, CodeDBUnavailable, fmt.Sprintf("%v: started from the log alone; it is compared when it can be read", err))
		return nil, nil
	case r.seen.found:
		return nil, r.differs([]Divergence{{Path: "head", Message: "the tables have rows and the head row is gone: the snapshot is torn"}}, 1)
	case f.head.Next == 0: // a head of any revision has not passed the pin
		r.report.Snapshot = SnapshotMissing
		return nil, nil
	case head == nil:
		r.report.warned(SnapshotMissing, CodeSnapshotMissing, "there is no snapshot yet: it is built in the background")
		return nil, nil
	case head.version() > 0:
		r.report.warned(SnapshotNewer, CodeSnapshotNewer, fmt.Sprintf("a newer build wrote it (schema %d, fold %d; this one knows %d and %d): it is neither compared nor written",
			head.SchemaVersion, head.FoldVersion, tables.Version(), tables.FoldVersion))
		return nil, nil
	case head.version() < 0:
		r.report.warned(SnapshotOutdated, CodeSnapshotOutdated, fmt.Sprintf("an older build wrote it (schema %d, fold %d; this one writes %d and %d): it is rebuilt in the background",
			head.SchemaVersion, head.FoldVersion, tables.Version(), tables.FoldVersion))
		return nil, nil
	}
	return r.compare(ctx, head, f)
}

// pin holds the snapshot's revision and hash against the log, whatever version the tables have: the only way to see that a log was
// cut cleanly, or that an older copy of it was put in its place.
func (r *recovering) pin(head *SnapshotHead, f *folded) error {
	if head == nil {
		return nil
	}
	var why string
	switch stream := streamOf(r.log.Portfolio()); {
	case head.Stream != stream:
		why = fmt.Sprintf("the snapshot is of stream %s, the log of %s", head.Stream, stream)
	case !f.there:
		why = fmt.Sprintf("the snapshot was folded up to %s, the log ends at %s: the log was truncated, or an older copy of it was restored", head, f.head)
	case head.EventHash != f.hash.String():
		why = fmt.Sprintf("the snapshot was folded from event %s at revision %d, the log has %s there: it is another log, or its history was replaced",
			head.EventHash, head.Revision, f.hash)
	default:
		return nil
	}
	r.report.Snapshot = SnapshotDiffers
	return &Halt{
		Code: CodeDataCorrupt, Revision: head.Revision, Err: errors.New(why),
		Hint: "nothing is mended by itself. Bring back the log that belongs to the snapshot (`pmctl log info --data DIR` shows what is there), " +
			"or the snapshot that belongs to the log; only if the log is known to be all there is: `pmctl rebuild --data DIR --accept-older-log`",
	}
}

// compare holds every table against the fold at the snapshot's revision.
func (r *recovering) compare(ctx context.Context, head *SnapshotHead, f *folded) (*SnapshotHead, error) {
	theirs := r.seen.content
	c := &Compared{Revision: head.Revision, Tables: len(tables.All())}
	for _, t := range tables.All() {
		rows := uint64(len(theirs.State[t.Name]))
		c.Rows, c.Values = c.Rows+rows, c.Values+rows*uint64(len(t.Columns))
		c.HistoryRows += theirs.History[t.Name].Rows
	}
	r.report.Compared = c
	found, err := r.divergences(ctx, head, f.content, theirs)
	if err != nil {
		return nil, err
	}
	if found.count > 0 {
		return nil, r.differs(found.list, found.count)
	}
	r.report.Snapshot = SnapshotAgreed
	return head, nil
}

// differs ends the start and names the first difference; the report has the others.
func (r *recovering) differs(list []Divergence, count int) error {
	r.report.Snapshot, r.report.Divergences, r.report.DivergenceCount = SnapshotDiffers, list, count
	text := list[0].Message
	if count > 1 {
		text += fmt.Sprintf(" (and %d more)", count-1)
	}
	return &Halt{
		Code: CodeValidationFailed, Err: errors.New(text),
		Hint: "the snapshot does not say what the log says, and nobody knows yet which of them was changed: keep a copy of both, look with " +
			"`pmctl snapshot diff --data DIR`; when the log is known to be right, `pmctl rebuild --data DIR` makes the snapshot anew",
	}
}

func streamOf[S ~string](portfolio S) string { return "portfolio-" + string(portfolio) }
