package esdb_test

import (
	"bytes"
	"context"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/stretchr/testify/require"

	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/esdb/esdbtest"
	"pm/eventstore/logtest"
)

// Each test here is one habit of the client library, as found in v4.2.0 (ADR 0018).

func TestConcurrentCallersDoNotHangWhenTheServerIsAway(t *testing.T) {
	s := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, s, hasty())
	recs := fill(t, log, 1)
	require.NoError(t, s.Stop())
	const callers = 12
	answers := make(chan error, 2*callers)
	began := time.Now()
	for range callers {
		go func() { _, err := log.Head(context.Background()); answers <- err }()
		go func() {
			answers <- log.Append(context.Background(), logtest.End(recs), logtest.Chain(t, logtest.End(recs), 1))
		}()
	}
	for range 2 * callers {
		err := <-answers
		require.ErrorIs(t, err, esdb.ErrUnavailable)
	}
	require.Less(t, time.Since(began), 30*time.Second)
	s.Restart(t)
	fill(t, log, 1) // a new client finds the server when it is back
}

// deaf is a server that takes connections and never says a word.
func deaf(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var mu sync.Mutex
	var conns []net.Conn
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
		}
	})
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		serving.Wait()
		for _, c := range conns {
			_ = c.Close()
		}
	})
	return listener.Addr().String()
}

func TestConnectingObeysTheContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := esdb.Open(ctx, "esdb://"+deaf(t)+"?tls=false", logtest.Portfolio, quick())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(began), time.Second)
}

func TestOpenTriesAgainAndThenSaysThatTheStoreIsAway(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	o := quick()
	o.OpenWaits = []time.Duration{time.Millisecond, 2 * time.Millisecond}
	var said bytes.Buffer
	o.Logger = slog.New(slog.NewTextHandler(&said, nil))
	_, err = esdb.Open(t.Context(), "esdb://"+address+"?tls=false", logtest.Portfolio, o)
	require.ErrorIs(t, err, esdb.ErrUnavailable)
	require.Equal(t, 2, bytes.Count(said.Bytes(), []byte("trying again")))
}

func TestReconnectingLeaksNoConnection(t *testing.T) {
	s := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, s, quick())
	fill(t, log, 1)
	for range 20 {
		s.Cut()
		fill(t, log, 1)
		_, err := log.Head(t.Context())
		require.NoError(t, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.LessOrEqual(t, s.AwaitConnections(ctx, 1), 1, "one caller at a time needs one connection")
	require.NoError(t, log.Close())
	require.Zero(t, s.AwaitConnections(ctx, 0), "and a closed log has none")
}

func TestAServersBadTimeDoesNotEndTheProcess(t *testing.T) {
	s := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, s, quick())
	recs := logtest.Fill(t, log, 20)
	for _, fault := range []esdbtest.Fault{esdbtest.BadCreated, esdbtest.NoCreated} {
		s.FailReads(fault, fault)
		require.Equal(t, recs, logtest.All(t, log, 0))
	}
}

func TestTheLibrarySpeaksToOurLoggerOnly(t *testing.T) {
	var library, ours bytes.Buffer
	stdlog.SetOutput(&library)
	t.Cleanup(func() { stdlog.SetOutput(io.Discard) })
	s := esdbtest.Start(t, esdbtest.Options{})
	o := quick()
	o.Logger = slog.New(slog.NewTextHandler(&ours, &slog.HandlerOptions{Level: slog.LevelDebug}))
	log := open(t, s, o)
	recs := logtest.Fill(t, log, 1)
	s.FailAppends(esdbtest.ResetBefore)
	logtest.Fill(t, log, 1)
	require.NoError(t, s.Stop())
	require.Error(t, log.Append(t.Context(), logtest.End(recs), logtest.Chain(t, logtest.End(recs), 1)))
	require.Empty(t, library.String())
	require.Contains(t, ours.String(), "event store client")
	require.Contains(t, ours.String(), "unexpected exception")
}

func TestEveryCallAsksForTheLeader(t *testing.T) {
	s := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, s, quick())
	logtest.Fill(t, log, 1)
	logtest.All(t, log, 0)
	ctx, cancel := context.WithCancel(t.Context())
	require.ErrorIs(t, log.Follow(ctx, 0, func([]eventstore.Record) error { cancel(); return ctx.Err() }), context.Canceled)
	headers := s.RequiresLeader()
	require.GreaterOrEqual(t, len(headers), 6)
	for _, h := range headers {
		require.Equal(t, "true", h)
	}
}

func TestAFailureIsRecognizedThroughItsWrapping(t *testing.T) {
	s := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, s, quick())
	logtest.Fill(t, log, 1)
	s.FailReads(esdbtest.Denied)
	_, err := bare(t, s).SubscribeToStream(t.Context(), esdb.Stream(logtest.Portfolio), client.SubscribeToStreamOptions{})
	seen, _ := client.FromError(err)
	require.Equal(t, client.ErrorCodeUnknown, seen.Code(), "the library's own look does not unwrap")
	s.FailReads(esdbtest.None, esdbtest.Denied)
	require.ErrorContains(t, log.Follow(t.Context(), 0, func([]eventstore.Record) error { return nil }), "the event store refuses", "and is not tried for ever")
}

func TestAReadThatIsSentToTheLeaderGoesThere(t *testing.T) {
	s := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, s, quick())
	recs := logtest.Fill(t, log, 5)
	s.FailReads(esdbtest.None, esdbtest.NotLeader, esdbtest.NotLeader)
	require.Equal(t, recs, logtest.All(t, log, 0))
}

func TestNoMoreCallsRunAtOnceThanTheLimit(t *testing.T) {
	s := esdbtest.Start(t, esdbtest.Options{})
	log := open(t, s, quick())
	logtest.Fill(t, log, 1)
	ctx, cancel := context.WithCancel(t.Context())
	var followers sync.WaitGroup
	for range esdb.MaxBusy {
		begun := make(chan struct{})
		followers.Go(func() {
			_ = log.Follow(ctx, 0, func([]eventstore.Record) error { close(begun); return nil })
		})
		<-begun
	}
	_, err := log.Head(t.Context())
	require.ErrorIs(t, err, esdb.ErrUnavailable)
	require.ErrorContains(t, err, "64 calls run already")
	cancel()
	followers.Wait()
}
