package installation

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"pm/cmd/internal/durable"
	"pm/eventstore/signature"
)

// SignFile signs a statement about a file and keeps it beside the file, in place of an older one.
func SignFile(key *signature.Key, name string, s signature.Statement) error {
	text, err := key.Sign(s)
	if err == nil {
		err = durable.Write(name+signature.Suffix, text)
	}
	if err != nil {
		return fmt.Errorf("sign %s: %w", name, err)
	}
	return nil
}

// ReadSideFile reads and checks a side file. A broken one is signature.ErrSignature, a missing one fs.ErrNotExist.
func ReadSideFile(name string) (signature.Signed, error) {
	f, err := os.Open(name)
	if err != nil {
		return signature.Signed{}, err
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, signature.MaxSize+1))
	if err != nil {
		return signature.Signed{}, fmt.Errorf("read %s: %w", name, err)
	}
	signed, err := signature.Parse(text)
	if err != nil {
		return signed, fmt.Errorf("%s: %w", name, err)
	}
	return signed, nil
}

// Trusted gives the id of a key that somebody trusts: a public key file, or the id itself.
func Trusted(fileOrID string) (signature.KeyID, error) {
	public, err := ReadPublic(fileOrID)
	if errors.Is(err, fs.ErrNotExist) {
		id, idErr := signature.ParseKeyID(fileOrID)
		if idErr != nil {
			return "", fmt.Errorf("there is no public key file of this name, and %w", idErr)
		}
		return id, nil
	}
	// What is to be done about a key of this installation is no advice about a file that somebody has named, perhaps the wrong one.
	var unusable *Unusable
	if errors.As(err, &unusable) {
		return "", fmt.Errorf("%s; a public key file is one PEM block that begins with -----BEGIN %s-----, as %s in the folder keys/ of pm's data folder: "+
			"name that one, or the id of the key", unusable.Reason, publicBlock, publicName)
	}
	if err != nil {
		return "", err
	}
	return signature.IDOf(public), nil
}
