package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/signature"
)

// logVerifyCommand is the check alone, for scripts and watches: its answer is the exit code and a line.
func (c *cli) logVerifyCommand() *cobra.Command {
	key, unsigned := "", false
	cmd := &cobra.Command{
		Use: "verify [FILE]", Short: "checks every record of the log, or of an export; exit code 1 names the revision at fault", Args: cobra.MaximumNArgs(1),
		Long: `Without FILE: reads the whole log and checks every record: length, hash, chain, revision, epoch, instance, type, version and id, and that the
log still has the head that pm pinned in the data folder (head.pin) and signed with the key there. A log that is elsewhere is named
with --eventstore, and --data beside it names the folder of its pin; without a pin a log that lost its end cannot be told from a
shorter one, and the answer says so. --key names the key that is to have signed the pin, where the folder's own is lost.

With FILE: checks an export (- is stdin) in the same way, offline, and holds its end against the signature in FILE.sig. Without a
signature nobody can tell an export that was cut from a shorter one, so that has to be accepted with --unsigned. --key names the key
that is trusted, as a public key file or as its id, and --data the folder of the installation whose key that is; without both the
signature proves that nothing was changed since somebody signed, but not who did.

Exit code 1: damaged or changed; the first bad revision and the last good one are named. 2: there is nothing to check it with.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return c.verifyExport(cmd.Context(), args[0], key, unsigned)
			}
			return c.verifyLog(cmd.Context(), key)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "the trusted key: a public key file, or a key id")
	cmd.Flags().BoolVar(&unsigned, "unsigned", false, "check the records alone, without a signature")
	cmd.MarkFlagsMutuallyExclusive("key", "unsigned")
	return cmd
}

// verifyExport checks an export by itself and by its signature.
func (c *cli) verifyExport(ctx context.Context, file, key string, unsigned bool) error {
	side, known, err := c.vouched(file, key, unsigned)
	if errors.Is(err, signature.ErrSignature) {
		return c.lookedAt(ctx, file, err)
	}
	if err != nil {
		return orUnsigned(err)
	}
	in, end, err := c.input(file)
	if err != nil {
		return err
	}
	defer end()
	found, err := c.checkExport(ctx, in, side.events())
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	doc := document{
		{"verifies", true}, {"file", file}, {"portfolio", found.portfolio}, {"events", found.head.Next},
		{"head_revision", max(found.head.Next, 1) - 1}, {"head_hash", found.head.Hash.String()}, {"state_digest", found.digest},
	}
	lines := []string{"not signed: a part that was cut off at the end would not show"}
	if side != nil {
		p, err := side.prove(signature.OfLog(found.portfolio, found.head), known)
		if err != nil {
			return err
		}
		doc, lines = append(doc, p.members()...), p.lines()
	}
	return c.show(doc, nil, func(t *table) {
		t.title = fmt.Sprintf("%s verifies: %s, head %s, state %s", file, counted(found.head.Next, "event"), found.head.Hash, found.digest)
		t.foot = lines
	})
}

// lookedAt says how far an export holds by itself, where its signature does not: which of the two files is at fault decides what to bring back.
func (c *cli) lookedAt(ctx context.Context, file string, broken error) error {
	in, end, err := c.input(file)
	if err != nil {
		return finding(fmt.Errorf("%w; no revision was looked at: %w", broken, err))
	}
	defer end()
	found, err := c.checkExport(ctx, in, 0)
	switch {
	case err != nil:
		return finding(fmt.Errorf("%w; and %s: %w", broken, file, err))
	case found.head.Next == 0:
		return finding(fmt.Errorf("%w; %s itself holds no revision", broken, file))
	}
	return finding(fmt.Errorf("%w; %s itself is good up to %s, its end, and nothing tells whether more followed", broken, file, found.head))
}

// beforeAll says of a first line that is at fault where that is, in revisions.
func beforeAll(err error) error {
	return finding(fmt.Errorf("%w; it stands before revision 0, so no revision was looked at", err))
}

// exported is what an export was found to hold.
type exported struct {
	portfolio domain.PortfolioID
	head      eventstore.Head
	digest    string
}

// checkExport checks every record of an export and applies every event; total, if it is known, is for the progress. Damage names the revision and the last good one.
func (c *cli) checkExport(ctx context.Context, in io.Reader, total uint64) (found exported, err error) {
	x, err := eventstore.NewExportReader(in)
	if errors.Is(err, eventstore.ErrNoExport) {
		return found, beforeAll(err)
	}
	if err != nil {
		return found, err
	}
	state, progress := domain.NewState(), c.progress("events", total)
	defer progress.done()
	for ctx.Err() == nil {
		_, got, err := x.Next()
		if errors.Is(err, io.EOF) {
			return exported{x.Portfolio(), x.Head(), state.Digest()}, nil
		}
		if err == nil {
			err = apply(state, got)
		}
		if err != nil {
			return found, lastGood(err, x.Head())
		}
		progress.step(1)
	}
	return found, ctx.Err()
}

// lastGood adds to an error about a revision which one before it is the last good one. head is where checking stopped.
func lastGood(err error, head eventstore.Head) error {
	var corrupt *eventstore.Corrupt
	var unknown *eventstore.UnknownEvent
	var rev uint64
	switch {
	case errors.As(err, &corrupt):
		rev = corrupt.Rev
	case errors.As(err, &unknown):
		rev = unknown.Rev
	default:
		return err
	}
	switch rev {
	case 0:
		return fmt.Errorf("%w; no revision before it is good", err)
	case head.Next:
		return fmt.Errorf("%w; the last good one is %s", err, head)
	default: // the record itself is sound, and what it says cannot follow
		return fmt.Errorf("%w; the last good one is revision %d", err, rev-1)
	}
}
