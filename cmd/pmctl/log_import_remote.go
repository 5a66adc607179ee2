package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"pm/cmd/internal/installation"
	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/signature"
)

// importRemote brings an export into a store across the wire. A stream cannot be made under another name and renamed, so three
// things keep a half of one from being taken for a log: the whole export is checked before the first record is sent; the head that it
// ends in is pinned in the data folder of the pm that is to continue it, so that a start on less is refused; and only --resume goes on
// with a stream that holds something.
func (c *cli) importRemote(ctx context.Context, name string, opt importOptions) error {
	if c.data == "" || name == "-" {
		return errors.New("import: into a store across the wire goes a FILE, and --data names the data folder of the pm that will continue the log: " +
			"the head is pinned there first, so that it does not start on a half-done import")
	}
	want, err := c.soundExport(ctx, name, opt)
	if err != nil {
		return err
	}
	address, p := esdb.CutPortfolio(opt.to)
	if p != "" && p != want.portfolio {
		return fmt.Errorf("import: the address names portfolio %q, the export is of %q", p, want.portfolio)
	}
	if err := promise(c.data, want); err != nil {
		return err
	}
	log, err := esdb.Open(ctx, address, want.portfolio, esdb.Options{})
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	err = c.sendExport(ctx, name, log, want, opt.resume)
	if err = errors.Join(err, log.Close()); err != nil {
		return err
	}
	fmt.Fprintf(c.errs, "%s events imported into %s, head %s; it is pinned in %s\n", grouped(fmt.Sprint(want.head.Next)), esdb.Redacted(address), want.head,
		installation.PinFile(c.data))
	return nil
}

// soundExport checks the whole file and its signature.
func (c *cli) soundExport(ctx context.Context, name string, opt importOptions) (found exported, err error) {
	known, err := c.importVoucher(opt.key)
	if err != nil {
		return found, err
	}
	side, err := readSide(name, opt.unsigned)
	if err != nil {
		return found, err
	}
	in, err := os.Open(name)
	if err != nil {
		return found, fmt.Errorf("import: %w", err)
	}
	defer in.Close()
	if found, err = c.checkExport(ctx, in, side.events()); err != nil {
		return found, fmt.Errorf("%s: %w", name, err)
	}
	if side != nil {
		_, err = side.prove(signature.OfLog(found.portfolio, found.head), known)
	}
	return found, err
}

// promise pins the head that the import will end in. A folder that remembers another head belongs to another log.
func promise(data string, want exported) error {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("import: %w", err)
	}
	key, err := installation.LoadOrCreate(data)
	if err != nil {
		return err
	}
	pin, err := installation.ReadPin(data)
	if errors.Is(err, fs.ErrNotExist) {
		return installation.WritePin(key, data, want.portfolio, want.head)
	}
	if err != nil {
		return err
	}
	if head := signature.OfHead(want.portfolio, want.head); pin.Statement != head.By(pin.KeyID) {
		return fmt.Errorf("import: %s remembers %s, and the export ends in %s: name a data folder that has no log yet",
			installation.PinFile(data), inWords(pin.Statement), want.head)
	}
	return nil
}

// sendExport appends what the store lacks, and reads all of it back.
func (c *cli) sendExport(ctx context.Context, name string, log eventstore.Log, want exported, resume bool) error {
	in, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	defer in.Close()
	fill := eventstore.Import
	if resume {
		fill = eventstore.Resume
	}
	lines := lineMeter{c.progress("events", want.head.Next)}
	head, err := fill(ctx, io.TeeReader(in, lines), func(domain.PortfolioID) (eventstore.Log, error) { return log, nil })
	lines.done()
	switch {
	case errors.Is(err, eventstore.ErrNotEmpty):
		return fmt.Errorf("%w; if that is a half-done import of this export, the same command goes on with --resume", err)
	case err != nil && head.Next > 0:
		return fmt.Errorf("%w; %s of %s are there, and the same command goes on with --resume", lastGood(err, head),
			grouped(fmt.Sprint(head.Next)), counted(want.head.Next, "event"))
	case err != nil:
		return err
	}
	if head, err = eventstore.Audit(ctx, log, nil); err != nil {
		return fmt.Errorf("read back what was imported: %w", lastGood(err, head))
	}
	if head != want.head {
		return fmt.Errorf("import: the store ends at %s, the export at %s: the file was changed meanwhile, or somebody else writes", head, want.head)
	}
	return nil
}
