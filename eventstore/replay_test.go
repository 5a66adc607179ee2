package eventstore_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/logtest"
)

// nothing is a fold that folds nothing.
func nothing(domain.Recorded, eventstore.Hash) error { return nil }

func TestReplayHandsOutEveryEventInOrderWithItsHash(t *testing.T) {
	log := newMemory(t)
	recs := logtest.Fill(t, log, 20*eventstore.ChunkRecords+7)
	for _, from := range []int{0, 1, eventstore.ChunkRecords, len(recs) - 1, len(recs)} {
		next := from
		head, err := eventstore.Replay(t.Context(), log, uint64(from), func(r domain.Recorded, h eventstore.Hash) error {
			require.Equal(t, uint64(next), r.Rev)
			require.Equal(t, recs[next].Hash, h)
			next++
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, len(recs), next)
		require.Equal(t, logtest.End(recs), head)
	}
}

func TestReplayOfAnEmptyLogEndsAtItsGenesis(t *testing.T) {
	log := newMemory(t)
	head, err := eventstore.Replay(t.Context(), log, 0, nothing)
	require.NoError(t, err)
	require.Equal(t, eventstore.Empty(logtest.Portfolio), head)
	_, err = eventstore.Replay(t.Context(), log, 1, nothing)
	require.ErrorContains(t, err, "there is no revision 0: the log ends at empty")
}

func TestReplayChecksTheRecordBeforeTheFirstThatItHandsOut(t *testing.T) {
	log := newMemory(t)
	logtest.Fill(t, log, 5)
	log.Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error {
		if r.Rev == 2 {
			r.Hash[0] ^= 1
		}
		return nil
	}})
	_, err := eventstore.Replay(t.Context(), log, 3, nothing)
	require.ErrorContains(t, err, "DATA_CORRUPT: revision 2")
	_, err = eventstore.Replay(t.Context(), log, 4, nothing)
	require.NoError(t, err, "what lies further back is not read")
}

func TestReplayEndsWithTheFoldsOwnError(t *testing.T) {
	log := newMemory(t)
	logtest.Fill(t, log, 30*eventstore.ChunkRecords)
	stop := errors.New("stop")
	for _, at := range []uint64{0, 700, 15_000} {
		head, err := eventstore.Replay(t.Context(), log, 0, func(r domain.Recorded, _ eventstore.Hash) error {
			if r.Rev == at {
				return stop
			}
			return nil
		})
		require.ErrorIs(t, err, stop)
		require.Equal(t, at+1, head.Next)
	}
}

func TestReplayEndsWithItsContext(t *testing.T) {
	log := newMemory(t)
	logtest.Fill(t, log, 30*eventstore.ChunkRecords)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := eventstore.Replay(ctx, log, 0, func(r domain.Recorded, _ eventstore.Hash) error {
		if r.Rev == 600 {
			cancel()
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
}

// slowEnd is a log whose reading has something left to do after its last chunk.
type slowEnd struct {
	eventstore.Log
	ended *atomic.Bool
}

func (s slowEnd) Read(ctx context.Context, from uint64, each func([]eventstore.Record) error) error {
	defer s.ended.Store(true)
	err := s.Log.Read(ctx, from, each)
	runtime.Gosched()
	return err
}

func TestNothingOfAReplayRunsOnAfterIt(t *testing.T) {
	log := newMemory(t)
	logtest.Fill(t, log, 30*eventstore.ChunkRecords)
	stop := errors.New("stop")
	for range 50 {
		s := slowEnd{log, new(atomic.Bool)}
		_, err := eventstore.Replay(t.Context(), s, 0, func(domain.Recorded, eventstore.Hash) error { return stop })
		require.ErrorIs(t, err, stop)
		require.True(t, s.ended.Load(), "the reading has ended when Replay returns")
	}
}

// cut is a log whose reading ends early without an error, as a truncated file's might.
type cut struct{ eventstore.Log }

func (c cut) Read(ctx context.Context, from uint64, each func([]eventstore.Record) error) error {
	return c.Log.Read(ctx, from, func(recs []eventstore.Record) error { return each(recs[:len(recs)-1]) })
}

func TestALogThatEndsBeforeItsHeadIsCorrupt(t *testing.T) {
	log := newMemory(t)
	logtest.Fill(t, log, 5)
	_, err := eventstore.Replay(t.Context(), cut{log}, 0, nothing)
	require.ErrorContains(t, err, "DATA_CORRUPT: revision 4: the log ends early")
}

// TestReplayAgreesWithTheVerifier damages random bits: the pipeline and the one-by-one check must stop at the same event for the same reason.
func TestReplayAgreesWithTheVerifier(t *testing.T) {
	recs := logtest.Chain(t, eventstore.Empty(logtest.Portfolio), 3*eventstore.ChunkRecords)
	log := newMemory(t)
	require.NoError(t, log.Append(t.Context(), eventstore.Empty(logtest.Portfolio), recs))
	rapid.Check(t, func(t *rapid.T) {
		rev, part, bit := rapid.IntRange(0, len(recs)-1).Draw(t, "rev"), rapid.IntRange(0, 2).Draw(t, "part"), rapid.IntRange(0, 255).Draw(t, "bit")
		spoil := func(r *eventstore.Record) error {
			if r.Rev == uint64(rev) {
				bytes := [][]byte{r.Meta, r.Data, r.Hash[:]}[part]
				bytes[bit/8%len(bytes)] ^= 1 << (bit % 8)
			}
			return nil
		}
		log.Fault(eventstore.Faults{OnRead: spoil})
		seen := 0
		_, got := eventstore.Replay(context.Background(), log, 0, func(domain.Recorded, eventstore.Hash) error { seen++; return nil })
		v, checked := eventstore.NewVerifier(logtest.Portfolio), 0
		want := log.Read(context.Background(), 0, func(recs []eventstore.Record) error {
			for _, r := range recs {
				if _, err := v.Check(r); err != nil {
					return err
				}
				checked++
			}
			return nil
		})
		require.Error(t, want)
		require.EqualError(t, got, want.Error())
		require.Equal(t, checked, seen)
		require.Equal(t, rev, seen)
	})
}

func TestTailGoesOnWithWhatIsAppendedLater(t *testing.T) {
	log := newMemory(t)
	logtest.Fill(t, log, 3)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var seen []uint64
	head, err := eventstore.Tail(ctx, log, 1, func(r domain.Recorded, _ eventstore.Hash) error {
		seen = append(seen, r.Rev)
		switch r.Rev {
		case 2, 4:
			logtest.Fill(t, log, 2)
		case 6:
			cancel()
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []uint64{1, 2, 3, 4, 5, 6}, seen)
	require.Equal(t, uint64(7), head.Next)
}

func TestTailStopsAtADamagedRecord(t *testing.T) {
	log := newMemory(t)
	logtest.Fill(t, log, 1)
	log.Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error {
		if r.Rev == 4 {
			r.Data[0] ^= 1
		}
		return nil
	}})
	_, err := eventstore.Tail(t.Context(), log, 0, func(_ domain.Recorded, _ eventstore.Hash) error {
		logtest.Fill(t, log, 1)
		return nil
	})
	require.ErrorContains(t, err, "DATA_CORRUPT: revision 4")
}
