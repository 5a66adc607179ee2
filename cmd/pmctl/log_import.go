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
	"pm/eventstore/signature"
	"pm/eventstore/sqlite"
)

// importOptions are the flags of log import.
type importOptions struct {
	to, key          string
	unsigned, resume bool
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

The log is made in DIR` + stagingSuffix + ` and gets its name when it is whole, read back and signed for, so a half of one is never taken for a log.
The same import again goes on where the first one ended. --key and --unsigned are those of log verify.

--to esdb://... writes into the portfolio's stream of an EventStoreDB, which must be empty. FILE is checked whole before anything is sent, and
--data names the data folder of the pm that is to continue the log: the head is pinned there first, so that pm does not start on a half. An
import that was interrupted goes on with --resume, and with nothing else but its own beginning.`,
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
	cmd.MarkFlagsMutuallyExclusive("key", "unsigned")
	_ = cmd.MarkFlagRequired("to")
	return cmd
}

func (c *cli) logImport(ctx context.Context, name string, opt importOptions) error {
	known, err := c.importVoucher(opt.key)
	if err != nil {
		return err
	}
	side, err := readSide(name, opt.unsigned)
	if err != nil {
		return err
	}
	to := filepath.Clean(strings.TrimPrefix(opt.to, "sqlite://"))
	if err := vacant(to); err != nil {
		return err
	}
	in, end, err := c.input(name)
	if err != nil {
		return err
	}
	defer end()
	staging := to + stagingSuffix
	lines := lineMeter{c.progress("events", side.events())}
	portfolio, head, err := fill(ctx, io.TeeReader(in, lines), staging)
	lines.done()
	switch {
	case errors.Is(err, eventstore.ErrNoExport):
		return finding(err)
	case errors.Is(err, eventstore.ErrOtherLog):
		return fmt.Errorf("%w; an earlier import left %s: look at it, then remove it", err, staging)
	case err != nil:
		return lastGood(err, head)
	}
	if side != nil {
		if _, err := side.prove(signature.OfLog(portfolio, head), known); err != nil {
			return fmt.Errorf("%w; what was read stays in %s", err, staging)
		}
	}
	if err := moveIn(staging, to); err != nil {
		return fmt.Errorf("import: %w", err)
	}
	fmt.Fprintf(c.errs, "%s events imported into %s, head %s\n", grouped(fmt.Sprint(head.Next)), to, head)
	return nil
}

// importVoucher is whose signature counts as known: the one of --key alone, since the data folder that is named is the target's.
func (c *cli) importVoucher(key string) (voucher, error) {
	if key == "" {
		return voucher{}, nil
	}
	return c.voucherOf(key)
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

// fill makes the log in a folder of its own, goes on with what an earlier try left there, and reads all of it back.
func fill(ctx context.Context, in io.Reader, dir string) (portfolio domain.PortfolioID, head eventstore.Head, err error) {
	var log *sqlite.Log
	head, err = eventstore.Resume(ctx, in, func(p domain.PortfolioID) (eventstore.Log, error) {
		opened, err := sqlite.Open(dir, p, "pmctl")
		if err != nil {
			return nil, err
		}
		log, portfolio = opened, p
		return opened, nil
	})
	if log == nil {
		return portfolio, head, err
	}
	if err == nil {
		head, err = eventstore.Audit(ctx, log, nil)
	}
	return portfolio, head, errors.Join(err, log.Close())
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
