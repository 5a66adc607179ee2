package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pm/domain"
	"pm/eventstore"
	"pm/projections"
)

// dryRun is a recovery that starts nothing: what a start of the service would read, compare and find now.
type dryRun struct {
	report projections.Report
	halt   *projections.Halt // what would end the start; nil: it would go on
	none   string            // why there was no snapshot to compare with
	audit  *audit            // nil: nobody asked for it

	broken  bool    // a record of the log is at fault: nothing else can be told
	pin     *pinned // what the log is held against; nil: nobody asked for it
	pinned  bool    // the log still has it
	damaged error   // why the snapshot could not even be opened
	unknown error   // which snapshot is the service's was not said
}

// installationKey is the code of a start that cannot use its key.
const installationKey = "INSTALLATION_KEY"

// audit is what a reading of the log beside the recovery found: the ids, which a start does not check, and what is in it.
type audit struct {
	head  eventstore.Head
	types map[string]int
	err   error
}

// dryRun recovers from the log and the snapshot, and changes neither. The error says that it could not be done; what it found is no error.
func (p *whereabouts) dryRun(ctx context.Context, audited bool) (d *dryRun, err error) {
	d = &dryRun{}
	pinErr := error(nil)
	if audited {
		d.pin, pinErr = p.pinned() // before the log, which may go on growing
	}
	log, err := p.openLog(ctx)
	if err != nil {
		return nil, d.pin.lost(err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	o := projections.RecoverOptions{Instance: "pmctl", Build: version, Waits: p.c.snapshotTry, Retrying: p.c.retrying}
	if d.none = p.absent(); p.elsewhere() != "" {
		d.unknown = p.known()
		d.none = d.unknown.Error()
	} else if o.Snapshot, err = p.look(); errors.Is(err, projections.ErrSnapshotDamaged) {
		d.none, d.damaged = err.Error(), err
	} else if err != nil {
		return nil, err
	}
	if o.Snapshot != nil {
		defer func() { err = errors.Join(err, o.Snapshot.Close()) }()
	}
	finished := make(chan *audit, 1)
	if audited {
		go func() { finished <- p.audit(ctx) }()
	} else {
		finished <- nil
	}
	r, err := projections.Recover(ctx, log, o)
	d.audit = <-finished
	if err = d.take(r, err); err != nil {
		return nil, err
	}
	if err = d.judgeAudit(); err != nil {
		return nil, err
	}
	if err = d.judgePin(ctx, log, pinErr); err != nil {
		return nil, err
	}
	if d.halt == nil && d.damaged != nil {
		d.end(&projections.Halt{
			Code: projections.CodeValidationFailed, Err: d.damaged,
			Hint: "the file of the snapshot is damaged, or is not one: keep a copy of it, move it away, and let `pmctl rebuild --data DIR` make it anew",
		})
	}
	if d.halt != nil {
		d.halt.Hint = p.hint(d.halt.Hint)
		d.report.Hint = d.halt.Hint
	}
	return d, nil
}

// end notes what would end a start.
func (d *dryRun) end(h *projections.Halt) {
	d.halt = h
	d.report.Result, d.report.Code, d.report.Message = projections.Crashed, h.Code, h.Error()
}

func (c *cli) retrying(what string, err error, wait time.Duration) {
	fmt.Fprintf(c.errs, "%s cannot be reached, trying again in %s: %v\n", what, wait, err)
}

// take keeps what a recovery found.
func (d *dryRun) take(r *projections.Recovery, err error) error {
	var h *projections.Halt
	switch {
	case errors.As(err, &h) && h.Code == projections.CodeEventstoreUnavailable:
		return fmt.Errorf("%w\nhint: %s", h, h.Hint)
	case errors.As(err, &h):
		d.halt, d.report = h, *h.Report
		var corrupt *eventstore.Corrupt
		d.broken = errors.As(err, &corrupt) || h.Code == projections.CodeUnknownEvent
	case err != nil:
		return err
	default:
		d.report = r.Report
	}
	return nil
}

// audit reads the log once more, with a reader of its own.
func (p *whereabouts) audit(ctx context.Context) *audit {
	a := &audit{types: map[string]int{}}
	log, err := p.openLog(ctx)
	if err != nil {
		a.err = err
		return a
	}
	defer func() { a.err = errors.Join(a.err, log.Close()) }()
	head, err := log.Head(ctx)
	progress := p.c.progress("events", head.Next)
	defer progress.done()
	if err == nil {
		a.head, err = eventstore.Audit(ctx, log, func(r domain.Recorded, _ eventstore.Hash) error {
			a.types[r.Type]++
			progress.step(1)
			return nil
		})
	}
	a.err = err
	return a
}

// judgeAudit turns an id that is wrong into a finding. Whatever else is wrong in the log was found by the recovery.
func (d *dryRun) judgeAudit() error {
	var corrupt *eventstore.Corrupt
	switch {
	case d.audit == nil || d.audit.err == nil:
	case d.broken:
	case errors.As(d.audit.err, &corrupt) && d.halt != nil:
		d.report.Findings = append(d.report.Findings, d.audit.err.Error())
	case errors.As(d.audit.err, &corrupt):
		d.broken = true
		d.end(&projections.Halt{
			Code: projections.CodeDataCorrupt, Revision: corrupt.Rev, Err: d.audit.err,
			Hint: "a start does not look at ids and would go on; whoever wrote this record did not keep to the form of the log: keep the folder as it is, " +
				"and hold it against a copy (`pmctl log verify --data DIR`)",
		})
	default:
		return fmt.Errorf("read the log for its ids: %w", d.audit.err)
	}
	return nil
}

// judgePin holds the log against the head that was pinned outside it, and a log across the wire against its copy: a log that lost its end is sound in every other respect.
func (d *dryRun) judgePin(ctx context.Context, log eventstore.Log, err error) error {
	if err == nil && d.pin != nil && !d.broken {
		err = d.pin.hold(ctx, log)
		d.pinned = err == nil && d.pin.pin != nil
	}
	var f *foundPin
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &f):
		return err
	case d.halt != nil:
		d.report.Findings = append(d.report.Findings, (&projections.Halt{Code: projections.CodeDataCorrupt, Err: fmt.Errorf("%s: %w", f.by, f.err)}).Error())
	case f.key:
		d.end(&projections.Halt{Code: installationKey, Err: fmt.Errorf("%s: %w", f.by, f.err), Hint: f.hint})
	default:
		d.end(&projections.Halt{Code: projections.CodeDataCorrupt, Err: fmt.Errorf("%s: %w", f.by, f.err), Hint: f.hint})
	}
	return nil
}

// result is what the dry run ends in: a finding, a snapshot that could not be compared, or nothing to say.
func (d *dryRun) result() error {
	if d.halt != nil {
		return finding(fmt.Errorf("%w\nhint: %s", d.halt, d.halt.Hint))
	}
	if d.unknown != nil {
		return fmt.Errorf("the log verifies, and nothing was compared with it: %w", d.unknown)
	}
	if d.report.Snapshot == projections.SnapshotUnavailable {
		return fmt.Errorf("%s: the log verifies, but the snapshot (%s) could not be read and nothing was compared", d.report.Code, d.report.SnapshotPlace)
	}
	return nil
}

// lastGood says up to where a log that is at fault is sound.
func (d *dryRun) lastGood() string {
	if d.halt.Revision == 0 {
		return "none"
	}
	return fmt.Sprintf("revision %d", d.halt.Revision-1)
}

// snapshotResult puts what was compared into words.
func (d *dryRun) snapshotResult() string {
	if d.none != "" {
		return "not compared: " + d.none
	}
	return snapshotWords(&d.report)
}
