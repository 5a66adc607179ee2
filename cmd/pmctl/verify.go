package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"pm/projections"
)

// shownDivergences is how many differences verify names; the report and snapshot diff have more.
const shownDivergences = 10

func (c *cli) verifyCommand() *cobra.Command {
	file := ""
	cmd := &cobra.Command{
		Use: "verify", Short: "a dry run of a start: checks the log, and holds the snapshot against it",
		Long: `Does what a start of the service does, with the same codes, and starts and changes nothing: reads every record, checks length, hash,
chain, revision, epoch, type and version, applies every event, holds the log against the pinned head of the data folder, and compares
the snapshot with the result value by value at the snapshot's revision. Beyond a start it checks the id of each record. The service may run meanwhile.

Exit code 0: the log, its pinned head and the snapshot would let a start go on. What it would warn of (SNAPSHOT_MISSING, SNAPSHOT_OUTDATED,
SNAPSHOT_NEWER) is said. What a start looks at besides (the configuration, the lock, the broker's book, the private key) is not looked at.
Exit code 1: a start would halt, with the code that is named: DATA_CORRUPT, UNKNOWN_EVENT, VALIDATION_FAILED, INSTALLATION_KEY.
Exit code 2: it could not be told, as the log or the snapshot could not be read (DB_UNAVAILABLE: the log was verified all the same).

-o json prints the report; --report keeps it in a file.`,
	}
	cmd.Flags().StringVar(&file, "report", "", "write the report to this file, which must not be there yet")
	return c.placed(cmd, func(p *whereabouts, cmd *cobra.Command) error { return c.verify(cmd.Context(), p, file) })
}

func (c *cli) verify(ctx context.Context, p *whereabouts, file string) error {
	if _, err := os.Stat(file); file != "" && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--report %s: it is there already, and no report is overwritten", file)
	}
	d, err := p.dryRun(ctx, true)
	if err != nil {
		return err
	}
	if err := c.keepReport(file, &d.report); err != nil {
		return err
	}
	if err := c.show(d.report, nil, func(t *table) { d.table(t, p) }); err != nil {
		return err
	}
	return d.result()
}

// keepReport writes a report where somebody wants one.
func (c *cli) keepReport(file string, r *projections.Report) (err error) {
	if file == "" {
		return nil
	}
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := write(out, r.JSON()); err != nil {
		return err
	}
	fmt.Fprintf(c.errs, "the report is in %s\n", file)
	return out.Sync()
}

// table says what was read, compared and found; a code comes first.
func (d *dryRun) table(t *table, p *whereabouts) {
	r := &d.report
	t.title = "verified: the log and the snapshot would let a start go on"
	if d.halt != nil {
		t.title = d.halt.Error()
	}
	t.row("log", p.dir)
	t.row("portfolio", string(r.Portfolio))
	d.logRows(t)
	if r.SnapshotPlace != "" {
		t.row("snapshot in", r.SnapshotPlace)
	}
	if h := r.SnapshotHead; h != nil {
		t.row("snapshot of", fmt.Sprintf("%s, schema %d, fold %d", h, h.SchemaVersion, h.FoldVersion))
	}
	t.row("snapshot", d.snapshotResult())
	t.foot = append(t.foot, findingLines(r)...)
}

// logRows are about the log alone.
func (d *dryRun) logRows(t *table) {
	r := &d.report
	if d.broken {
		t.row("first bad", fmt.Sprintf("revision %d", d.halt.Revision))
		t.row("last good", d.lastGood())
		return
	}
	switch {
	case d.pinned:
		t.row("pinned head", fmt.Sprintf("revision %d, the log still has it%s", d.pin.pin.HeadRevision, d.pin.note))
	case d.pin != nil && d.pin.why != "":
		t.row("pinned head", "not held against any: "+d.pin.why)
	}
	if d.audit.err != nil {
		t.row("chain", "an id is wrong, see below")
		return
	}
	t.row("chain", "unbroken, every record has its length, hash, revision, epoch and id")
	t.row("types", counted(len(d.audit.types), "type")+" of event, all known to this build")
	if r.StateDigest == "" { // a report of a halt has no figures of the log
		head := projections.HeadOf(d.audit.head)
		t.row("events", grouped(fmt.Sprint(d.audit.head.Next)))
		t.row("head", fmt.Sprintf("revision %d, %s", head.Revision, head.Hash))
		return
	}
	took := time.Duration(r.Seconds * float64(time.Second)).Round(time.Microsecond)
	t.row("events", fmt.Sprintf("%s in %s, %s/s", grouped(fmt.Sprint(r.Events)), took, grouped(fmt.Sprintf("%.0f", r.EventsPerSecond))))
	if r.HeadHash != "" {
		t.row("head", fmt.Sprintf("revision %d, %s", r.HeadRevision, r.HeadHash))
	}
	t.row("state", r.StateDigest)
	t.row("positions", fmt.Sprintf("%d open", r.OpenPositions))
}

// divergenceWords is one difference in a line.
func divergenceWords(d projections.Divergence) string {
	if d.Log == "" && d.Snapshot == "" {
		return fmt.Sprintf("%s: %s (revision %d)", d.Path, d.Message, d.Revision)
	}
	return fmt.Sprintf("%s: log %s, snapshot %s (revision %d)", d.Path, d.Log, d.Snapshot, d.Revision)
}
