package logtest

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/eventstore"
)

// Store is a kind of log, as the suite uses it.
type Store struct {
	// Open makes a new, empty log of Portfolio; the suite closes it.
	Open func(t *testing.T) eventstore.Log
	// Reopen closes a log and opens the same one again; nil for a log that dies with its process.
	Reopen func(t *testing.T, log eventstore.Log) eventstore.Log
	// Reader opens the same log a second time, for reading, as another process would; nil where that cannot be. The suite closes it.
	Reader func(t *testing.T, log eventstore.Log) eventstore.Log
	// Spoil changes the stored bytes of one revision behind the log's back; nil where nobody can.
	Spoil func(t *testing.T, log eventstore.Log, rev uint64, change func(*eventstore.Record))
	// AppendBytes is the store's own limit of one append; 0 where it takes eventstore.MaxBatchBytes.
	AppendBytes int
}

// promises are the promises of the port, each with its test.
var promises = map[string]func(*testing.T, Store){
	"an empty log ends at its genesis":                           emptyLog,
	"records come back byte for byte and in order":               sameBytes,
	"an append at another head stores nothing and names both":    wrongHead,
	"a batch is stored whole or not at all":                      atomicBatch,
	"of many writers at one head exactly one wins":               oneWriter,
	"every limit holds at its edge":                              limits,
	"chunks are bounded in records and in bytes":                 chunks,
	"a reading ends at the head that it began with":              readToHead,
	"the reader's own error ends a reading":                      readerError,
	"a follower sees the past, then what comes":                  follow,
	"a follower of another handle sees what comes":               followOtherHandle,
	"a follower goes on after a restart where it stopped":        followAcrossReopen,
	"readers beside a writer see sound beginnings of the log":    concurrentReaders,
	"what was appended survives a restart":                       reopened,
	"a cancelled context stores nothing and ends every reading":  canceled,
	"a closed log answers so":                                    closed,
	"a single flipped bit anywhere is found with its revision":   flipped,
	"a changed record with a new hash breaks the chain after it": rehashed,
}

// Outcome is what became of a promise.
type Outcome string

// The outcomes.
const (
	Kept   Outcome = "kept"
	Broken Outcome = "BROKEN"
	None   Outcome = "-" // this kind of log has no second handle, no second life, or nobody can reach its bytes
)

// Run holds a log to the promises of the port and says what became of each.
func Run(t *testing.T, s Store) map[string]Outcome {
	outcomes := map[string]Outcome{}
	for name, test := range promises {
		outcomes[name] = Broken
		t.Run(name, func(t *testing.T) {
			defer func() {
				switch {
				case t.Skipped():
					outcomes[name] = None
				case !t.Failed():
					outcomes[name] = Kept
				}
			}()
			test(t, s)
		})
	}
	return outcomes
}

// open makes a log that is closed when the test ends.
func (s Store) open(t *testing.T) eventstore.Log {
	t.Helper()
	log := s.Open(t)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}

func emptyLog(t *testing.T, s Store) {
	log := s.open(t)
	head, err := log.Head(t.Context())
	require.NoError(t, err)
	require.Equal(t, eventstore.Empty(Portfolio), head)
	require.Equal(t, Portfolio, log.Portfolio())
	require.Empty(t, All(t, log, 0))
}

func sameBytes(t *testing.T, s Store) {
	log := s.open(t)
	recs := Fill(t, log, 40)
	more := Chain(t, End(recs), 1)
	require.NoError(t, log.Append(t.Context(), End(recs), more))
	recs = append(recs, more...)
	require.Equal(t, recs, All(t, log, 0))
	require.Equal(t, recs[17:], All(t, log, 17))
	head, err := log.Head(t.Context())
	require.NoError(t, err)
	require.Equal(t, End(recs), head)
}

func wrongHead(t *testing.T, s Store) {
	log := s.open(t)
	recs := Fill(t, log, 3)
	other := End(recs)
	other.Hash[0] ^= 1
	for _, at := range []eventstore.Head{eventstore.Empty(Portfolio), recs[1].After(), other, {Next: 4, Hash: End(recs).Hash}} {
		var wrong *eventstore.WrongHead
		require.ErrorAs(t, log.Append(t.Context(), at, Chain(t, at, 2)), &wrong)
		require.Equal(t, eventstore.WrongHead{Expected: at, Actual: End(recs)}, *wrong)
	}
	require.Equal(t, recs, All(t, log, 0))
}

func atomicBatch(t *testing.T, s Store) {
	log := s.open(t)
	recs := Fill(t, log, 2)
	good := Chain(t, End(recs), 4)
	for name, spoil := range map[string]func([]eventstore.Record){
		"a flipped bit":       func(b []eventstore.Record) { b[2].Data = append([]byte(" "), b[2].Data...) },
		"a gap":               func(b []eventstore.Record) { b[2] = b[3] },
		"another hash":        func(b []eventstore.Record) { b[3].Hash[0] ^= 1 },
		"another beginning":   func(b []eventstore.Record) { copy(b, Chain(t, recs[0].After(), 4)) },
		"another portfolio's": func(b []eventstore.Record) { b[3] = foreign(t, b[2].After()) },
	} {
		bad := append([]eventstore.Record(nil), good...)
		spoil(bad)
		var corrupt *eventstore.Corrupt
		require.ErrorAs(t, log.Append(t.Context(), End(recs), bad), &corrupt, name)
	}
	require.Error(t, log.Append(t.Context(), End(recs), nil), "a batch of nothing")
	require.Equal(t, recs, All(t, log, 0))
	require.NoError(t, log.Append(t.Context(), End(recs), good))
}

// foreign is a sound record of another portfolio.
func foreign(t *testing.T, at eventstore.Head) eventstore.Record {
	t.Helper()
	by := author
	by.Portfolio = "another"
	rec, _, err := eventstore.NewSealer(at, start, by).Seal(eventstore.Draft{Event: anyEvent(), At: start.AddDate(1, 0, 0)})
	require.NoError(t, err)
	return rec
}

func oneWriter(t *testing.T, s Store) {
	log := s.open(t)
	recs := Fill(t, log, 1)
	const writers = 8
	answers := make(chan error, writers)
	for range writers {
		mine := Chain(t, End(recs), 2)
		go func() { answers <- log.Append(context.Background(), End(recs), mine) }()
	}
	won := 0
	for range writers {
		err := <-answers
		var wrong *eventstore.WrongHead
		if err == nil {
			won++
		} else {
			require.ErrorAs(t, err, &wrong)
		}
	}
	require.Equal(t, 1, won)
	require.Len(t, All(t, log, 0), 3)
}

func limits(t *testing.T, s Store) {
	log := s.open(t)
	head := eventstore.Empty(Portfolio)
	refused := func(recs []eventstore.Record, what string) {
		t.Helper()
		var large *eventstore.TooLarge
		require.ErrorAs(t, log.Append(t.Context(), head, recs), &large)
		require.Equal(t, what, large.What)
		now, err := log.Head(t.Context())
		require.NoError(t, err)
		require.Equal(t, head, now)
	}
	taken := func(recs []eventstore.Record) {
		t.Helper()
		require.NoError(t, log.Append(t.Context(), head, recs))
		head = End(recs)
	}
	many := Chain(t, head, eventstore.MaxBatch+1)
	refused(many, "records of an append")
	taken(many[:eventstore.MaxBatch])
	big := Sized(t, head, 1, eventstore.MaxRecord)
	over := append([]eventstore.Record(nil), big...)
	over[0].Data = append(append([]byte(nil), over[0].Data...), ' ')
	refused(over, "bytes of a record")
	taken(big)
	full := Sized(t, head, eventstore.MaxBatchBytes/eventstore.MaxRecord, eventstore.MaxRecord)
	refused(append(full[:len(full):len(full)], Chain(t, End(full), 1)...), "bytes of an append")
	if s.AppendBytes > 0 {
		refused(full, "bytes of an append for this event store")
		full = full[:s.AppendBytes/eventstore.MaxRecord-1]
	}
	taken(full)
}

// errStop is how a reader of the suite says that it has seen enough.
var errStop = errors.New("seen enough")
