package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pm/eventstore"
	"pm/projections"
	"pm/projections/tables"
)

// allProjections is the name of everything that is built.
const allProjections = "all"

// errKept ends a rebuild that a person did not let go on.
var errKept = errors.New("nothing was switched: readers see what they saw; what was built is kept, and the next rebuild goes on with it")

// rebuildFlags say what is rebuilt and how far.
type rebuildFlags struct {
	projections                 []string
	dryRun, acceptOlderLog, yes bool
}

func (c *cli) rebuildCommand() *cobra.Command {
	f := &rebuildFlags{}
	cmd := &cobra.Command{
		Use: "rebuild", Short: "folds the log into a new version of the snapshot beside the old one, and switches",
		Long: `Folds the log from its first event into new tables beside those in use, reads them back, prints what differs from the old ones at the
old ones' revision, and switches in one transaction: readers see the old tables or the new ones, never half. The service may run
meanwhile: it goes on trading and writing the old tables, notices the switch, and goes on with the new ones.

On a terminal it asks before it switches, unless --yes is given; elsewhere it switches. Interrupted or killed at any moment it
leaves the old tables as they were, and the same command goes on with what was built.

--dry-run stops before the switch and drops what was built; exit code 1: values differ. --accept-older-log replaces a snapshot that
knows events which the log does not have, and is only right where the log is known to be all there is. A pinned head (head.pin in the
data folder) that knows them too is kept under another name, so that pm starts. The broker's book is not touched.`,
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.projections, "projection", []string{allProjections}, "which tables, by name; "+allProjections+" of them")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would change, and change nothing")
	flags.BoolVar(&f.acceptOlderLog, "accept-older-log", false, "also where the snapshot is newer than the log, or of another one")
	flags.BoolVar(&f.yes, "yes", false, "switch without asking")
	_ = cmd.RegisterFlagCompletionFunc("projection", cobra.FixedCompletions(append(projectionNames(), allProjections), cobra.ShellCompDirectiveNoFileComp))
	return c.placed(cmd, func(p *whereabouts, cmd *cobra.Command) error { return c.rebuild(cmd.Context(), p, f) })
}

func projectionNames() (names []string) {
	for _, t := range tables.All() {
		names = append(names, t.Name)
	}
	return names
}

func (c *cli) rebuild(ctx context.Context, p *whereabouts, f *rebuildFlags) (err error) {
	if err := p.known(); err != nil {
		return err
	}
	if why := p.absent(); why != "" && (f.dryRun || p.cfg.Snapshot.Dir == "") { // a dry run makes none
		return fmt.Errorf("there is no snapshot that a rebuild would change: %s", why)
	}
	if len(f.projections) == 0 {
		return errors.New("--projection: name a table, or all")
	}
	log, err := p.openLog(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	s, err := p.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	progress := c.progress("events folded", 0)
	o := projections.RebuildOptions{
		DryRun: f.dryRun, AcceptOlderLog: f.acceptOlderLog,
		Progress: progress.at,
		Differences: func(d *projections.RebuildDiff) error {
			progress.done()
			return c.mayChange(d, f)
		},
	}
	if !slices.Contains(f.projections, allProjections) {
		o.Only = f.projections
	}
	r, err := projections.Rebuild(ctx, log, s, o)
	progress.done()
	if err != nil {
		return rebuildEnded(ctx, p, err)
	}
	if err := c.show(r, nil, func(t *table) { rebuiltTable(t, r, s.String()) }); err != nil {
		return err
	}
	if f.acceptOlderLog && !f.dryRun {
		return c.acceptedOlderLog(ctx, p, log)
	}
	if f.dryRun && r.Diff.Count > 0 {
		return finding(fmt.Errorf("%s would change", counted(r.Diff.Count, "value")))
	}
	return nil
}

// acceptedOlderLog lets the next start forget the head that it remembers beside the snapshot, since the person has said which log is right.
func (c *cli) acceptedOlderLog(ctx context.Context, p *whereabouts, log eventstore.Log) error {
	aside, err := setPinAside(ctx, log, p.cfg.Data)
	if err == nil && aside != "" {
		fmt.Fprintf(c.errs, "the pinned head knew events that this log does not have: it is kept as %s\n", aside)
	}
	return err
}

// rebuildEnded says what a person does about a rebuild that did not come to its end.
func rebuildEnded(ctx context.Context, p *whereabouts, err error) error {
	switch {
	case errors.Is(err, projections.ErrOlderLog):
		return finding(fmt.Errorf("%s: %w\nhint: %s", projections.CodeDataCorrupt, err, p.hint("the log was truncated, or an older copy of it was restored: "+
			"bring back the log that belongs to the snapshot; only if the log is known to be all there is: `pmctl rebuild --data DIR --accept-older-log`")))
	case errors.Is(err, projections.ErrNewerSnapshot):
		return fmt.Errorf("%s: %w", projections.CodeSnapshotNewer, err)
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted: the old version is as it was, and the same command goes on with what was built (%w)", ctx.Err())
	}
	return unread(err)
}

// mayChange prints what a switch would change, and asks where somebody is there to answer.
func (c *cli) mayChange(d *projections.RebuildDiff, f *rebuildFlags) error {
	ask, shown := c.inTerminal && !f.dryRun && !f.yes, c.out
	if c.form != formTable {
		shown = c.errs // the document comes at the end; who is asked has to see what for
	}
	if c.form == formTable || ask {
		t := &table{color: c.colors()}
		differencesTable(t, d)
		if err := t.print(shown); err != nil {
			return err
		}
	}
	if !ask {
		return nil
	}
	fmt.Fprint(c.errs, "switch to the new version? [y/N] ")
	answer, err := bufio.NewReader(c.in).ReadString('\n')
	if err != nil || !strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "y") {
		return errKept
	}
	return nil
}

// differencesTable says what the new version has that the old one has not, and the other way round.
func differencesTable(t *table, d *projections.RebuildDiff) {
	if d.From == nil {
		t.title = "there was no snapshot: everything is new"
		return
	}
	t.title = fmt.Sprintf("from %s, schema %d, fold %d\nto   %s, schema %d, fold %d", d.From, d.From.SchemaVersion, d.From.FoldVersion,
		d.To, d.To.SchemaVersion, d.To.FoldVersion)
	for _, x := range []struct {
		sign  string
		names []string
	}{{"+ table ", d.Added}, {"- table ", d.Dropped}, {"", d.Columns}} {
		for _, name := range x.names {
			if x.sign == "" {
				name = name[:1] + " column " + name[1:]
			}
			t.title += "\n" + x.sign + name
		}
	}
	t.head = []string{"PATH", "NEW", "OLD", ">REVISION"}
	t.empty = "no value differs"
	if !d.Compared {
		t.empty = fmt.Sprintf("not compared: the old version was folded up to revision %d, which this log does not have; what it says beyond the log goes with it", d.From.Revision)
	}
	for _, x := range d.List {
		t.row(x.Path, x.Log, x.Snapshot, fmt.Sprint(x.Revision))
	}
	if more := d.Count - len(d.List); more > 0 {
		t.foot = append(t.foot, fmt.Sprintf("and %s more", grouped(fmt.Sprint(more))))
	}
}

func rebuiltTable(t *table, r *projections.Rebuilt, where string) {
	t.title = fmt.Sprintf("switched: %s is of %s now, %s", where, r.Diff.To, counted(r.Diff.Rows, "row"))
	if !r.Switched {
		t.title = fmt.Sprintf("dry run: %s is as it was; %s were built and dropped", where, counted(r.Diff.Rows, "row"))
	}
	if r.Resumed > 0 {
		t.foot = append(t.foot, counted(r.Resumed, "event")+" had been folded by a rebuild that did not come to its end")
	}
	events := r.Diff.To.Revision + 1
	if seconds := r.Took.Seconds(); seconds > 0 {
		t.foot = append(t.foot, fmt.Sprintf("%s in %s, %s/s", counted(events, "event"), r.Took.Round(time.Millisecond), grouped(fmt.Sprintf("%.0f", float64(events)/seconds))))
	}
}
