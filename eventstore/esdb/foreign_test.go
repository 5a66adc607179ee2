package esdb_test

import (
	"testing"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/stretchr/testify/require"

	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/esdb/esdbtest"
	"pm/eventstore/logtest"
)

// requireNoLog wants an append to end for good, because the stream is no log any more, and not as one in doubt.
func requireNoLog(t *testing.T, err error, reason string) {
	t.Helper()
	var corrupt *eventstore.Corrupt
	require.ErrorAs(t, err, &corrupt)
	require.Contains(t, corrupt.Reason, reason)
	require.NotErrorIs(t, err, eventstore.ErrOutcomeUnknown)
}

func TestAnEventThatIsNoRecordWhereAnAppendShouldGoIsAnotherWriter(t *testing.T) {
	for name, fault := range map[string]esdbtest.Fault{"answered": esdbtest.None, "broken off": esdbtest.ResetBefore} {
		t.Run(name, func(t *testing.T) {
			s := lateServer(t)
			log := open(t, s, quick())
			at := logtest.End(logtest.Fill(t, log, 3))
			s.Note(t, esdb.Stream(logtest.Portfolio))
			s.FailAppends(fault)
			more := logtest.Chain(t, at, 1)
			for range 2 { // also when it is asked again
				requireNoLog(t, log.Append(t.Context(), at, more), "not that of a record of pm")
			}
		})
	}
}

func TestAnEventThatIsNoRecordBehindTheRecordsOfAnotherWriterIsNoDoubt(t *testing.T) {
	s := lateServer(t)
	mine, other := open(t, s, quick()), open(t, s, quick())
	at := logtest.End(logtest.Fill(t, mine, 2))
	require.NoError(t, other.Append(t.Context(), at, logtest.Sized(t, at, 2, 700)))
	s.Note(t, esdb.Stream(logtest.Portfolio))
	requireNoLog(t, mine.Append(t.Context(), at, logtest.Chain(t, at, 2)), "not that of a record of pm")
}

func TestATombstoneEndsAnAppendInDoubt(t *testing.T) {
	s := lateServer(t)
	log := open(t, s, quick())
	at := logtest.End(logtest.Fill(t, log, 5))
	_, err := bare(t, s).TombstoneStream(t.Context(), esdb.Stream(logtest.Portfolio), client.TombstoneStreamOptions{ExpectedRevision: client.Any{}})
	require.NoError(t, err)
	s.FailAppends(esdbtest.ResetBefore)
	for range 2 {
		requireNoLog(t, log.Append(t.Context(), at, logtest.Chain(t, at, 1)), "was deleted for good")
	}
}
