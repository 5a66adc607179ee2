package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"pm/cmd/internal/durable"
	"pm/cmd/internal/installation"
	"pm/eventstore"
	"pm/eventstore/signature"
)

// exportOptions are the flags of log export.
type exportOptions struct {
	installation string
	unsigned     bool
}

func (c *cli) logExportCommand() *cobra.Command {
	var opt exportOptions
	cmd := &cobra.Command{
		Use: "export [FILE]", Short: "writes the log in the form pm-log/1, to a signed file or to stdout", Args: cobra.MaximumNArgs(1),
		Long: `Writes every record verbatim, one line each, behind a line that names the portfolio. Every record is checked on the way. Two
exports of one log are the same bytes, whatever the store. An existing FILE is not overwritten.

Beside FILE stands FILE.sig: the installation's key signs the portfolio and the head, revision and hash, which the chain ties to every
byte. The key is that of the data folder; --installation names another data folder. On stdout (no FILE, or -) nothing is signed.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withLog(func(log eventstore.Log) error {
				if len(args) == 0 || args[0] == "-" {
					head, err := c.exportTo(cmd.Context(), log, c.out)
					return c.exportDone(head, "not signed", err)
				}
				return c.exportFile(cmd.Context(), log, args[0], opt)
			})
		},
	}
	cmd.Flags().StringVar(&opt.installation, "installation", "", "pm's data folder whose key signs (default: the one that the log stands in)")
	cmd.Flags().BoolVar(&opt.unsigned, "unsigned", false, "write FILE without a signature")
	cmd.MarkFlagsMutuallyExclusive("installation", "unsigned")
	return cmd
}

// exportFile writes the export and its signature. The signature is written last: a file without one is not known to be whole.
func (c *cli) exportFile(ctx context.Context, log eventstore.Log, name string, opt exportOptions) error {
	key, err := c.signer(opt)
	if err != nil {
		return err
	}
	side := name + signature.Suffix
	if _, err := os.Lstat(side); err == nil {
		return fmt.Errorf("export: %s: %w", side, os.ErrExist)
	}
	head, err := c.writeExport(ctx, log, name)
	if err != nil || key == nil {
		return c.exportDone(head, "not signed", err)
	}
	if err := installation.SignFile(key, name, signature.OfLog(log.Portfolio(), head)); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return c.exportDone(head, fmt.Sprintf("signed by key %s in %s", key.ID(), side), nil)
}

// signer is the key that signs, nil for none.
func (c *cli) signer(opt exportOptions) (*signature.Key, error) {
	if opt.unsigned {
		return nil, nil
	}
	data := opt.installation
	if data == "" {
		var err error
		if data, err = c.dataDir(); err != nil {
			return nil, errors.New("export: this log is in no folder of this machine: name pm's data folder, whose key signs, with --installation DIR, or write the file --unsigned")
		}
	}
	key, err := installation.Load(data)
	if errors.Is(err, installation.ErrNoKey) {
		return nil, fmt.Errorf("export: %w; pm makes one when it starts; name pm's data folder with --installation DIR, or write the file --unsigned", err)
	}
	return key, err
}

// writeExport writes a new file, whole and durable; a part of one does not stay.
func (c *cli) writeExport(ctx context.Context, log eventstore.Log, name string) (head eventstore.Head, err error) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return head, fmt.Errorf("export: %w", err)
	}
	head, err = c.exportTo(ctx, log, file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return head, errors.Join(err, os.Remove(name))
	}
	return head, durable.SyncDir(filepath.Dir(name))
}

// exportTo writes the export and shows how far it is.
func (c *cli) exportTo(ctx context.Context, log eventstore.Log, out io.Writer) (eventstore.Head, error) {
	before, err := log.Head(ctx)
	if err != nil {
		return before, err
	}
	lines := lineMeter{c.progress("events", before.Next)}
	defer lines.done()
	return eventstore.Export(ctx, log, io.MultiWriter(out, lines))
}

// lineMeter shows progress by the lines of an export that go by.
type lineMeter struct{ *progress }

func (m lineMeter) Write(text []byte) (int, error) {
	m.step(uint64(bytes.Count(text, []byte("\n"))))
	return len(text), nil
}

func (c *cli) exportDone(head eventstore.Head, signed string, err error) error {
	if err != nil {
		return lastGood(err, head)
	}
	fmt.Fprintf(c.errs, "%s events exported, head %s, %s\n", grouped(fmt.Sprint(head.Next)), head, signed)
	return nil
}
