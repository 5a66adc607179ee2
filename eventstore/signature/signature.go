package signature

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"pm/domain/canon"
)

// MaxSize is the most bytes that a side file can have; a longer one is none.
const MaxSize = 4 << 10

// idBytes is how many bytes of the hash of a public key make its id.
const idBytes = 16

// KeyID names a public key: 32 hex digits.
type KeyID string

// IDOf is the id of a public key.
func IDOf(public ed25519.PublicKey) KeyID {
	sum := sha256.Sum256(public)
	return KeyID(hex.EncodeToString(sum[:idBytes]))
}

// ParseKeyID reads 32 lower-case hex digits.
func ParseKeyID(s string) (KeyID, error) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != idBytes || hex.EncodeToString(raw) != s {
		return "", fmt.Errorf("a key id has %d digits of 0-9 and a-f, and %q has not", 2*idBytes, s)
	}
	return KeyID(s), nil
}

// Key signs. Its private half never leaves it.
type Key struct {
	private ed25519.PrivateKey
	id      KeyID
}

// NewKey takes a private key into use.
func NewKey(private ed25519.PrivateKey) (*Key, error) {
	if len(private) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("an Ed25519 private key has %d bytes, not %d", ed25519.PrivateKeySize, len(private))
	}
	k := &Key{private: private}
	k.id = IDOf(k.Public())
	return k, nil
}

// ID names the key.
func (k *Key) ID() KeyID { return k.id }

// Public is the half that everybody may know.
func (k *Key) Public() ed25519.PublicKey {
	return k.private.Public().(ed25519.PublicKey) //nolint:forcetypeassert // crypto/ed25519 documents it
}

// String keeps the private half out of logs and messages.
func (k *Key) String() string { return "key " + string(k.id) }

// GoString does the same for %#v.
func (k *Key) GoString() string { return k.String() }

// document is the side file.
type document struct {
	Signed    Statement `json:"signed"`
	PublicKey string    `json:"public_key"`
	Signature string    `json:"signature"`
}

// Sign makes the side file for a statement. The same key and statement make the same bytes.
func (k *Key) Sign(s Statement) ([]byte, error) {
	s = s.By(k.id)
	message, err := canon.Append(nil, s)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	doc := document{s, hex.EncodeToString(k.Public()), hex.EncodeToString(ed25519.Sign(k.private, message))}
	text, err := canon.Append(nil, doc)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return append(text, '\n'), nil
}

// Signed is a statement whose signature is that of the public key beside it.
type Signed struct {
	Statement
	PublicKey ed25519.PublicKey
}

// ErrSignature says that a side file is none, or that its signature is not over what it says. It is a finding, not a failure to look.
var ErrSignature = errors.New("the signature does not hold")

// Parse reads a side file and checks its form, its key id and its signature, byte by byte: a file that was changed anywhere is an
// ErrSignature. What it speaks of, and whose key it is, is for the caller to compare.
func Parse(text []byte) (Signed, error) {
	if len(text) > MaxSize {
		return Signed{}, fmt.Errorf("%w: %d bytes, at most %d make a side file", ErrSignature, len(text), MaxSize)
	}
	line, ended := bytes.CutSuffix(text, []byte("\n"))
	if !ended {
		return Signed{}, fmt.Errorf("%w: the side file is not in the form %s: its line end is missing", ErrSignature, Format)
	}
	var doc document
	if err := canon.Decode(line, &doc); err != nil {
		return Signed{}, fmt.Errorf("%w: the side file is not in the form %s: %w", ErrSignature, Format, err)
	}
	if doc.Signed.Format != Format {
		return Signed{}, fmt.Errorf("%w: its form is %q, this build knows %s", ErrSignature, doc.Signed.Format, Format)
	}
	public, err := lowerHex(doc.PublicKey, ed25519.PublicKeySize)
	if err != nil {
		return Signed{}, fmt.Errorf("%w: the public key: %w", ErrSignature, err)
	}
	if id := IDOf(public); id != doc.Signed.KeyID {
		return Signed{}, fmt.Errorf("%w: the public key in it is %s, the signed key id is %s", ErrSignature, id, doc.Signed.KeyID)
	}
	sig, err := lowerHex(doc.Signature, ed25519.SignatureSize)
	if err != nil {
		return Signed{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	message, err := canon.Append(nil, doc.Signed)
	if err != nil {
		return Signed{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if !ed25519.Verify(public, message, sig) {
		return Signed{}, fmt.Errorf("%w: key %s did not sign what the side file says", ErrSignature, doc.Signed.KeyID)
	}
	return Signed{doc.Signed, public}, nil
}

// lowerHex reads n bytes from lower-case hex: a signature has one spelling, so that no byte of a side file can change unseen.
func lowerHex(s string, n int) ([]byte, error) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != n || hex.EncodeToString(raw) != s {
		return nil, fmt.Errorf("it is not %d bytes in lower-case hex", n)
	}
	return raw, nil
}
