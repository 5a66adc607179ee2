package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"pm/cmd/internal/installation"
	"pm/eventstore"
	"pm/eventstore/localcopy"
	"pm/eventstore/signature"
)

// pinned is what a log is held against: the head that a data folder remembers.
type pinned struct {
	pin    *signature.Signed // nil: there is none to ask, and why says so
	why    string
	note   string // how the signer was judged, where that was not by the public key as usual
	folder string // whose pin it is
	copied string // the folder of the local copy of a log across the wire, which may know more as well; "" for other logs
	place  string // how pmctl is told the log, for hints
	loose  bool   // the folder stands above the log, and nobody said that they belong together
}

// pinned reads and judges the pin of the data folder in use: before the log, which may go on growing. trusted is the key that is to have
// signed it; "" for the folder's own.
func (c *cli) pinned(trusted signature.KeyID) (*pinned, error) {
	folder, err := c.dataDir()
	if err != nil {
		return &pinned{why: "name the data folder of the pm that writes it with --data"}, nil //nolint:nilerr // a pin that is not known is said with the answer
	}
	if dir, err := c.logDir(); err == nil && c.data == "" && isCopy(dir) {
		return &pinned{why: copyBehind}, nil
	}
	p := &pinned{folder: folder, place: c.place(), loose: c.loose()}
	if remote(c.eventstore) {
		p.copied = installation.CopyFolder(folder)
	}
	return p, p.read(trusted)
}

// copyBehind is why a local copy is not held against the pin beside it, unless somebody asks for that with --data.
const copyBehind = "this is the copy of a log across the wire and may lie behind it: name that log with --eventstore and the data folder with --data"

// isCopy says whether a folder is where pm keeps its copy of a log across the wire.
func isCopy(dir string) bool {
	dir = filepath.Clean(dir)
	return dir == installation.CopyFolder(filepath.Dir(dir))
}

// place is how pmctl is told the log in use.
func (c *cli) place() string {
	folder, _ := c.dataDir()
	return c.placeWith(folder)
}

// placeWith is the same with a folder whose pin is meant.
func (c *cli) placeWith(folder string) string {
	if remote(c.eventstore) {
		return installation.LogPlace(redacted(c.eventstore), "", folder)
	}
	dir, _ := c.logDir()
	return installation.LogPlace("", dir, folder)
}

// loose says that the log was named by its own folder, and not by the name that pm gives it: a backtest may stand beside pm's log.
func (c *cli) loose() bool {
	dir, err := c.logDir()
	return err == nil && filepath.Base(dir) != logFolder && (c.data == "" || c.eventstore == "")
}

// read reads and judges the pin of the folder.
func (p *pinned) read(trusted signature.KeyID) error {
	pin, err := installation.TrustedPin(p.folder, trusted)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.why = "there is no " + installation.PinFile(p.folder)
		return nil
	case err != nil:
		return p.found(err)
	}
	if public := installation.PublicFile(p.folder); trusted == "" && missing(public) {
		p.note = fmt.Sprintf(" (judged by the private key: %s is missing, and the next start writes it again)", public)
	}
	p.pin = &pin
	return nil
}

// hold holds the log against its local copy and the pin. What the log does not satisfy is a finding.
func (p *pinned) hold(ctx context.Context, log eventstore.Log) error {
	if err := p.holdCopy(ctx, log); err != nil {
		return err
	}
	if p.pin == nil {
		return nil
	}
	if p.foreignTo(log) {
		p.why = fmt.Sprintf("%s is of portfolio %q", installation.PinFile(p.folder), p.pin.Portfolio)
		p.pin = nil
		return nil
	}
	return p.found(installation.CheckPin(ctx, log, p.pin.Statement))
}

// holdCopy holds a log across the wire against its local copy, as a start does.
func (p *pinned) holdCopy(ctx context.Context, log eventstore.Log) error {
	if p.copied == "" {
		return nil
	}
	err := localcopy.Holds(ctx, p.copied, log)
	var lost *localcopy.LostEnd
	if errors.As(err, &lost) {
		return finding(&foundPin{"the local copy", err, installation.CopyHint(lost.Dir, p.place), false})
	}
	return err
}

// foreignTo says that the pin only happens to stand above this log.
func (p *pinned) foreignTo(log eventstore.Log) bool {
	return p.loose && p.pin.Portfolio != log.Portfolio()
}

// found gives an error about the pin its words and what to do. Whatever is not about the pin or the log could only not be read.
func (p *pinned) found(err error) error {
	var corrupt *eventstore.Corrupt
	var unusable *installation.Unusable
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unusable):
		return finding(&foundPin{thePin, fmt.Errorf("%s: %s", unusable.File, unusable.Reason), unusable.Hint, true})
	case errors.As(err, &corrupt), errors.Is(err, signature.ErrSignature):
		var foreign *installation.ForeignPin
		return finding(&foundPin{thePin, err, installation.PinHint(err, p.folder, p.place), errors.As(err, &foreign) && foreign.Own == ""})
	}
	return fmt.Errorf("the pinned head: %w", err)
}

// thePin is what a log is held against in the words of a finding.
const thePin = "the pinned head"

// foundPin is what holding a log against its pin, or its local copy, found, and what to do about it.
type foundPin struct {
	by   string // what knows better
	err  error
	hint string
	key  bool // it is about the key: a start ends before it looks at the pin
}

func (f *foundPin) Error() string { return fmt.Sprintf("%s: %v\nhint: %s", f.by, f.err, f.hint) }

func (f *foundPin) Unwrap() error { return f.err }

// lost makes a finding of a stream that is not there, where the pin knows that it once was. Every other error stays what it is.
func (p *pinned) lost(err error) error {
	if p == nil || p.pin == nil || !errors.Is(err, errNoStream) {
		return err
	}
	return p.found(&eventstore.Corrupt{Reason: fmt.Sprintf("%v; it once went up to revision %d (portfolio %q)", err, p.pin.HeadRevision, p.pin.Portfolio)})
}

// line says what the log was held against.
func (p *pinned) line() string {
	if p.pin == nil {
		return "not held against any pinned head: " + p.why
	}
	return fmt.Sprintf("the log still has the head that was pinned at revision %d%s", p.pin.HeadRevision, p.note)
}

// members say it in a document.
func (p *pinned) members() document {
	if p.pin == nil {
		return document{{"pinned", false}}
	}
	return document{{"pinned", true}, {"pinned_revision", p.pin.HeadRevision}}
}

// verifyLog checks every record, and holds the log against the pinned head of its data folder. key names who is to have signed that.
func (c *cli) verifyLog(ctx context.Context, key string) error {
	trusted := signature.KeyID("")
	if key != "" {
		known, err := c.voucherOf(key)
		if err != nil {
			return err
		}
		trusted = known.id
	}
	return c.withPinnedLog(ctx, trusted, func(log eventstore.Log, pin *pinned) error {
		info, err := c.wholeLog(ctx, log)
		if err == nil {
			err = pin.hold(ctx, log)
		}
		if err != nil {
			return err
		}
		doc := document{{"verifies", true}, {"events", info.Events}, {"head_revision", info.Head}, {"head_hash", info.HeadHash}, {"state_digest", info.Digest}}
		return c.show(append(doc, pin.members()...), nil, func(t *table) {
			t.title = fmt.Sprintf("the log verifies: %s, head %s, state %s", counted(info.Events, "event"), info.HeadHash, info.Digest)
			t.foot = []string{pin.line()}
		})
	})
}

// withPinnedLog runs a reading of the log with the pin that was read before.
func (c *cli) withPinnedLog(ctx context.Context, trusted signature.KeyID, read func(eventstore.Log, *pinned) error) error {
	pin, err := c.pinned(trusted)
	if err != nil {
		return err
	}
	return pin.lost(c.withLog(ctx, func(log eventstore.Log) error { return read(log, pin) }))
}
