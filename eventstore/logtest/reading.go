package logtest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

// patience bounds every wait of the suite; it is reached only by a log that fails.
const patience = 20 * time.Second

// anyEvent is an event like any other.
func anyEvent() domain.Event { return &domain.AlarmRaised{Code: "logtest", Subject: "any"} }

func chunks(t *testing.T, s Store) {
	log := s.open(t)
	recs := Fill(t, log, 2*eventstore.ChunkRecords+1)
	big := Sized(t, End(recs), 6, eventstore.ChunkBytes/4)
	require.NoError(t, log.Append(t.Context(), End(recs), big))
	var sizes []int
	require.NoError(t, log.Read(t.Context(), 0, func(c []eventstore.Record) error {
		sizes = append(sizes, len(c))
		return nil
	}))
	// The third chunk holds the one record left over and as many big ones as reach ChunkBytes.
	require.Equal(t, []int{eventstore.ChunkRecords, eventstore.ChunkRecords, 5, 2}, sizes)
}

func readToHead(t *testing.T, s Store) {
	log := s.open(t)
	recs := Fill(t, log, eventstore.ChunkRecords+5)
	seen := 0
	require.NoError(t, log.Read(t.Context(), 0, func(c []eventstore.Record) error {
		if seen == 0 {
			require.NoError(t, log.Append(t.Context(), End(recs), Chain(t, End(recs), 3)))
		}
		seen += len(c)
		return nil
	}))
	require.Equal(t, len(recs), seen)
	require.Len(t, All(t, log, 0), len(recs)+3)
	require.Empty(t, All(t, log, uint64(len(recs)+3)), "from the head on there is nothing")
	require.Empty(t, All(t, log, 1<<40), "nor beyond it")
}

func readerError(t *testing.T, s Store) {
	log := s.open(t)
	Fill(t, log, eventstore.ChunkRecords+1)
	calls := 0
	stop := func([]eventstore.Record) error { calls++; return errStop }
	require.ErrorIs(t, log.Read(t.Context(), 0, stop), errStop)
	require.ErrorIs(t, log.Follow(t.Context(), 0, stop), errStop)
	require.Equal(t, 2, calls)
}

// follower runs Follow from a revision and hands its records out one by one.
type follower struct {
	recs   chan eventstore.Record
	ended  chan error
	cancel context.CancelFunc
}

func startFollower(t *testing.T, log eventstore.Log, from uint64) *follower {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f := &follower{recs: make(chan eventstore.Record), ended: make(chan error, 1), cancel: cancel}
	go func() {
		f.ended <- log.Follow(ctx, from, func(c []eventstore.Record) error {
			for _, r := range c {
				select {
				case f.recs <- r:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	}()
	t.Cleanup(cancel)
	return f
}

// expect takes the next records.
func (f *follower) expect(t *testing.T, want []eventstore.Record) {
	t.Helper()
	for _, w := range want {
		select {
		case got := <-f.recs:
			require.Equal(t, w, got)
		case err := <-f.ended:
			require.FailNow(t, "the follower ended", "%v", err)
		case <-time.After(patience):
			require.FailNow(t, "the follower saw nothing", "revision %d is missing", w.Rev)
		}
	}
}

// end waits for the follower's error.
func (f *follower) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-f.ended:
		return err
	case <-time.After(patience):
		require.FailNow(t, "the follower did not end")
		return nil
	}
}

func follow(t *testing.T, s Store) {
	log := s.open(t)
	recs := Fill(t, log, 5)
	f := startFollower(t, log, 2)
	f.expect(t, recs[2:])
	for range 3 {
		more := Fill(t, log, 2)
		f.expect(t, more)
	}
	f.cancel()
	require.ErrorIs(t, f.end(t), context.Canceled)
	early := startFollower(t, log, 13)
	Fill(t, log, 1)
	early.expect(t, Fill(t, log, 3)[1:])
	early.cancel()
	require.ErrorIs(t, early.end(t), context.Canceled)
}

func followOtherHandle(t *testing.T, s Store) {
	if s.Reader == nil {
		t.Skip("this kind of log has one handle")
	}
	log := s.open(t)
	recs := Fill(t, log, 3)
	reader := s.Reader(t, log)
	f := startFollower(t, reader, 0)
	f.expect(t, recs)
	f.expect(t, Fill(t, log, 2))
	require.Error(t, reader.Append(t.Context(), End(recs), Chain(t, End(recs), 1)), "a second handle does not write")
	require.NoError(t, reader.Close())
	require.ErrorIs(t, f.end(t), eventstore.ErrClosed)
}

func followAcrossReopen(t *testing.T, s Store) {
	if s.Reopen == nil {
		t.Skip("this kind of log dies with its process")
	}
	log := s.Open(t)
	recs := Fill(t, log, 3)
	f := startFollower(t, log, 0)
	f.expect(t, recs)
	log = s.Reopen(t, log)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	require.ErrorIs(t, f.end(t), eventstore.ErrClosed)
	f = startFollower(t, log, 3)
	f.expect(t, Fill(t, log, 2))
	f.cancel()
	require.ErrorIs(t, f.end(t), context.Canceled)
}

func concurrentReaders(t *testing.T, s Store) {
	log := s.open(t)
	Fill(t, log, 10)
	const readers, rounds = 4, 25
	ended := make(chan error, readers)
	for range readers {
		go func() {
			for range rounds {
				n := uint64(0)
				head, err := eventstore.Replay(context.Background(), log, 0, func(domain.Recorded, eventstore.Hash) error { n++; return nil })
				if err != nil || head.Next != n || n%10 != 0 {
					ended <- &eventstore.Corrupt{Rev: n, Reason: "a reader saw half an append, or an error"}
					return
				}
			}
			ended <- nil
		}()
	}
	for range 60 {
		Fill(t, log, 10)
	}
	for range readers {
		require.NoError(t, <-ended)
	}
}

func reopened(t *testing.T, s Store) {
	if s.Reopen == nil {
		t.Skip("this kind of log dies with its process")
	}
	log := s.Open(t)
	recs := Fill(t, log, 700)
	for range 3 {
		log = s.Reopen(t, log)
		require.Equal(t, recs, All(t, log, 0))
		recs = append(recs, Fill(t, log, 1)...)
	}
	require.NoError(t, log.Close())
}

func canceled(t *testing.T, s Store) {
	log := s.open(t)
	recs := Fill(t, log, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	none := func([]eventstore.Record) error { return errStop }
	require.ErrorIs(t, log.Append(ctx, End(recs), Chain(t, End(recs), 1)), context.Canceled)
	require.ErrorIs(t, log.Read(ctx, 0, none), context.Canceled)
	require.ErrorIs(t, log.Follow(ctx, 0, none), context.Canceled)
	_, err := log.Head(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, recs, All(t, log, 0))
}

func closed(t *testing.T, s Store) {
	log := s.Open(t)
	recs := Fill(t, log, 1)
	f := startFollower(t, log, 0)
	f.expect(t, recs)
	require.NoError(t, log.Close())
	require.ErrorIs(t, f.end(t), eventstore.ErrClosed)
	none := func([]eventstore.Record) error { return errStop }
	require.ErrorIs(t, log.Append(t.Context(), End(recs), Chain(t, End(recs), 1)), eventstore.ErrClosed)
	require.ErrorIs(t, log.Read(t.Context(), 0, none), eventstore.ErrClosed)
	require.ErrorIs(t, log.Follow(t.Context(), 0, none), eventstore.ErrClosed)
	_, err := log.Head(t.Context())
	require.ErrorIs(t, err, eventstore.ErrClosed)
	require.NoError(t, log.Close(), "closing twice is no error")
}
