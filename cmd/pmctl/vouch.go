package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"pm/cmd/internal/installation"
	"pm/eventstore/signature"
)

// voucher is whose signature counts as known: the key named by --key, else that of the data folder.
type voucher struct {
	id   signature.KeyID // "" where nobody is known
	from string          // how the id was learnt, for people
}

// voucherOf takes --key as a public key file or a key id; without it the key of the data folder in use, if one is. A folder that is named
// with --data has to have one: whoever names it asks whether it was this installation, and a stranger's signature is no answer to that.
func (c *cli) voucherOf(key string) (voucher, error) {
	if key != "" {
		id, err := installation.Trusted(key)
		if err != nil {
			return voucher{}, fmt.Errorf("--key %s: %w", key, err)
		}
		return voucher{id, "--key " + key}, nil
	}
	data, err := c.dataDir()
	if !c.fromLog() || err != nil {
		return voucher{}, nil //nolint:nilerr // a log across the wire has no folder, and nobody is known then
	}
	known, err := folderVoucher(data)
	if err == nil && known.id == "" && c.data != "" {
		err = keyless(data)
	}
	return known, err
}

// keyless says what to do where a folder cannot tell who signed.
func keyless(data string) error {
	what := fmt.Sprintf("there is no key of an installation (%s) to judge the signature by", installation.PublicFile(data))
	if missing(data) {
		what = fmt.Sprintf("there is no folder %s, so there is no key to judge the signature by", data)
	}
	return fmt.Errorf("%s: name pm's own data folder with --data, or the key that you trust with --key FILE or --key ID "+
		"(a start of the pm that signed logs its id; every backup of its folder has the file)", what)
}

// folderVoucher is the installation of a data folder, if there is one: the public half of its key, or the private one where only that is left.
func folderVoucher(data string) (voucher, error) {
	id, err := installation.OwnID(data)
	if id == "" || err != nil {
		return voucher{}, err
	}
	from := installation.PublicFile(data)
	if missing(from) {
		from = installation.PrivateFile(data)
	}
	return voucher{id, from}, nil
}

// dataDir is pm's data folder: that of --data, where --eventstore names the log, else the one above the log's.
func (c *cli) dataDir() (string, error) {
	if c.data != "" && c.eventstore != "" {
		if dir := logIn(c.data); dir == c.data {
			return filepath.Join(dir, ".."), nil
		}
		return c.data, nil
	}
	dir, err := c.logDir()
	return filepath.Join(dir, ".."), err
}

// sideFile is a signature whose own form and signature hold; what it speaks of is still to be compared.
type sideFile struct {
	name   string
	signed signature.Signed
}

// vouched reads who is to have signed a file, and the signature beside it; neither where the caller does without.
func (c *cli) vouched(file, key string, unsigned bool) (*sideFile, voucher, error) {
	if unsigned {
		return nil, voucher{}, nil
	}
	known, err := c.voucherOf(key)
	if err != nil {
		return nil, known, err
	}
	side, err := readSide(file, unsigned)
	return side, known, err
}

// readSide reads the signature beside a file. A broken one is a finding; a missing one is an error, since nothing is proven then,
// unless the caller does without: nil.
func readSide(file string, unsigned bool) (*sideFile, error) {
	name := file + signature.Suffix
	if unsigned {
		return nil, nil
	}
	if file == stdin {
		return nil, errors.New("what comes on stdin has no signature beside it: check it alone with --unsigned")
	}
	signed, err := installation.ReadSideFile(name)
	switch {
	case errors.Is(err, signature.ErrSignature):
		return nil, finding(err)
	case errors.Is(err, fs.ErrNotExist) && missing(file):
		return nil, fmt.Errorf("%s: no such file", file)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s %w: there is no %s", file, errUnsigned, name)
	case err != nil:
		return nil, err
	}
	return &sideFile{name, signed}, nil
}

// errUnsigned says that a file has no signature beside it.
var errUnsigned = errors.New("is not signed")

// orUnsigned names the flag that does without a signature, for the verbs that have it.
func orUnsigned(err error) error {
	if errors.Is(err, errUnsigned) {
		return fmt.Errorf("%w; --unsigned takes it on its records alone, and a part that was cut off at the end would not show", err)
	}
	return err
}

// events is how many events were signed; 0 where there is no signature.
func (s *sideFile) events() uint64 {
	if s == nil {
		return 0
	}
	return s.signed.HeadRevision + 1
}

// proof is what a signature was found to prove.
type proof struct {
	signed  signature.Signed
	trusted bool
	known   voucher
}

// prove holds a signature against what is here and who is trusted. One that speaks of something else, or that is not of the trusted
// key, is a finding.
func (s *sideFile) prove(want signature.Statement, known voucher) (proof, error) {
	p := proof{signed: s.signed, known: known, trusted: known.id != "" && s.signed.KeyID == known.id}
	if s.signed.Statement != want.By(s.signed.KeyID) {
		return p, finding(fmt.Errorf("%s: %s: signed was %s, here is %s", strings.TrimSuffix(s.name, signature.Suffix),
			verdict(s.signed.Statement, want), inWords(s.signed.Statement), inWords(want)))
	}
	if known.id != "" && !p.trusted {
		return p, finding(fmt.Errorf("%s: key %s signed it, not the trusted key %s (%s)", s.name, s.signed.KeyID, known.id, known.from))
	}
	return p, nil
}

// verdict says in a word how what is here differs from what was signed.
func verdict(signed, here signature.Statement) string {
	switch {
	case signed.Of != here.Of || signed.Portfolio != here.Portfolio:
		return "the signature is of something else"
	case here.HeadRevision < signed.HeadRevision:
		return fmt.Sprintf("cut: ends at revision %d of %d", here.HeadRevision, signed.HeadRevision)
	case here.HeadRevision > signed.HeadRevision:
		return fmt.Sprintf("longer than what was signed, which ends at revision %d", signed.HeadRevision)
	}
	return "changed since it was signed"
}

// inWords says what a statement speaks of.
func inWords(s signature.Statement) string {
	if s.SHA256 != "" {
		return fmt.Sprintf("%s of %d bytes with SHA-256 %s", s.Of, s.Bytes, s.SHA256)
	}
	return fmt.Sprintf("%s of portfolio %q up to revision %d with hash %s", s.Of, s.Portfolio, s.HeadRevision, s.HeadHash)
}

// members say what was proven, and what was not.
func (p proof) members() document {
	doc := document{{"key_id", p.signed.KeyID}, {"key_trusted", p.trusted}}
	if !p.trusted {
		doc = append(doc, member{"not_proven", p.doubt()})
	}
	return doc
}

// doubt says what a signature without a trusted key leaves open, or "".
func (p proof) doubt() string {
	if p.trusted {
		return ""
	}
	return fmt.Sprintf("who signed: key %s is the one in the side file itself; name the key that you trust with --key FILE or --key ID", p.signed.KeyID)
}

// lines are the same for people.
func (p proof) lines() []string {
	if p.trusted {
		return []string{fmt.Sprintf("signed by key %s, which is the trusted one (%s)", p.signed.KeyID, p.known.from)}
	}
	return []string{"signed by key " + string(p.signed.KeyID), "not proven: " + p.doubt()}
}

// missing says whether a file is not there.
func missing(name string) bool {
	_, err := os.Stat(name)
	return errors.Is(err, fs.ErrNotExist)
}
