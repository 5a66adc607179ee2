package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

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

// limit is where a replay ends.
type limit struct {
	revision *uint64
	at       time.Time
}

func parseLimit(text string) (limit, error) {
	if text == "" {
		return limit{}, nil
	}
	if rev, err := strconv.ParseUint(text, 10, 64); err == nil {
		return limit{revision: &rev}, nil
	}
	at, err := domain.ParseInstant(text)
	if err != nil {
		return limit{}, fmt.Errorf("--until %q is neither a revision nor a time: %w", text, err)
	}
	return limit{at: at}, nil
}

// passed says whether an event stands behind the limit.
func (l limit) passed(r *domain.Recorded) bool { return !l.at.IsZero() && r.At.After(l.at) }

// reached ends the replay with the last event that is wanted: what stands behind it is not looked at.
func (l limit) reached(r *domain.Recorded) error {
	if l.revision != nil && r.Rev == *l.revision {
		return errReached
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
	if end.revision != nil && *end.revision >= head.Next {
		return fmt.Errorf("--until %s: the log ends at %s", f.until, head)
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
	if f.state {
		return write(c.out, projections.StateDocument(state))
	}
	return out.finish()
}
