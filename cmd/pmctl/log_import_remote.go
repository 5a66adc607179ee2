package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"pm/cmd/internal/installation"
	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/signature"
	"pm/eventstore/sqlite"
)

// importDeadline is how long the store has for one append of an import, up to 768 KiB. Nobody waits for these as an exit waits for the
// service's: what counts is that a line of 30 KiB a second is fast enough.
const importDeadline = 30 * time.Second

// importRemote brings an export into a store across the wire. A stream cannot be made under another name and renamed, so three
// things keep a half of one from being taken for a log: the whole export is checked before the first record is sent; the head that it
// ends in is pinned in the data folder of the pm that is to continue it, so that a start on less is refused; and only --resume goes on
// with a stream that holds something.
func (c *cli) importRemote(ctx context.Context, name string, opt importOptions) error {
	if c.data == "" || name == stdin {
		return errors.New("import: into a store across the wire goes a FILE, and --data names the data folder of the pm that will continue the log: " +
			"the head is pinned there first, so that it does not start on a half-done import")
	}
	if err := holdsNoLog(c.data); err != nil {
		return err
	}
	want, err := c.soundExport(ctx, name, opt, c.data)
	if err != nil {
		return err
	}
	address, p := esdb.CutPortfolio(opt.to)
	if p != "" && p != want.portfolio {
		return fmt.Errorf("import: the address names portfolio %q, the export is of %q", p, want.portfolio)
	}
	log, err := esdb.Open(ctx, address, want.portfolio, esdb.Options{AppendDeadline: importDeadline})
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	err = c.intoStream(ctx, name, log, want, opt.resume)
	if err = errors.Join(err, log.Close()); err != nil {
		return err
	}
	fmt.Fprintf(c.errs, "%s events imported into %s, head %s; it is pinned in %s\n", grouped(fmt.Sprint(want.head.Next)), esdb.Redacted(address), want.head,
		installation.PinFile(c.data))
	return nil
}

// holdsNoLog refuses the data folder of a log: its pm would go on with that one, and find its head where another was pinned.
func holdsNoLog(data string) error {
	for _, dir := range []string{data, filepath.Join(data, logFolder)} {
		if log, err := sqlite.OpenReader(dir); err == nil {
			return errors.Join(fmt.Errorf("import: there is a log in %s: name a data folder that has no log yet with --data", dir), log.Close())
		} else if !errors.Is(err, sqlite.ErrNoLog) {
			return fmt.Errorf("import: there is something in %s that cannot be read as a log: name a data folder that has no log yet with --data: %w", dir, err)
		}
	}
	return nil
}

// intoStream looks whether the stream is free, promises the head, and sends the records. Once the promise stands, every error names it.
func (c *cli) intoStream(ctx context.Context, name string, log eventstore.Log, want exported, resume bool) error {
	pin := installation.PinFile(c.data)
	before, err := log.Head(ctx)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	if before.Next > 0 && !resume {
		err := fmt.Errorf("import: %w, and this one ends at %s; if that is a half-done import of this export, the same command goes on with --resume", eventstore.ErrNotEmpty, before)
		if !missing(pin) {
			err = fmt.Errorf("%w; %s was there before and stays", err, pin)
		}
		return err
	}
	if before.Next > want.head.Next {
		return fmt.Errorf("import: %w: it ends at %s, the export at %s", eventstore.ErrOtherLog, before, want.head)
	}
	if err := promise(c.data, want); err != nil {
		return err
	}
	if err := c.sendExport(ctx, name, log, want, resume); err != nil {
		return fmt.Errorf("%w; %s holds the head that this import was to end in, and no pm starts in that folder on less: leave it there for --resume, "+
			"or remove it if the folder is not to continue this log", err, pin)
	}
	return nil
}

// soundExport checks the whole file, its signature and who signed: the key of --key, or else that of the installation whose data
// folder the log goes into. What was proven is said. Of stdin nothing can be checked before it is read for good.
func (c *cli) soundExport(ctx context.Context, name string, opt importOptions, home string) (found exported, err error) {
	side, err := readSide(name, opt.unsigned)
	if err != nil {
		return found, orUnsigned(err)
	}
	if name != stdin {
		in, err := os.Open(name)
		if err != nil {
			return found, fmt.Errorf("import: %w", err)
		}
		defer func() { _ = in.Close() }() // it was only read
		if found, err = c.checkExport(ctx, in, side.events()); err != nil {
			return found, fmt.Errorf("%s: %w", name, err)
		}
		if found.head.Next == 0 {
			return found, emptyExport(name)
		}
	}
	if side == nil {
		fmt.Fprintln(c.errs, "not signed: nobody vouches for it, and a part that was cut off at the end would not show")
		return found, nil
	}
	return found, c.signedFor(side, signature.OfLog(found.portfolio, found.head), opt, home)
}

// signedFor judges who signed an export, and says what that proves.
func (c *cli) signedFor(side *sideFile, want signature.Statement, opt importOptions, home string) error {
	var known voucher
	var err error
	if opt.key != "" {
		known, err = c.voucherOf(opt.key)
	} else if known, err = folderVoucher(home); known.id != side.signed.KeyID {
		known = voucher{} // what another installation has signed is not wrong, only not known here
	}
	if err != nil {
		return err
	}
	p, err := side.prove(want, known)
	if err != nil {
		return err
	}
	if !p.trusted && !opt.anySigner {
		return finding(fmt.Errorf("%s: key %s signed it, and no installation that is known here has that key: name the key that you trust with --key FILE or --key ID, "+
			"or take the file from whoever signed it with --any-signer", side.name, side.signed.KeyID))
	}
	for _, line := range p.lines() {
		fmt.Fprintln(c.errs, line)
	}
	return nil
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
	pin, err := installation.TrustedPin(data, key.ID())
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
	defer func() { _ = in.Close() }() // it was only read
	fill := eventstore.Import
	if resume {
		fill = eventstore.Resume
	}
	lines := lineMeter{c.progress("events", want.head.Next)}
	head, err := fill(ctx, io.TeeReader(in, lines), func(domain.PortfolioID) (eventstore.Log, error) { return log, nil })
	lines.done()
	switch {
	case errors.Is(err, eventstore.ErrNotEmpty): // it was empty a moment ago
		return fmt.Errorf("%w: somebody else writes there", err)
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
