package esdb_test

import (
	"context"
	"testing"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/esdb/esdbtest"
	"pm/eventstore/logtest"
)

// bare is the library itself, for what the adapter never does.
func bare(t *testing.T, s *esdbtest.Server) *client.Client {
	t.Helper()
	conf, err := client.ParseConnectionString(s.URL())
	require.NoError(t, err)
	conf.Logger, conf.Address = client.NoopLogging(), esdb.Scheme+conf.Address
	one, err := client.NewClient(conf)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, one.Close()) })
	return one
}

func TestAReadingGoesOnWhereTheConnectionEnded(t *testing.T) {
	s := esdbtest.Start(t, esdbtest.Options{CutAfter: 700, MaxAppend: -1})
	log := open(t, s, quick())
	recs := logtest.Fill(t, log, 2500)
	for _, faults := range [][]esdbtest.Fault{
		{esdbtest.None, esdbtest.CutShort, esdbtest.CutShort, esdbtest.ResetBefore, esdbtest.CutShort},
		{esdbtest.None, esdbtest.Drop, esdbtest.Expired, esdbtest.NotLeader},
	} {
		s.FailReads(faults...)
		require.Equal(t, recs, logtest.All(t, log, 0))
	}
	require.Equal(t, recs[1200:], logtest.All(t, log, 1200))
}

func TestAReadingGivesUpAfterAFewTriesWithoutARecord(t *testing.T) {
	s := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, s, quick())
	logtest.Fill(t, log, 5)
	none := func([]eventstore.Record) error { return nil }
	s.FailReads(esdbtest.None, esdbtest.Expired, esdbtest.Expired, esdbtest.Expired, esdbtest.Expired)
	require.ErrorIs(t, log.Read(t.Context(), 0, none), esdb.ErrUnavailable)
	s.FailReads(esdbtest.None, esdbtest.Denied)
	require.ErrorContains(t, log.Read(t.Context(), 0, none), "the event store refuses")
}

func TestAServerThatSaysNothingIsGivenUpAndAskedAgain(t *testing.T) {
	s := esdbtest.Start(t, esdbtest.Options{})
	const bound = 300 * time.Millisecond
	recs := logtest.Fill(t, open(t, s, quick()), 30)
	log := open(t, s, esdb.Impatient(quick(), bound))
	s.FailReads(esdbtest.Stall)
	began := time.Now()
	_, err := log.Head(t.Context())
	require.ErrorIs(t, err, esdb.ErrUnavailable)
	require.GreaterOrEqual(t, time.Since(began), bound)
	s.FailReads(esdbtest.None, esdbtest.Stall)
	require.Equal(t, recs, logtest.All(t, log, 0), "a reading that stalls is begun again")
	s.FailReads(esdbtest.None, esdbtest.Stall)
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	require.ErrorIs(t, log.Follow(ctx, 0, func(chunk []eventstore.Record) error {
		if seen += len(chunk); seen == len(recs) {
			cancel()
		}
		return nil
	}), context.Canceled, "and so is a subscription that is not taken up")
	require.Equal(t, len(recs), seen)
}

func TestOneOfSeveralHostsIsEnough(t *testing.T) {
	s := esdbtest.Start(t, esdbtest.Options{})
	for _, address := range []string{"esdb://" + s.Address() + ",127.0.0.1:1?tls=false", "esdb://127.0.0.1:1," + s.Address() + "?tls=false"} {
		log, err := esdb.Open(t.Context(), address, logtest.Portfolio, quick())
		require.NoError(t, err)
		logtest.Fill(t, log, 1)
		require.NoError(t, log.Close())
	}
	require.Len(t, logtest.All(t, open(t, s, quick()), 0), 2)
}

func TestAFollowerMissesAndDoublesNothingThroughEveryInterruption(t *testing.T) {
	s := esdbtest.Start(t, esdbtest.Options{CutAfter: 3, SlowBy: time.Millisecond})
	log := open(t, s, quick())
	s.FailReads(esdbtest.None, esdbtest.CutShort, esdbtest.None, esdbtest.Slow, esdbtest.ResetBefore)
	want := logtest.Fill(t, log, 8)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	seen := make(chan eventstore.Record)
	ended := make(chan error, 1)
	go func() {
		ended <- log.Follow(ctx, 0, func(recs []eventstore.Record) error {
			for _, r := range recs {
				select {
				case seen <- r:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	}()
	expect := func(want []eventstore.Record) {
		t.Helper()
		for _, w := range want {
			select {
			case got := <-seen:
				require.Equal(t, w.Rev, got.Rev)
				require.Equal(t, w, got)
			case err := <-ended:
				require.FailNow(t, "the follower ended", "%v", err)
			}
		}
	}
	expect(want)
	for range 3 {
		s.Cut()
		expect(logtest.Fill(t, log, 2))
	}
	s = s.Restart(t)
	expect(logtest.Fill(t, log, 2))
	s.FailReads(esdbtest.Denied)
	s.Cut()
	require.ErrorContains(t, <-ended, "the event store refuses", "a refusal ends it")
}

func TestAFollowerNoticesThatTheStreamWasSetBack(t *testing.T) {
	for want, more := range map[string]int{
		"the stream ends before it, and once went up to revision 9": 3, // truncated, and then written by somebody else
		"the stream was replaced":                                   8,
	} {
		dir := t.TempDir()
		s := esdbtest.Start(t, esdbtest.Options{Dir: dir})
		log := open(t, s, quick())
		recs := logtest.Fill(t, log, 10)
		seen, ended := make(chan struct{}), make(chan error, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		go func() {
			ended <- log.Follow(ctx, 0, func(recs []eventstore.Record) error {
				if recs[len(recs)-1].Rev == 9 {
					close(seen)
				}
				return nil
			})
		}()
		<-seen
		require.NoError(t, s.Truncate(esdb.Stream(logtest.Portfolio), 5))
		require.NoError(t, s.Stop())
		aside := esdbtest.Start(t, esdbtest.Options{Dir: dir}) // at an address that the follower does not know
		writer := open(t, aside, quick())
		at := recs[4].After()
		require.NoError(t, writer.Append(t.Context(), at, logtest.Sized(t, at, more, 700)))
		require.NoError(t, writer.Close())
		require.NoError(t, aside.Stop())
		s.Restart(t)
		err := <-ended
		var corrupt *eventstore.Corrupt
		require.ErrorAs(t, err, &corrupt)
		require.ErrorContains(t, err, want)
	}
}

func TestAStreamThatForgetsIsNoLog(t *testing.T) {
	for want, change := range map[string]func(*client.StreamMetadata){
		"before revision 2 is truncated": func(m *client.StreamMetadata) { m.SetTruncateBefore(2) },
		"events older than 24h0m0s go":   func(m *client.StreamMetadata) { m.SetMaxAge(24 * time.Hour) },
		"only the last 1000 events stay": func(m *client.StreamMetadata) { m.SetMaxCount(1000) },
	} {
		s := esdbtest.Start(t, esdbtest.Options{})
		log := open(t, s, quick())
		recs := logtest.Fill(t, log, 5)
		var meta client.StreamMetadata
		change(&meta)
		_, err := bare(t, s).SetStreamMetadata(t.Context(), esdb.Stream(logtest.Portfolio), client.AppendToStreamOptions{}, meta)
		require.NoError(t, err)
		_, err = esdb.Open(t.Context(), s.URL(), logtest.Portfolio, quick())
		requireCorrupt(t, err, 0, want)
		none := func([]eventstore.Record) error { return nil }
		requireCorrupt(t, log.Read(t.Context(), 0, none), 0, want)
		requireCorrupt(t, log.Follow(t.Context(), 0, none), 0, want)
		require.NoError(t, log.Append(t.Context(), logtest.End(recs), logtest.Chain(t, logtest.End(recs), 1)), "the writer still says its last words")
	}
}

func requireCorrupt(t *testing.T, err error, rev uint64, want string) {
	t.Helper()
	var corrupt *eventstore.Corrupt
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, rev, corrupt.Rev)
	require.ErrorContains(t, err, want)
}

func TestADeletedStreamIsNoEmptyLog(t *testing.T) {
	s := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, s, quick())
	recs := logtest.Fill(t, log, 5)
	_, err := bare(t, s).DeleteStream(t.Context(), esdb.Stream(logtest.Portfolio), client.DeleteStreamOptions{ExpectedRevision: client.Any{}})
	require.NoError(t, err)
	_, err = esdb.Open(t.Context(), s.URL(), logtest.Portfolio, quick())
	requireCorrupt(t, err, 0, "truncated or deleted")
	_, err = bare(t, s).TombstoneStream(t.Context(), esdb.Stream(logtest.Portfolio), client.TombstoneStreamOptions{ExpectedRevision: client.Any{}})
	require.NoError(t, err)
	_, err = esdb.Open(t.Context(), s.URL(), logtest.Portfolio, quick())
	requireCorrupt(t, err, 0, "deleted for good")
	requireCorrupt(t, log.Append(t.Context(), logtest.End(recs), logtest.Chain(t, logtest.End(recs), 1)), 0, "deleted for good")
}

func TestAMissingRecordIsNamed(t *testing.T) {
	s := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, s, quick())
	logtest.Fill(t, log, 10)
	require.NoError(t, s.Remove(esdb.Stream(logtest.Portfolio), 4))
	_, err := eventstore.Replay(t.Context(), log, 0, func(domain.Recorded, eventstore.Hash) error { return nil })
	requireCorrupt(t, err, 4, "revision 5 stands there")
}

func TestForeignEventsInTheStreamAreNamed(t *testing.T) {
	s := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, s, quick())
	logtest.Fill(t, log, 3)
	_, err := bare(t, s).AppendToStream(t.Context(), esdb.Stream(logtest.Portfolio), client.AppendToStreamOptions{ExpectedRevision: client.Any{}},
		client.EventData{EventType: "note", ContentType: client.ContentTypeJson, Data: []byte(`{}`), Metadata: []byte(`{"by":"somebody"}`)})
	require.NoError(t, err)
	_, err = log.Head(t.Context())
	requireCorrupt(t, err, 3, "not that of a record of pm")
}
