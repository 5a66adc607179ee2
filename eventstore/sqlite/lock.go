package sqlite

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lockName is the file whose lock the writer holds.
const lockName = "LOCK"

// maxHolder bounds what is read of a lock file, in bytes.
const maxHolder = 4 << 10

// Holder is who writes to a folder, as it stands in the lock file.
type Holder struct {
	PID      int       `json:"pid"`
	Host     string    `json:"host"`
	Instance string    `json:"instance"`
	Since    time.Time `json:"since"`
}

// Locked says that another process, or another log in this one, writes to the folder.
type Locked struct {
	Dir    string
	Holder Holder // zero where the holder has not written its name yet
}

// Error says who holds the folder, and where.
func (e *Locked) Error() string {
	if e.Holder == (Holder{}) {
		return fmt.Sprintf("the log in %s is in use by another process", e.Dir)
	}
	h := e.Holder
	return fmt.Sprintf("the log in %s is in use by process %d on %s (instance %s, since %s): stop it first, or read the log without a lock",
		e.Dir, h.PID, h.Host, h.Instance, h.Since.Format(time.RFC3339))
}

// InUse returns *Locked if a writer has the folder at this moment, nil if nobody has. It makes nothing, and a folder that is not there is
// nobody's. The lock is not kept, so that whoever starts next finds it free: a writer may come right behind the answer.
func InUse(dir string) error {
	f, err := os.Open(filepath.Join(dir, lockName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the lock file: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			return &Locked{Dir: dir, Holder: readHolder(f)}
		}
		return fmt.Errorf("look at the lock of %s: %w", dir, err)
	}
	return nil
}

// lock takes the folder for this process and writes down who it is. The lock ends with the file or with the process.
func lock(dir, instance string) (*os.File, error) {
	name := filepath.Join(dir, lockName)
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer func() { _ = f.Close() }() // nothing was written
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &Locked{Dir: dir, Holder: readHolder(f)}
		}
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	text, err := json.Marshal(Holder{PID: os.Getpid(), Host: host, Instance: instance, Since: time.Now().UTC().Truncate(time.Second)})
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(append(text, '\n'), 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write the lock file: %w", err), f.Close())
	}
	return f, nil
}

// makePrivate makes the file of a new log for its owner alone, before SQLite would make it readable for everybody: positions and equity
// are nobody else's business. SQLite gives its side files the same rights. A file that is there keeps what somebody has given it, and is
// not even opened: closing it would take from every other connection of this process its locks on the file.
func makePrivate(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// readHolder reads who holds a lock; an unreadable text is nobody in particular.
func readHolder(f *os.File) Holder {
	buf := make([]byte, maxHolder)
	n, _ := f.ReadAt(buf, 0)
	var h Holder
	if json.Unmarshal([]byte(strings.TrimSpace(string(buf[:n]))), &h) != nil {
		return Holder{}
	}
	return h
}
