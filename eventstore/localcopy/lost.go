package localcopy

import (
	"context"
	"errors"
	"fmt"

	"pm/eventstore"
	"pm/eventstore/sqlite"
)

// LostEnd says that the remote log ends before what its own copy proves that it once had: the copy was filled from committed events of it
// alone, holds the remote log's last record at that revision, and goes on from there with its chain unbroken. It is a *eventstore.Corrupt of
// the remote log. The copy is the evidence and stays as it is; who means the shorter log removes its folder.
type LostEnd struct {
	Dir            string          // of the copy
	Remote, Proved eventstore.Head // where the remote log ends, and how far the chain goes on
}

// Error names both ends.
func (l *LostEnd) Error() string { return l.corrupt().Error() }

// Unwrap is what is wrong with the remote log.
func (l *LostEnd) Unwrap() error { return l.corrupt() }

func (l *LostEnd) corrupt() *eventstore.Corrupt {
	return &eventstore.Corrupt{Rev: l.Remote.Next, Reason: fmt.Sprintf("the remote log ends before it, and once went up to %s, as its local copy in %s proves", l.Proved, l.Dir)}
}

// Holds says whether a remote log still has what the copy in a folder proves that it had, for whoever reads that log without the copy: *LostEnd if
// not. The copy, which may be in use, is only read; one that is not there, or cannot be read, proves nothing.
func Holds(ctx context.Context, dir string, remote eventstore.Log) error {
	c, err := sqlite.OpenReader(dir)
	if err != nil || c.Portfolio() != remote.Portfolio() {
		if err == nil {
			_ = c.Close() // another log's
		}
		return nil
	}
	err = shorter(ctx, dir, c, remote)
	return errors.Join(err, c.Close())
}

// shorter holds the length of the remote log against a copy: *LostEnd if the copy proves that there was more. The copy is asked first: it grows
// behind the remote log, so what it has now the remote log has had.
func shorter(ctx context.Context, dir string, c *sqlite.Log, remote eventstore.Log) error {
	mine, err := c.Head(ctx)
	if err != nil {
		return nil //nolint:nilerr // a copy that cannot be read proves nothing
	}
	end, err := remote.Head(ctx)
	if err != nil || end.Next >= mine.Next {
		return err
	}
	if proved := proves(ctx, c, end); proved.Next > end.Next {
		return &LostEnd{Dir: dir, Remote: end, Proved: proved}
	}
	return ctx.Err()
}

// proves is how far a copy continues a head record by record: the head itself where the copy has another record there, or where the next one is
// damaged. Where the copy breaks off further on, what stands before that is proved all the same.
func proves(ctx context.Context, c *sqlite.Log, end eventstore.Head) eventstore.Head {
	check := eventstore.NewLinks(end)
	if end.Next > 0 {
		last, err := at(ctx, c, end.Next-1)
		if err != nil || last == nil || last.Hash != end.Hash || eventstore.NewLinksAt(last.Rev).Check([]eventstore.Record{*last}) != nil {
			return end
		}
	}
	_ = c.Read(ctx, end.Next, check.Check) // an error is where it breaks off
	return check.Head()
}
