package localcopy_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/localcopy"
	"pm/eventstore/logtest"
	"pm/eventstore/sqlite"
)

func TestALogWithALocalCopyKeepsThePromisesOfTheLog(t *testing.T) {
	places := map[eventstore.Log]*place{}
	at := func(t *testing.T, p *place) eventstore.Log {
		log, err := localcopy.Open(t.Context(), p.dir, "test", newHandle(p.remote), localcopy.Options{})
		require.NoError(t, err)
		places[log] = p
		return log
	}
	logtest.Run(t, logtest.Store{
		Open: func(t *testing.T) eventstore.Log { return at(t, newPlace(t)) },
		Reopen: func(t *testing.T, log eventstore.Log) eventstore.Log {
			require.NoError(t, log.Close())
			return at(t, places[log])
		},
		Reader: func(t *testing.T, log eventstore.Log) eventstore.Log {
			return readOnly{at(t, &place{remote: places[log].remote, dir: filepath.Join(t.TempDir(), "copy")})}
		},
		// Both are spoiled: damage of the copy alone is mended and never seen.
		Spoil: func(t *testing.T, log eventstore.Log, rev uint64, change func(*eventstore.Record)) {
			p := places[log]
			var stored eventstore.Record
			require.NoError(t, p.remote.Read(t.Context(), rev, func(recs []eventstore.Record) error { stored = recs[0]; return nil }))
			change(&stored)
			p.remote.Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error {
				if r.Rev == rev {
					change(r)
				}
				return nil
			}})
			put(t, p.dir, stored)
		},
	})
}

func TestOnlyWhatTheCopyLacksIsFetched(t *testing.T) {
	p := newPlace(t)
	recs := logtest.Fill(t, p.remote, 3000)
	log := p.open(t)
	require.Equal(t, recs, logtest.All(t, log, 0), "the first reading fills the copy")
	require.NoError(t, log.Close())
	recs = append(recs, logtest.Fill(t, p.remote, 5)...)
	log = p.open(t)
	fetched := p.readings()
	require.Equal(t, recs, logtest.All(t, log, 0))
	require.Equal(t, 5, *fetched)
	recs = append(recs, logtest.Fill(t, log, 2)...)
	require.Equal(t, recs[10:], logtest.All(t, log, 10))
	require.Equal(t, 5, *fetched, "what was appended here is in the copy")
	require.Empty(t, p.discarded)
}

func TestATruncatedCopyFetchesAgain(t *testing.T) {
	p := newPlace(t)
	recs := logtest.Fill(t, p.remote, 1500)
	log := p.open(t)
	require.Equal(t, recs, logtest.All(t, log, 0))
	require.NoError(t, log.Close())
	for _, left := range []int{1499, 700, 1, 0} {
		execute(t, p.dir, "DELETE FROM events WHERE rev >= ?", left)
		log = p.open(t)
		fetched := p.readings()
		require.Equal(t, recs, logtest.All(t, log, 0))
		require.Equal(t, 1500-left, *fetched)
		require.NoError(t, log.Close())
	}
	require.Empty(t, p.discarded, "a beginning of the log is a sound copy")
}

func TestACopyOfAnotherStreamIsDiscardedAndKeptAside(t *testing.T) {
	p, other := newPlace(t), newPlace(t)
	recs := logtest.Fill(t, p.remote, 100)
	require.NoError(t, other.remote.Append(t.Context(), eventstore.Empty(logtest.Portfolio), logtest.Sized(t, eventstore.Empty(logtest.Portfolio), 60, 700)))
	other.dir = p.dir
	log := other.open(t)
	logtest.All(t, log, 0)
	require.NoError(t, log.Close())
	require.Equal(t, recs, logtest.All(t, p.open(t), 0))
	require.Len(t, p.discarded, 1)
	require.Contains(t, p.discarded[0], "where the remote log has the hash")
	kept, err := sqlite.OpenReader(p.dir + ".discarded")
	require.NoError(t, err)
	require.Len(t, logtest.All(t, kept, 0), 60)
	require.NoError(t, kept.Close())
}

func TestADamagedCopyIsNeverSeenByAReader(t *testing.T) {
	recs := logtest.Chain(t, eventstore.Empty(logtest.Portfolio), 1300)
	forged := recs[700]
	forged.Data = append([]byte(nil), forged.Data...)
	forged.Data[3] ^= 4
	rehashed := forged
	rehashed.Hash = eventstore.HashOf(rehashed.Meta, rehashed.Data)
	edge := recs[eventstore.ChunkRecords-1]
	edge.Data = append([]byte(nil), edge.Data...)
	edge.Data[3] ^= 4
	edge.Hash = eventstore.HashOf(edge.Meta, edge.Data)
	swapped := recs[701]
	swapped.Rev = 700
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"a flipped bit":                  func(t *testing.T, dir string) { put(t, dir, forged) },
		"a flipped bit with a new hash":  func(t *testing.T, dir string) { put(t, dir, rehashed) },
		"the same at the end of a chunk": func(t *testing.T, dir string) { put(t, dir, edge) },
		"another record in its place":    func(t *testing.T, dir string) { put(t, dir, swapped) },
		"a record dropped":               func(t *testing.T, dir string) { execute(t, dir, "DELETE FROM events WHERE rev = 700") },
		"a hash cut off":                 func(t *testing.T, dir string) { execute(t, dir, "UPDATE events SET hash = x'00' WHERE rev = 700") },
		"the last hash changed": func(t *testing.T, dir string) {
			execute(t, dir, "UPDATE events SET hash = zeroblob(32) WHERE rev = 1299")
		},
		"the last record changed, not its hash": func(t *testing.T, dir string) { execute(t, dir, "UPDATE events SET data = x'7b7d' WHERE rev = 1299") },
		"a file that is no database": func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "events.db"), []byte("no database, but long enough for a header of one"), 0o600))
		},
		"a layout of a newer build": func(t *testing.T, dir string) { execute(t, dir, "PRAGMA user_version = 9") },
		"another portfolio's":       func(t *testing.T, dir string) { execute(t, dir, "UPDATE log SET portfolio = 'x'") },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			require.NoError(t, p.remote.Append(t.Context(), eventstore.Empty(logtest.Portfolio), recs))
			log := p.open(t)
			logtest.All(t, log, 0)
			require.NoError(t, log.Close())
			spoil(t, p.dir)
			log = p.open(t)
			seen := uint64(0)
			head, err := eventstore.Replay(t.Context(), log, 0, func(domain.Recorded, eventstore.Hash) error { seen++; return nil })
			require.NoError(t, err, "mended from the remote log in the same reading")
			require.Equal(t, logtest.End(recs), head)
			require.Equal(t, uint64(len(recs)), seen)
			require.Len(t, p.discarded, 1)
			fetched := p.readings()
			require.Equal(t, recs, logtest.All(t, log, 0))
			require.Zero(t, *fetched, "the new copy is whole")
		})
	}
}

func TestAForgedBeginningThatWasHandedOutEndsTheReading(t *testing.T) {
	p := newPlace(t)
	recs := logtest.Fill(t, p.remote, 3*eventstore.ChunkRecords)
	log := p.open(t)
	logtest.All(t, log, 0)
	require.NoError(t, log.Close())
	at := eventstore.Empty(logtest.Portfolio)
	put(t, p.dir, logtest.Sized(t, at, 2*eventstore.ChunkRecords, 700)...)
	log = p.open(t)
	err := log.Read(t.Context(), 0, func([]eventstore.Record) error { return nil })
	require.ErrorIs(t, err, localcopy.ErrCopyChanged)
	require.Equal(t, recs, logtest.All(t, log, 0), "the next reading is sound")
	require.Len(t, p.discarded, 1)
}

func TestARemoteLogThatDoesNotVerifyIsHandedOutAsItIsStored(t *testing.T) {
	p := newPlace(t)
	logtest.Fill(t, p.remote, 1300)
	p.remote.Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error {
		if r.Rev == 900 {
			r.Data[5] ^= 1
		}
		return nil
	}})
	log := p.open(t)
	_, err := eventstore.Replay(t.Context(), log, 0, func(domain.Recorded, eventstore.Hash) error { return nil })
	var corrupt *eventstore.Corrupt
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, uint64(900), corrupt.Rev)
}

func TestACopyThatCannotBeMadeStopsNobody(t *testing.T) {
	p := newPlace(t)
	require.NoError(t, os.WriteFile(p.dir, []byte("a file where the folder should be"), 0o600))
	require.NoError(t, os.MkdirAll(p.dir+".discarded/full", 0o700))
	log := p.open(t)
	recs := logtest.Fill(t, log, 10)
	require.Equal(t, recs, logtest.All(t, log, 0))
	require.Len(t, p.discarded, 1)
}

func TestASecondProcessLearnsWhoHasTheCopy(t *testing.T) {
	p := newPlace(t)
	p.open(t)
	_, err := localcopy.Open(t.Context(), p.dir, "second", newHandle(p.remote), localcopy.Options{})
	var locked *sqlite.Locked
	require.ErrorAs(t, err, &locked)
}

func TestAFollowerSeesWhatOthersAppend(t *testing.T) {
	p := newPlace(t)
	recs := logtest.Fill(t, p.remote, 5)
	log := p.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	var seen []eventstore.Record
	err := log.Follow(ctx, 0, func(chunk []eventstore.Record) error {
		seen = append(seen, chunk...)
		if len(seen) < 20 {
			recs = append(recs, logtest.Fill(t, p.remote, 1)...)
			recs = append(recs, logtest.Fill(t, log, 2)...)
		} else {
			cancel()
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, recs[:len(seen)], seen)
	require.GreaterOrEqual(t, len(seen), 20)
}

func TestWhileSomebodyFollowsTheFeedFillsTheCopy(t *testing.T) {
	p := newPlace(t)
	log := p.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	begun, ended := make(chan struct{}, 1), make(chan error, 1)
	seen := make(chan uint64, 100)
	go func() {
		ended <- log.Follow(ctx, 0, func(recs []eventstore.Record) error {
			for _, r := range recs {
				seen <- r.Rev
			}
			select {
			case begun <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	recs := logtest.Fill(t, log, 1)
	<-begun
	for range 20 {
		recs = append(recs, logtest.Fill(t, log, 2)...)
		require.Equal(t, recs, logtest.All(t, log, 0), "a reading sees what was appended, wherever the copy is")
	}
	for want := range uint64(len(recs)) {
		require.Equal(t, want, <-seen)
	}
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	fetched := p.readings()
	require.Equal(t, recs, logtest.All(t, log, 0))
	require.Zero(t, *fetched, "whoever followed has seen it in the copy")
}

func TestAFollowerDoesNotEndBecauseTheRemoteLogIsAwayForAMoment(t *testing.T) {
	p := newPlace(t)
	recs := logtest.Fill(t, p.remote, 5)
	remote := newHandle(p.remote)
	log, err := localcopy.Open(t.Context(), p.dir, "test", remote, localcopy.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	remote.away.Store(true)
	require.ErrorContains(t, log.Read(t.Context(), 0, func([]eventstore.Record) error { return nil }), "the remote log is away")
	ctx, cancel := context.WithCancel(t.Context())
	var seen []eventstore.Record
	require.ErrorIs(t, log.Follow(ctx, 2, func(chunk []eventstore.Record) error {
		if seen = append(seen, chunk...); len(seen) == 3 {
			cancel()
		}
		return nil
	}), context.Canceled)
	require.Equal(t, recs[2:], seen)
}

func TestAnAppendInDoubtIsInTheCopyOnceItIsFoundOut(t *testing.T) {
	p := newPlace(t)
	log := p.open(t)
	recs := logtest.Fill(t, log, 2)
	p.remote.Fault(eventstore.Faults{AfterAppend: func(context.Context, eventstore.Head, []eventstore.Record) error { return eventstore.ErrOutcomeUnknown }})
	more := logtest.Chain(t, logtest.End(recs), 2)
	require.ErrorIs(t, log.Append(t.Context(), logtest.End(recs), more), eventstore.ErrOutcomeUnknown)
	p.remote.Fault(eventstore.Faults{})
	var wrong *eventstore.WrongHead
	require.ErrorAs(t, log.Append(t.Context(), logtest.End(recs), more), &wrong)
	require.Equal(t, append(recs, more...), logtest.All(t, log, 0))
	logtest.Fill(t, log, 1)
	require.Len(t, logtest.All(t, log, 0), 5)
}
