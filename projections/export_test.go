package projections

import (
	"context"
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

// RowsMade is how many rows of history a fold makes that is held against a snapshot.
func RowsMade(ctx context.Context, log eventstore.Log, o RecoverOptions) (rows uint64, err error) {
	f, err := foldUp(ctx, log, readSnapshot(ctx, o))
	if err != nil {
		return 0, err
	}
	for _, sum := range f.Content().History {
		rows += sum.Rows
	}
	return rows, nil
}

// AllocationsOfComparing is how many allocations it takes to compare two lists of lines.
func AllocationsOfComparing(t tables.Table, ours, theirs []string) float64 {
	return testing.AllocsPerRun(10, func() { (&findings{}).compareRows(t, 1, ours, theirs) })
}

// Folding reads a log to its end beside a snapshot's head that is known from the beginning: what the tables held at it and hold at the end.
func Folding(t testing.TB, log eventstore.Log, head *SnapshotHead) (at, end tables.Content) {
	t.Helper()
	known := make(chan struct{})
	close(known)
	f, err := foldUp(t.Context(), log, &snapshotReading{ready: known, head: head})
	require.NoError(t, err)
	return f.content, f.Content()
}
