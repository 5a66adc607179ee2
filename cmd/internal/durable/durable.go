// Package durable writes small files so that a crash leaves the old content or the new one, never a part, and so that what was
// written is still there after the power went: the content is synced before the name points at it, the folder after.
package durable

import (
	"errors"
	"os"
	"path/filepath"
)

// Write puts content under a name, in place of what stood there. The file is its owner's alone (0600).
func Write(name string, content []byte) error { return put(name, content, os.Rename) }

// Create puts content under a name that is free; an error that is fs.ErrExist says that it was not, and nothing was changed.
func Create(name string, content []byte) error { return put(name, content, os.Link) }

// put writes a temporary file beside the name and then lets place give it the name, which happens whole or not at all.
func put(name string, content []byte, place func(from, to string) error) error {
	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, ".writing-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after a rename nothing is there any more
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = place(f.Name(), name)
	}
	if err != nil {
		return err
	}
	return SyncDir(dir)
}

// SyncDir makes the names in a folder durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
