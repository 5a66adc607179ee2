package installation

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"pm/eventstore/signature"
)

// The files of the key, in the data folder.
const (
	folder      = "keys"
	privateName = "installation.key"
	publicName  = "installation.pub"
)

// The blocks of the files.
const (
	privateBlock = "PRIVATE KEY"
	publicBlock  = "PUBLIC KEY"
)

// maxFile is the most bytes of a key file; more is none.
const maxFile = 4 << 10

// ErrNoKey says that the data folder has no key.
var ErrNoKey = errors.New("this installation has no key")

// Unusable says why a key file cannot be used, and what to do about it.
type Unusable struct {
	File, Reason, Hint string
}

// Error names the file, the reason and what to do.
func (e *Unusable) Error() string { return fmt.Sprintf("%s: %s; %s", e.File, e.Reason, e.Hint) }

// PrivateFile is where the private key of a data folder stands.
func PrivateFile(data string) string { return filepath.Join(data, folder, privateName) }

// PublicFile is where the public key of a data folder stands.
func PublicFile(data string) string { return filepath.Join(data, folder, publicName) }

// LoadOrCreate loads the key of a data folder and makes one where there never was any: a pinned head says that there was, and with a new key
// that pin would look like somebody else's. A crash on the way leaves no key or a whole one, and of two processes that make one at the
// same time both get the same.
func LoadOrCreate(data string) (*signature.Key, error) {
	key, err := Load(data)
	if errors.Is(err, ErrNoKey) && isThere(PinFile(data)) {
		key, err = Load(data) // another process may have made both meanwhile
		if errors.Is(err, ErrNoKey) {
			keys := filepath.Join(data, folder)
			err = &Unusable{PrivateFile(data), "it is gone, and this folder had a key: " + PinFile(data) + " is signed with it",
				fmt.Sprintf("bring %s back from a backup, private and public half; if there is none, hold the log against an export and the broker's book, "+
					"then remove %s knowingly: the next start makes a new key, which nobody trusts yet", keys, PinFile(data))}
		}
	} else if errors.Is(err, ErrNoKey) {
		if err := create(data); err != nil {
			return nil, fmt.Errorf("make the key of this installation: %w", err)
		}
		key, err = Load(data)
	}
	if err != nil {
		return nil, err
	}
	return key, keepPublic(data, key)
}

// isThere says that something has this name; whatever cannot be looked at counts as there.
func isThere(name string) bool {
	_, err := os.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// Load loads the key of a data folder; ErrNoKey if there is none. It changes nothing.
func Load(data string) (*signature.Key, error) {
	name := PrivateFile(data)
	// Looked at first: the private key is always made before the public one, also by another process at this moment.
	_, publicMissing := os.Stat(PublicFile(data))
	private, err := readPrivate(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && publicMissing == nil:
		return nil, &Unusable{name, "the private key is gone, the public one is still there",
			"bring the private key back from a backup, or move " + publicName + " and " + pinName + " away to begin with a new key, which nobody trusts yet"}
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: there is no %s", ErrNoKey, name)
	case err != nil:
		return nil, err
	}
	key, err := signature.NewKey(private)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	public, err := ReadPublic(PublicFile(data))
	switch {
	case errors.Is(err, fs.ErrNotExist): // it follows from the private one
	case err != nil:
		return nil, err
	case !public.Equal(key.Public()):
		return nil, &Unusable{PublicFile(data), fmt.Sprintf("it is key %s, the private key is %s", signature.IDOf(public), key.ID()),
			"one of the two files is another installation's: bring the right pair back, or move the public one away and start again"}
	}
	return key, nil
}

// readPrivate reads the private key, if nobody else can.
func readPrivate(name string) (ed25519.PrivateKey, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, &Unusable{name, fmt.Sprintf("others can read this private key (mode %04o)", mode),
			"run `chmod 600 " + name + "`; if somebody may have read it, its signatures prove nothing any more"}
	}
	der, err := readBlock(name, privateBlock)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	private, ok := key.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, foreign(name, "it holds no Ed25519 private key")
	}
	return private, nil
}

// ReadPublic reads a public key file.
func ReadPublic(name string) (ed25519.PublicKey, error) {
	der, err := readBlock(name, publicBlock)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(der)
	public, ok := key.(ed25519.PublicKey)
	if err != nil || !ok {
		return nil, foreign(name, "it holds no Ed25519 public key")
	}
	return public, nil
}

// readBlock reads a file that is one PEM block and nothing else.
func readBlock(name, kind string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(text) > maxFile {
		return nil, foreign(name, "it is too long for a key")
	}
	block, rest := pem.Decode(text)
	if block != nil && block.Type != kind && (block.Type == privateBlock || block.Type == publicBlock) {
		return nil, foreign(name, fmt.Sprintf("it is a %s, and a %s belongs there", block.Type, kind))
	}
	if block == nil || block.Type != kind || len(rest) > 0 {
		return nil, foreign(name, fmt.Sprintf("it is no %s in PEM, or a torn one", kind))
	}
	return block.Bytes, nil
}

func foreign(name, reason string) error {
	return &Unusable{name, reason, "bring the file back from a backup, or move it away; a new key is made where there is none, and nobody trusts it yet"}
}
