package esdb_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/esdb/esdbtest"
	"pm/eventstore/logtest"
)

// hasty are options with which a lost answer costs little time.
func hasty() esdb.Options {
	o := quick()
	o.AppendDeadline = 60 * time.Millisecond
	return o
}

// fill appends n records as the engine does: what is unknown is asked again. On a busy machine a hasty append needs that now and then.
func fill(t *testing.T, log eventstore.Log, n int) []eventstore.Record {
	t.Helper()
	head, err := log.Head(t.Context())
	require.NoError(t, err)
	recs := logtest.Chain(t, head, n)
	appendUntilKnown(t, log, head, recs)
	return recs
}

func appendUntilKnown(t *testing.T, log eventstore.Log, at eventstore.Head, recs []eventstore.Record) {
	t.Helper()
	err := log.Append(t.Context(), at, recs)
	for errors.Is(err, eventstore.ErrOutcomeUnknown) {
		err = log.Append(t.Context(), at, recs)
	}
	require.NoError(t, err)
}

// lateServer answers late by more than hasty waits.
func lateServer(t *testing.T) *esdbtest.Server {
	return esdbtest.Start(t, esdbtest.Options{LateBy: 150 * time.Millisecond})
}

func TestAnAppendWhoseAnswerIsLostIsFoundOut(t *testing.T) {
	for name, fault := range map[string]esdbtest.Fault{
		"stored and never answered": esdbtest.LoseAnswer, "stored and answered late": esdbtest.LateAnswer, "stored, then reset": esdbtest.ResetAfter,
		"reset before": esdbtest.ResetBefore, "stored when nobody waits any more": esdbtest.StoreLate, "not the leader": esdbtest.NotLeader,
		"the server's deadline": esdbtest.Expired, "every connection cut": esdbtest.Drop, "a wrong version for no reason": esdbtest.WrongVersion,
	} {
		t.Run(name, func(t *testing.T) {
			s := lateServer(t)
			log := open(t, s, hasty())
			recs := fill(t, log, 3)
			s.FailAppends(fault, fault)
			recs = append(recs, fill(t, log, 2)...)
			recs = append(recs, fill(t, log, 2)...)
			require.NoError(t, log.Close())
			require.NoError(t, s.Stop()) // waits for what is stored late
			s = s.Restart(t)
			require.Equal(t, recs, logtest.All(t, open(t, s, quick()), 0), "each record once, in order")
		})
	}
}

func TestAnAppendHasItsOwnDeadline(t *testing.T) {
	s := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, s, esdb.Options{})
	s.FailAppends(esdbtest.LoseAnswer)
	began := time.Now()
	fill(t, log, 1)
	require.GreaterOrEqual(t, time.Since(began), esdb.AppendDeadline)
	require.Less(t, time.Since(began), 8*time.Second, "not the 10 s of the library")
	require.Len(t, logtest.All(t, log, 0), 1, "the record was found, or sent again under the same id")
}

func TestWhereAnotherWriterCameFirstTheAppendSaysSo(t *testing.T) {
	s := lateServer(t)
	mine, other := open(t, s, quick()), open(t, s, quick())
	recs := logtest.Fill(t, mine, 2)
	at := logtest.End(recs)
	theirs := logtest.Sized(t, at, 2, 700)
	require.NoError(t, other.Append(t.Context(), at, theirs))
	for _, fault := range []esdbtest.Fault{esdbtest.None, esdbtest.ResetBefore, esdbtest.Expired} {
		s.FailAppends(fault)
		log := open(t, s, quick())
		var wrong *eventstore.WrongHead
		require.ErrorAs(t, log.Append(t.Context(), at, logtest.Chain(t, at, 2)), &wrong)
		require.Equal(t, eventstore.WrongHead{Expected: at, Actual: logtest.End(theirs)}, *wrong)
	}
	var wrong *eventstore.WrongHead
	require.ErrorAs(t, mine.Append(t.Context(), at, logtest.Chain(t, at, 2)), &wrong, "also for the writer that still believes in the old head")
	require.Equal(t, append(recs, theirs...), logtest.All(t, mine, 0))
}

func TestTheSameIdWithOtherBytesIsNotOurs(t *testing.T) {
	for name, faults := range map[string][]esdbtest.Fault{
		"answered": nil, "broken off": {esdbtest.ResetBefore}, "broken off, then answered": {esdbtest.ResetBefore, esdbtest.None},
	} {
		t.Run(name, func(t *testing.T) {
			s := lateServer(t)
			mine, other := open(t, s, quick()), open(t, s, quick())
			at := eventstore.Empty(logtest.Portfolio)
			recs := logtest.Chain(t, at, 1)
			theirs := twin(t, at, recs[0])
			require.NoError(t, other.Append(t.Context(), at, theirs))
			s.FailAppends(faults...)
			var wrong *eventstore.WrongHead
			require.ErrorAs(t, mine.Append(t.Context(), at, recs), &wrong, "the server has the id and says that all is well")
			require.Equal(t, logtest.End(theirs), wrong.Actual)
			require.Equal(t, theirs, logtest.All(t, mine, 0))
		})
	}
}

// twin is a record with the same place, data and so the same id, by another instance.
func twin(t *testing.T, at eventstore.Head, of eventstore.Record) []eventstore.Record {
	t.Helper()
	got, err := eventstore.Decode(of)
	require.NoError(t, err)
	sealer := eventstore.NewSealer(at, time.Time{}, eventstore.Author{Portfolio: logtest.Portfolio, Instance: "another", Build: "test", Epoch: 1})
	rec, _, err := sealer.Seal(eventstore.Draft{Event: got.Event, At: got.At})
	require.NoError(t, err)
	same, err := eventstore.Decode(rec)
	require.NoError(t, err)
	require.Equal(t, got.ID, same.ID)
	require.NotEqual(t, of.Hash, rec.Hash)
	return []eventstore.Record{rec}
}

func TestARefusalBehindATryInDoubtLeavesTheDoubt(t *testing.T) {
	s := lateServer(t)
	log := open(t, s, hasty())
	recs := fill(t, log, 1)
	s.FailAppends(esdbtest.StoreLate, esdbtest.Denied)
	more := logtest.Chain(t, logtest.End(recs), 1)
	if err := log.Append(t.Context(), logtest.End(recs), more); err != nil { // a busy machine may find it stored already
		require.ErrorIs(t, err, eventstore.ErrOutcomeUnknown)
		require.ErrorContains(t, err, "Denied")
	}
	appendUntilKnown(t, log, logtest.End(recs), more)
	require.Equal(t, slices.Concat(recs, more), logtest.All(t, log, 0))
}

func TestWhatCannotBeFoundOutIsUnknownUntilTheStoreIsBack(t *testing.T) {
	s := lateServer(t)
	log := open(t, s, hasty())
	recs := fill(t, log, 1)
	require.NoError(t, s.Stop())
	more := logtest.Chain(t, logtest.End(recs), 2)
	require.ErrorIs(t, log.Append(t.Context(), logtest.End(recs), more), eventstore.ErrOutcomeUnknown)
	s = s.Restart(t)
	appendUntilKnown(t, log, logtest.End(recs), more) // the same records at the same head
	s.FailAppends(esdbtest.LoseAnswer)
	s.FailReads(esdbtest.ResetBefore, esdbtest.ResetBefore)
	last := logtest.Chain(t, logtest.End(more), 1)
	require.ErrorIs(t, log.Append(t.Context(), logtest.End(more), last), eventstore.ErrOutcomeUnknown, "stored, and the read-back fails")
	appendUntilKnown(t, log, logtest.End(more), last)
	require.Equal(t, slices.Concat(recs, more, last), logtest.All(t, log, 0))
}

func TestARefusalStoresNothingAndIsNoDoubt(t *testing.T) {
	s := lateServer(t)
	log := open(t, s, quick())
	recs := logtest.Fill(t, log, 1)
	s.FailAppends(esdbtest.Denied)
	err := log.Append(t.Context(), logtest.End(recs), logtest.Chain(t, logtest.End(recs), 1))
	require.ErrorContains(t, err, "the event store refuses")
	require.NotErrorIs(t, err, eventstore.ErrOutcomeUnknown)
	require.Equal(t, int64(2), s.Appends())
	require.Equal(t, recs, logtest.All(t, log, 0))
}

func TestTheServersOwnLimitOfAnAppendIsNamed(t *testing.T) {
	s := lateServer(t)
	log := open(t, s, quick())
	at := eventstore.Empty(logtest.Portfolio)
	recs := logtest.Sized(t, at, 4, eventstore.MaxRecord)
	var large *eventstore.TooLarge
	require.ErrorAs(t, log.Append(t.Context(), at, recs), &large)
	require.Equal(t, eventstore.TooLarge{What: "bytes of an append for this event store", Got: 4 * eventstore.MaxRecord, Max: 1 << 20}, *large)
	require.NoError(t, log.Append(t.Context(), at, recs[:3]))
}

func TestTheCallersContextEndsTheRepeatingAndNotTheAppend(t *testing.T) {
	s := lateServer(t)
	log := open(t, s, hasty())
	recs := fill(t, log, 1)
	ctx, cancel := context.WithCancel(t.Context())
	s.FailAppends(esdbtest.StoreLate)
	more := logtest.Chain(t, logtest.End(recs), 1)
	before, ended := s.Appends(), make(chan error, 1)
	go func() { ended <- log.Append(ctx, logtest.End(recs), more) }()
	for s.Appends() == before { // until the server has it
		require.NoError(t, t.Context().Err())
	}
	cancel()
	require.ErrorIs(t, <-ended, eventstore.ErrOutcomeUnknown)
	appendUntilKnown(t, log, logtest.End(recs), more)
}

func TestAfterCloseAnAppendUnderWayIsInDoubt(t *testing.T) {
	s := lateServer(t)
	log := open(t, s, quick())
	recs := logtest.Fill(t, log, 1)
	s.FailAppends(esdbtest.LoseAnswer)
	more := logtest.Chain(t, logtest.End(recs), 1)
	ended := make(chan error, 1)
	go func() { ended <- log.Append(t.Context(), logtest.End(recs), more) }()
	for s.Appends() < 2 {
		require.NoError(t, t.Context().Err())
	}
	require.NoError(t, log.Close())
	err := <-ended
	require.ErrorIs(t, err, eventstore.ErrOutcomeUnknown)
	require.ErrorIs(t, log.Append(t.Context(), logtest.End(recs), more), eventstore.ErrClosed)
}

func TestTheExpectedRevisionIsAlwaysSent(t *testing.T) {
	s := lateServer(t)
	log := open(t, s, quick())
	logtest.Fill(t, log, 1)
	logtest.Fill(t, log, 3)
	s.FailAppends(esdbtest.ResetBefore)
	logtest.Fill(t, log, 1)
	require.Equal(t, []string{"no_stream", "0", "3", "3"}, s.Expected())
	makers := 0
	sources, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range sources {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		if !strings.HasSuffix(name, "_test.go") {
			makers += strings.Count(string(text), "AppendToStreamOptions{")
		}
	}
	require.Equal(t, 1, makers, "one function builds the options")
}
