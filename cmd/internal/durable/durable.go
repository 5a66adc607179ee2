// Package durable writes small files so that a crash leaves the old content or the new one, never a part, and so that what was
// written is still there after the power went: the content is synced before the name points at it, the folder after.
package durable

import (
	"errors"
	"os"
	"path/filepath"
)

// newSuffix is what a file is called behind its name while Write writes it. One name, so that kills leave one such file at most.
const newSuffix = ".new"

// Write puts content under a name, in place of what stood there. The file is its owner's alone (0600). One process at a time
// writes a name.
func Write(name string, content []byte) error {
	f, err := os.OpenFile(name+newSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return put(f, content, name, os.Rename)
}

// Create puts content under a name that is free; an error that is fs.ErrExist says that it was not, and nothing was changed.
func Create(name string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*"+newSuffix)
	if err != nil {
		return err
	}
	return put(f, content, name, os.Link)
}

// put fills the temporary file and then lets place give it the name, which happens whole or not at all.
func put(f *os.File, content []byte, name string, place func(from, to string) error) error {
	defer func() { _ = os.Remove(f.Name()) }() // after a rename nothing is there any more
	_, err := f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = place(f.Name(), name)
	}
	if err != nil {
		return err
	}
	return SyncDir(filepath.Dir(name))
}

// SyncDir makes the names in a folder durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
