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
byte. The key is that of the data folder; --installation names another data folder. On stdout (no FILE, or -) nothing is signed.

A log that no longer has the head which is pinned beside it, or beside the key, is not signed (exit code 1): its end is missing, or it is
another log. Without a signature it is written all the same, with a warning.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || args[0] == "-" {
				return c.exportOut(cmd.Context())
			}
			return c.exportFile(cmd.Context(), args[0], opt)
		},
	}
	cmd.Flags().StringVar(&opt.installation, "installation", "", "pm's data folder whose key signs (default: the one that the log stands in)")
	cmd.Flags().BoolVar(&opt.unsigned, "unsigned", false, "write FILE without a signature")
	cmd.MarkFlagsMutuallyExclusive("installation", "unsigned")
	return cmd
}

// exportOut writes the export to stdout, where nothing can be signed.
func (c *cli) exportOut(ctx context.Context) error {
	pin, doubt := c.pinned("")
	return pin.lost(c.withLog(ctx, func(log eventstore.Log) error {
		c.warnOfPin(ctx, log, pin, doubt)
		head, err := c.exportTo(ctx, log, c.out)
		return c.exportDone(head, "not signed", err)
	}))
}

// exportFile writes the export and its signature. The signature is written last: a file without one is not known to be whole. The pin
// is asked first, and read before the log, which may go on growing: a signed export of a log that lost its end would be evidence of it.
func (c *cli) exportFile(ctx context.Context, name string, opt exportOptions) error {
	key, err := c.signer(ctx, opt)
	if err != nil {
		return err
	}
	side := name + signature.Suffix
	if _, err := os.Lstat(side); err == nil {
		return fmt.Errorf("export: %s: %w", side, os.ErrExist)
	}
	pins, doubt := c.exportPins(opt)
	if doubt != nil && key != nil {
		return unsigned(doubt)
	}
	return pins[0].lost(c.withLog(ctx, func(log eventstore.Log) error {
		for _, pin := range pins {
			if key == nil {
				c.warnOfPin(ctx, log, pin, doubt)
			} else if err := pin.hold(ctx, log); err != nil {
				return unsigned(err)
			} else {
				fmt.Fprintln(c.errs, pin.line())
			}
		}
		head, err := c.writeExport(ctx, log, name)
		if err != nil || key == nil {
			return c.exportDone(head, "not signed", err)
		}
		if err := installation.SignFile(key, name, signature.OfLog(log.Portfolio(), head)); err != nil {
			return fmt.Errorf("export: %w", err)
		}
		return c.exportDone(head, fmt.Sprintf("signed by key %s in %s", key.ID(), side), nil)
	}))
}

// exportPins are the pins that a log is held against before it is exported: that of its own folder, and that beside the key that signs.
func (c *cli) exportPins(opt exportOptions) (pins []*pinned, doubt error) {
	own, doubt := c.pinned("")
	pins = []*pinned{own}
	if opt.installation == "" || filepath.Clean(opt.installation) == filepath.Clean(own.folder) {
		return pins, doubt
	}
	// Whose key signs need not be who wrote the log: the pin of another portfolio says nothing about it.
	if own.folder == "" {
		pins = nil
	}
	signing := &pinned{folder: opt.installation, place: c.placeWith(opt.installation), loose: true}
	return append(pins, signing), errors.Join(doubt, signing.read(""))
}

func unsigned(err error) error { return fmt.Errorf("nothing was signed or written: %w", err) }

// warnOfPin says what the pin says about a log that is exported without a signature. It keeps nobody from looking at a log that is at fault.
func (c *cli) warnOfPin(ctx context.Context, log eventstore.Log, pin *pinned, doubt error) {
	if doubt == nil {
		doubt = pin.hold(ctx, log)
	}
	if doubt != nil {
		fmt.Fprintf(c.errs, "WARNING %v\n", doubt)
		return
	}
	fmt.Fprintln(c.errs, pin.line())
}

// signer is the key that signs, nil for none.
func (c *cli) signer(ctx context.Context, opt exportOptions) (*signature.Key, error) {
	if opt.unsigned {
		return nil, nil
	}
	data := opt.installation
	if data == "" {
		var err error
		if data, err = c.dataDir(); err != nil {
			return nil, errors.New("export: this log is in no folder of this machine: name pm's data folder, whose key signs, with --data DIR or --installation DIR, or write the file --unsigned")
		}
	}
	key, err := installation.Load(data)
	if errors.Is(err, installation.ErrNoKey) {
		// Whoever stands in the wrong folder has no key and no log: the log is what was asked for.
		if noLog := c.withLog(ctx, func(eventstore.Log) error { return nil }); noLog != nil && !remote(c.eventstore) {
			return nil, noLog
		}
		if !missing(installation.PinFile(data)) {
			return nil, fmt.Errorf("export: %w, and this folder had one, which signed %s: bring keys/ back from a backup, or write the file --unsigned", err, installation.PinFile(data))
		}
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
