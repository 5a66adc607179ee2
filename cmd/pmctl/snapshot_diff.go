package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"pm/projections"
)

func (c *cli) snapshotDiffCommand() *cobra.Command {
	return c.placed(&cobra.Command{
		Use: "diff", Short: "every value in which the snapshot is not what the log says",
		Long: `Folds the log and compares every table at the snapshot's revision, as a start does, and lists each difference: the path, what the log
says, what the snapshot says, and the revision. At most 1000 are listed, all are counted.

Exit code 0: they agree. 1: they differ. 2: nothing could be compared, as there is no snapshot, it is of another build, or it cannot be
read. What another build wrote is compared as far as both have the same columns by rebuild --dry-run.`,
	}, func(p *whereabouts, cmd *cobra.Command) error { return c.snapshotDiff(cmd.Context(), p) })
}

// snapshotDiffDocument is what snapshot diff found.
type snapshotDiffDocument struct {
	Result      string                    `json:"result"` // agreed, differs, or why nothing was compared
	Code        string                    `json:"code,omitempty"`
	Message     string                    `json:"message,omitempty"`
	Place       string                    `json:"place"`
	Head        *projections.SnapshotHead `json:"head"`
	Compared    *projections.Compared     `json:"compared,omitempty"`
	Divergences []projections.Divergence  `json:"divergences"`
	Count       int                       `json:"divergence_count"`
}

func (c *cli) snapshotDiff(ctx context.Context, p *whereabouts) error {
	if err := p.known(); err != nil {
		return err
	}
	d, err := p.dryRun(ctx, false)
	if err != nil {
		return err
	}
	if d.broken {
		return d.result() // there is nothing to compare with
	}
	r := &d.report
	if r.Snapshot != projections.SnapshotAgreed && r.Snapshot != projections.SnapshotDiffers {
		return errors.Join(fmt.Errorf("nothing was compared: %s", d.uncompared()), d.result())
	}
	doc := snapshotDiffDocument{r.Snapshot, r.Code, r.Message, r.SnapshotPlace, r.SnapshotHead, r.Compared, r.Divergences, r.DivergenceCount}
	items := make([]any, len(r.Divergences))
	for i, x := range r.Divergences {
		items[i] = x
	}
	if err := c.show(doc, items, func(t *table) { d.divergenceTable(t) }); err != nil {
		return err
	}
	return d.result()
}

// uncompared says why, code first where there is one.
func (d *dryRun) uncompared() string {
	switch {
	case d.none != "":
		return d.none
	case len(d.report.Findings) > 0:
		return d.report.Findings[0]
	}
	return "the log is empty, and so is the snapshot"
}

func (d *dryRun) divergenceTable(t *table) {
	t.title = fmt.Sprintf("the snapshot (%s) %s", d.report.SnapshotPlace, d.snapshotResult())
	t.head = []string{"PATH", "LOG", "SNAPSHOT", ">REVISION"}
	for _, x := range d.report.Divergences {
		if x.Log == "" && x.Snapshot == "" {
			t.foot = append(t.foot, divergenceWords(x))
			continue
		}
		t.row(x.Path, x.Log, x.Snapshot, fmt.Sprint(x.Revision))
	}
	if more := d.report.DivergenceCount - len(d.report.Divergences); more > 0 {
		t.foot = append(t.foot, fmt.Sprintf("and %s more", grouped(fmt.Sprint(more))))
	}
}
