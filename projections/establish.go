package projections

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// establish compares the snapshot with the log and says whether it may be written; if not, how long to wait before the next look. The
// log is read only where there is something to compare: a database that is down must not cost a replay every few seconds.
func (f *Follower) establish(ctx context.Context) (ready bool, wait time.Duration) {
	f.waits()
	head, err := f.headNow(ctx)
	switch {
	case ctx.Err() != nil:
		return false, 0
	case errors.Is(err, ErrSnapshotUnavailable):
		return f.away(SnapshotUnavailable, fmt.Errorf("%s: %w", CodeDBUnavailable, err))
	case f.failures > 0 && !f.due(head):
		return false, f.o.Retry
	}
	f.seen = head
	r, err := Recover(ctx, f.log, RecoverOptions{
		Snapshot: f.snapshot, Waits: []time.Duration{}, Beside: true, Instance: f.o.Instance, Build: f.o.Build,
	})
	var h *Halt
	switch {
	case ctx.Err() != nil:
		return false, 0
	case errors.As(err, &h) && h.Code == CodeEventstoreUnavailable:
		return f.away(SnapshotUnavailable, err)
	case errors.As(err, &h):
		f.look(SnapshotDiffers, nil, h)
		f.diverged(h)
		return f.again()
	case err != nil:
		return f.away(SnapshotUnavailable, fmt.Errorf("%s: %w", CodeDBUnavailable, err))
	}
	return f.judged(ctx, r)
}

// headNow reads the head row alone.
func (f *Follower) headNow(ctx context.Context) (head *SnapshotHead, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, HeadTimeout, errStalled)
	defer cancel()
	err = f.snapshot.Read(ctx, func(v SnapshotView) (err error) {
		head, err = v.Head()
		return err
	})
	return head, stalled(ctx, err)
}

// due says whether a snapshot that was bad is looked at again: at once when its head has changed, else after a wait that doubles.
func (f *Follower) due(head *SnapshotHead) bool {
	changed := (head == nil) != (f.seen == nil) || head != nil && *head != *f.seen
	if changed {
		f.failures = 0
	}
	return changed || !time.Now().Before(f.retryAt)
}

// again notes that a look ended badly and doubles the wait before the next one that costs a replay.
func (f *Follower) again() (ready bool, wait time.Duration) {
	f.retryAt = time.Now().Add(min(MaxBackoff, f.o.Recheck<<min(f.failures, 10)))
	f.failures++
	return false, f.o.Retry
}

// away notes that something cannot be reached.
func (f *Follower) away(status string, err error) (ready bool, wait time.Duration) {
	f.look(status, nil, err)
	return false, f.o.Retry
}

// judged does what a comparison without a difference calls for.
func (f *Follower) judged(ctx context.Context, r *Recovery) (ready bool, wait time.Duration) {
	switch r.Report.Snapshot {
	case SnapshotAgreed:
		f.failures = 0
		f.look(SnapshotAgreed, r.Agreed, nil)
		f.notice(fmt.Sprintf("the snapshot agrees with the log at %s", r.Agreed))
		return true, 0
	case SnapshotMissing:
		f.failures = 0
		f.look(SnapshotMissing, nil, nil)
		return true, 0
	case SnapshotOutdated:
		return f.renew(ctx)
	case SnapshotNewer:
		f.look(SnapshotNewer, nil, errors.New(r.Report.Findings[0]))
		return f.again()
	}
	return f.away(SnapshotUnavailable, errors.New(r.Report.Findings[0]))
}

// renew makes a new version beside the one of an older build.
func (f *Follower) renew(ctx context.Context) (ready bool, wait time.Duration) {
	f.look(SnapshotOutdated, nil, nil)
	f.notice("the snapshot is of an older build: it is rebuilt beside the old one")
	out, err := Rebuild(ctx, f.log, f.snapshot, RebuildOptions{})
	if err != nil {
		f.look(SnapshotOutdated, nil, fmt.Errorf("rebuild: %w", err))
		return f.again()
	}
	f.failures = 0
	f.notice(fmt.Sprintf("the snapshot has been rebuilt; %d values of the old one were not what the log says", out.Diff.Count))
	if f.o.Rebuilt != nil {
		f.o.Rebuilt(out)
	}
	return false, 0 // what was built is compared like any other
}

// look notes what a look at the snapshot gave.
func (f *Follower) look(status string, base *SnapshotHead, trouble error) {
	f.base = base
	before := ""
	f.note(func(h *FollowerHealth, _ *time.Time) {
		before = h.Status
		h.Status, h.Trouble, h.Written = status, trouble, headOfSnapshot(base)
		if status == SnapshotAgreed {
			h.Compared = time.Now()
		}
	})
	if status == SnapshotAgreed {
		f.told = ""
	}
	if before != status && trouble != nil {
		f.notice(trouble.Error())
	}
}

// diverged calls a person, once for each finding: a log that grows meanwhile makes no new one.
func (f *Follower) diverged(h *Halt) {
	finding := h.Code
	if h.Report != nil && h.Report.SnapshotHead != nil {
		finding += " " + h.Report.SnapshotHead.String()
	}
	if finding == f.told || f.o.Diverged == nil {
		return
	}
	if err := f.o.Diverged(h); err != nil {
		f.notice(fmt.Sprintf("a person could not be called; the next look tries again: %v", err))
		f.failures = 0
		return
	}
	f.told = finding
}

func (f *Follower) notice(text string) {
	if f.o.Notice != nil {
		f.o.Notice(text)
	}
}
