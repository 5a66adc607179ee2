package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"pm/domain"
	"pm/eventstore"
	"pm/projections"
)

// replayFlags say which part of the log is shown.
type replayFlags struct {
	from                    uint64
	until                   string
	signal, order, position string
	state, follow           bool
}

func (c *cli) replayCommand() *cobra.Command {
	f := &replayFlags{}
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "prints the events of the log and what each changed",
		Long: `Reads the log from its first event, checks every record, and prints the events from --from until --until with what each one
changed. --until takes a revision (that one included) or a time (events recorded at or before it); a time without zone is exchange time.
--signal, --order (id or tag) and --position show only what belongs to one.

--state prints nothing but the state after the last event: {"revision":...,"digest":...,"state":...}, the same bytes that
GET /api/v1/state answered at that revision.

--from and --until have to lie within the log, and something in it has to belong to the id: a slip of the pen is exit code 2. A time
without a fraction, as the rows show it, means its whole second.

A log that does not verify ends the replay at the revision that is named, with exit code 1.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withLog(cmd.Context(), func(log eventstore.Log) error { return c.replay(cmd.Context(), log, f) })
		},
	}
	flags := cmd.Flags()
	flags.Uint64Var(&f.from, "from", 0, "first revision to print")
	flags.StringVar(&f.until, "until", "", "last revision, or the latest time, for example 2025-11-12T09:20:00+05:30")
	flags.StringVar(&f.signal, "signal", "", "only what this signal led to")
	flags.StringVar(&f.order, "order", "", "only this order (id or tag)")
	flags.StringVar(&f.position, "position", "", "only this position, for example BANK_NIFTY-17-Long_2")
	flags.BoolVar(&f.state, "state", false, "print the state at the end, as canonical JSON, and nothing else")
	flags.BoolVar(&f.follow, "follow", false, "go on with what is recorded later, until interrupted")
	cmd.MarkFlagsMutuallyExclusive("signal", "order", "position")
	cmd.MarkFlagsMutuallyExclusive("state", "follow")
	cmd.MarkFlagsMutuallyExclusive("until", "follow")
	return cmd
}

// errReached ends a replay at its limit.
var errReached = errors.New("the end of the replay")

// limit is where a replay ends; the zero value is the end of the log.
type limit struct{ projections.Until }

func parseLimit(text string) (limit, error) {
	if text == "" {
		return limit{}, nil
	}
	until, err := projections.ParseUntil(text)
	if err != nil {
		return limit{}, fmt.Errorf("--until %q is neither a revision nor a time: %w", text, err)
	}
	return limit{until}, nil
}

// passed says whether an event stands behind the limit.
func (l limit) passed(r *domain.Recorded) bool { return !l.At.IsZero() && r.At.After(l.At) }

// reached ends the replay with the last event that is wanted: what stands behind it is not looked at.
func (l limit) reached(r *domain.Recorded) error {
	if l.Revision != nil && r.Rev == *l.Revision {
		return errReached
	}
	return nil
}

// within refuses bounds that the log does not reach, or that leave nothing between them. Whoever follows may wait for a revision to come.
func (f *replayFlags) within(head eventstore.Head, end limit) error {
	switch {
	case end.Revision != nil && *end.Revision >= head.Next:
		return fmt.Errorf("--until %s: the log ends at %s", f.until, head)
	case f.from > 0 && f.from >= head.Next && !f.follow:
		return fmt.Errorf("--from %d: the log ends at %s", f.from, head)
	case end.Revision != nil && f.from > *end.Revision:
		return fmt.Errorf("--from %d is after --until %s", f.from, f.until)
	}
	return nil
}

func (c *cli) replay(ctx context.Context, log eventstore.Log, f *replayFlags) error {
	end, err := parseLimit(f.until)
	if err != nil {
		return err
	}
	head, err := log.Head(ctx)
	if err != nil {
		return err
	}
	if err := f.within(head, end); err != nil {
		return err
	}
	state, out := domain.NewState(), c.newReplayPrinter(f)
	tell := newNarrator(state)
	progress := c.progress("events", head.Next)
	if c.outTerminal && !f.state {
		progress = c.quiet()
	}
	each := func(r domain.Recorded, h eventstore.Hash) error {
		if end.passed(&r) {
			return errReached
		}
		progress.step(1)
		if err := out.take(tell, &r, h); err != nil {
			return err
		}
		return end.reached(&r)
	}
	if f.follow {
		_, err = eventstore.Tail(ctx, log, 0, each)
	} else {
		_, err = eventstore.Replay(ctx, log, 0, each)
	}
	progress.done()
	if errors.Is(err, errReached) || f.follow && errors.Is(err, context.Canceled) {
		err = nil
	}
	if err != nil {
		return errors.Join(err, out.finish())
	}
	if err := out.nothing(state); err != nil && !f.follow {
		return err
	}
	if f.state {
		return write(c.out, projections.StateDocument(state))
	}
	return out.finish()
}
