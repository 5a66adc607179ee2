package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"pm/cmd/internal/durable"
	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/sqlite"
)

// importOptions are the flags of log import.
type importOptions struct {
	to, key                     string
	unsigned, anySigner, resume bool
}

// stagingSuffix is what the folder of an import is called behind its name until it is whole.
const stagingSuffix = ".importing"

func (c *cli) logImportCommand() *cobra.Command {
	var opt importOptions
	cmd := &cobra.Command{
		Use: "import FILE --to DIR", Short: "makes a log in a new folder, or in an empty event store, from an export", Args: cobra.ExactArgs(1),
		Long: `Reads an export (- is stdin), checks every record and the signature in FILE.sig, and writes the same bytes into a new log in DIR: the
same ids, times and hashes. As pm's data folder is read from DIR/log, an import that pm is to continue goes --to DATA/log. DIR must
not be there, or be empty.

FILE is checked whole first: every record, every event applied, the signature in FILE.sig and who signed. That has to be the key of
--key, or, without it, the key in the data folder that the log goes into; --any-signer takes a file that somebody else signed, which
then proves that nothing was changed since, and not who wrote it. --unsigned takes a file without a signature.

The log is made in DIR` + stagingSuffix + ` and gets its name when it is whole and was read back, so a half of one is never taken for a log. The same
import again goes on where the first one ended.

--to esdb://... writes into the portfolio's stream of an EventStoreDB, which must be empty. --data names the data folder of the pm that is
to continue the log, which has no log yet: the head is pinned there first, so that pm does not start on a half. An import that was
interrupted goes on with --resume, and with nothing else but its own beginning.

Exit code 1: the file is damaged, no start would accept it, or nobody who is known here signed it. 2: the target has something in it.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if remote(opt.to) {
				return c.importRemote(cmd.Context(), args[0], opt)
			}
			return c.logImport(cmd.Context(), args[0], opt)
		},
	}
	cmd.Flags().StringVar(&opt.to, "to", "", "folder for the new log, or esdb://HOST:PORT")
	cmd.Flags().BoolVar(&opt.resume, "resume", false, "go on with a half-done import into an event store")
	cmd.Flags().StringVar(&opt.key, "key", "", "the trusted key: a public key file, or a key id")
	cmd.Flags().BoolVar(&opt.unsigned, "unsigned", false, "take an export without a signature")
	cmd.Flags().BoolVar(&opt.anySigner, "any-signer", false, "take an export that nobody who is known here has signed")
	cmd.MarkFlagsMutuallyExclusive("key", "unsigned", "any-signer")
	_ = cmd.MarkFlagRequired("to")
	return cmd
}

func (c *cli) logImport(ctx context.Context, name string, opt importOptions) error {
	to := filepath.Clean(strings.TrimPrefix(opt.to, "sqlite://"))
	if err := vacant(to); err != nil {
		return err
	}
	home := c.data
	if home == "" {
		home = filepath.Join(to, "..")
	}
	want, err := c.soundExport(ctx, name, opt, home)
	if err != nil {
		return err
	}
	in, end, err := c.input(name)
	if err != nil {
		return err
	}
	defer end()
	staging := to + stagingSuffix
	lines := lineMeter{c.progress("events", want.head.Next)}
	head, err := fill(ctx, io.TeeReader(in, lines), staging)
	lines.done()
	switch {
	case errors.Is(err, eventstore.ErrNoExport):
		return beforeAll(err)
	case errors.Is(err, eventstore.ErrOtherLog):
		return fmt.Errorf("%w; an earlier import left %s: look at it, then remove it", err, staging)
	case err != nil:
		return lastGood(err, head)
	case head.Next == 0:
		return fmt.Errorf("%w; remove %s", emptyExport(name), staging)
	case name != stdin && head != want.head:
		return fmt.Errorf("import: %s ended at %s when it was checked and at %s now: it was changed meanwhile; remove %s (rm -r %s) and import again",
			name, want.head, head, staging, staging)
	}
	if err := moveIn(staging, to); err != nil {
		return fmt.Errorf("import: %w", err)
	}
	fmt.Fprintf(c.errs, "%s events imported into %s, head %s\n", grouped(fmt.Sprint(head.Next)), to, head)
	return nil
}

// vacant says whether a log can be made in a folder.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%w: there is something in %s", eventstore.ErrNotEmpty, dir)
	}
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	return nil
}

// fill makes the log in a folder of its own, goes on with what an earlier try left there, and reads all of it back: every record, and every
// event applied, as a start does. What is at fault in the
// folder is said to be there, and not in the export.
func fill(ctx context.Context, in io.Reader, dir string) (head eventstore.Head, err error) {
	var log *sqlite.Log
	head, err = eventstore.Resume(ctx, in, func(p domain.PortfolioID) (eventstore.Log, error) {
		opened, err := sqlite.Open(dir, p, "pmctl")
		if err != nil {
			return nil, spoiltBy(err, dir)
		}
		log = opened
		return opened, nil
	})
	if log == nil {
		return head, err
	}
	if err == nil {
		head, err = readBack(ctx, log, dir)
	}
	return head, errors.Join(err, log.Close())
}

// readBack reads what was written. An event that cannot follow is the export's fault: its record is whole.
func readBack(ctx context.Context, log eventstore.Log, dir string) (eventstore.Head, error) {
	state := domain.NewState()
	var impossible error
	head, err := eventstore.Audit(ctx, log, func(r domain.Recorded, _ eventstore.Hash) error {
		impossible = apply(state, r)
		return impossible
	})
	if impossible != nil {
		return head, fmt.Errorf("%w; no start would accept this log; what was written stays in %s, which nothing reads: remove it (rm -r %s)", impossible, dir, dir)
	}
	return head, spoiltBy(err, dir)
}

// spoiltBy says of damage where it is: in the folder of the import, left there by one that was interrupted, or by a disk that fails.
func spoiltBy(err error, dir string) error {
	var corrupt *eventstore.Corrupt
	var unknown *eventstore.UnknownEvent
	if !errors.As(err, &corrupt) && !errors.As(err, &unknown) {
		return err
	}
	return fmt.Errorf("the export is sound so far, and what stands in %s is not, which an import that was interrupted, or a failing disk, has left: "+
		"remove that folder (rm -r %s) and import again: %w", dir, dir, err)
}

// emptyExport refuses an export of nothing: there is no head that could be pinned, and nothing to continue.
func emptyExport(name string) error {
	return fmt.Errorf("import: %s holds no event, so there is nothing to import: pm makes a new log by itself at its first start", name)
}

// moveIn gives the whole log its name.
func moveIn(staging, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) { // an empty folder makes room
		return err
	}
	if err := durable.SyncDir(staging); err != nil {
		return err
	}
	if err := os.Rename(staging, to); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(to))
}
