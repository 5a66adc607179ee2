package projections

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/eventstore"
	"pm/projections/tables"
)

// Waited makes the oldest event of a follower that is not written so old.
func Waited(f *Follower, d time.Duration) { f.since = time.Now().Add(-d - time.Millisecond) }

// Gathering makes a follower write whenever so many bytes of history wait.
func Gathering(f *Follower, bytes int) { f.o.gathered = bytes }

// Folded is how many events a follower has folded.
func Folded(f *Follower) uint64 {
	return f.next.Load()
}

// Backoffs are the waits of a follower whose looks end badly so many times in a row.
func Backoffs(log eventstore.Log, s Snapshot, looks int) (waits []time.Duration) {
	f := NewFollower(log, s, FollowerOptions{})
	for range looks {
		before := time.Now()
		f.again()
		waits = append(waits, f.retryAt.Sub(before).Round(time.Second))
	}
	return waits
}

// Folding reads a log to its end beside a snapshot's head: how often the head was asked for, and what the tables held at it and hold
// at the end.
func Folding(t testing.TB, log eventstore.Log, head *SnapshotHead) (asked int, at, end tables.Content) {
	t.Helper()
	f, err := foldUp(t.Context(), log, func() *SnapshotHead {
		asked++
		return head
	})
	require.NoError(t, err)
	return asked, f.content, f.Content()
}
