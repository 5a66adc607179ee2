package installation

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"pm/cmd/internal/durable"
	"pm/eventstore/signature"
)

// create makes a key, unless somebody else is faster.
func create(data string) error {
	if err := os.MkdirAll(filepath.Join(data, folder), 0o700); err != nil {
		return err
	}
	if err := durable.SyncDir(data); err != nil {
		return err
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	err = durable.Create(PrivateFile(data), pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: der}))
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// keepPublic writes the public key where it is missing: a crash behind create, or a folder from which somebody moved it away.
func keepPublic(data string, key *signature.Key) error {
	if _, err := os.Stat(PublicFile(data)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("keep the public key: %w", err)
	}
	err = durable.Create(PublicFile(data), pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: der}))
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("keep the public key: %w", err)
	}
	return nil
}
