package main

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/esdb/esdbtest"
)

// remoteConfig is a configuration whose log is at an address.
func remoteConfig(t *testing.T, address string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pm.yaml")
	require.NoError(t, os.WriteFile(file, []byte("eventstore: {url: '"+address+"'}\n"), 0o600))
	return file
}

func TestALogInAnEventStoreIsRecoveredWithAndWithoutItsCopy(t *testing.T) {
	server := esdbtest.Start(t, esdbtest.Options{})
	config, data := remoteConfig(t, server.URL()), t.TempDir()
	first := launch(t, "--data", data, "--config", config)
	entry := baseEntry()
	require.Equal(t, "accepted", first.post(entry)["status"])
	first.flat()
	require.Zero(t, first.stop(), first.errs.String())
	copied := filepath.Join(data, "copy")
	require.FileExists(t, filepath.Join(copied, "events.db"))

	second := launch(t, "--data", data, "--config", config)
	require.Contains(t, second.out.String(), "1 position open")
	require.Equal(t, "duplicate", second.post(entry)["status"], "seen ids are a fold of the log")
	require.Zero(t, second.stop())

	require.NoError(t, os.RemoveAll(copied))
	third := launch(t, "--data", data, "--config", config)
	require.Contains(t, third.out.String(), "1 position open")
	require.Zero(t, third.stop())

	require.NoError(t, os.WriteFile(filepath.Join(copied, "events.db"), []byte("a file that is no database any more, whatever happened to it"), 0o600))
	fourth := launch(t, "--data", data, "--config", config)
	require.Contains(t, fourth.out.String(), "the local copy of the log was discarded and is fetched again")
	require.Contains(t, fourth.out.String(), "1 position open")
	require.Zero(t, fourth.stop())
}

func TestAnEventStoreThatAnswersLateOrNotAtAllLosesNothing(t *testing.T) {
	server := esdbtest.Start(t, esdbtest.Options{})
	r := launch(t, "--data", t.TempDir(), "--config", remoteConfig(t, server.URL()))
	server.FailAppends(esdbtest.LoseAnswer, esdbtest.ResetAfter, esdbtest.StoreLate)
	require.Equal(t, "accepted", r.post(baseEntry())["status"])
	r.flat()
	require.Equal(t, []string{"SignalReceived", "OrderInitialized", "OrderSendStarted", "OrderAccepted", "OrderFilled"}, r.types(2)[:5])
	require.Zero(t, r.stop())
}

func TestABurstOfTheLargestSignalsFitsTheEventStoresAppends(t *testing.T) {
	const bar = `{"id":"bar-%d","type":"MARKET_DATA","instrument":"BANK_NIFTY","timestamp":%q,"price":52000,"atr":220,"supertrend":51650%s}`
	for name, filling := range map[string]string{
		"escapes":     `,"note":"` + strings.Repeat(`\"`, 8000) + `"`,
		"white space": strings.Repeat("\n\t", 8000), // six bytes in the log for each
	} {
		t.Run(name, func(t *testing.T) {
			server := esdbtest.Start(t, esdbtest.Options{})
			r := launch(t, "--data", t.TempDir(), "--config", remoteConfig(t, server.URL()))
			const senders = 100
			answers := make(chan string, senders)
			for n := range senders {
				go func() { answers <- r.insist(fmt.Sprintf(bar, n, time.Now().UTC().Format(time.RFC3339Nano), filling)) }()
			}
			for range senders {
				select {
				case answer := <-answers:
					require.Empty(t, answer)
				case <-time.After(deadline):
					require.Fail(t, "a burst is not taken")
				}
			}
			require.Zero(t, r.stop())
			require.Equal(t, senders, stored(t, server, "SignalReceived"), "each is in the log, once")
		})
	}
}

// stored is how many events of a type are in the stream.
func stored(t *testing.T, server *esdbtest.Server, kind string) (n int) {
	t.Helper()
	log, err := esdb.OpenReader(t.Context(), server.URL(), "main", esdb.Options{})
	require.NoError(t, err)
	defer func() { _ = log.Close() }()
	_, err = eventstore.Replay(t.Context(), log, 0, func(rec domain.Recorded, _ eventstore.Hash) error {
		if rec.Type == kind {
			n++
		}
		return nil
	})
	require.NoError(t, err)
	return n
}

// insist sends until it is known what became of it, and gives the answer unless it was taken. On a machine that is busy a signal may not be
// durable in time: a sender asks again, under the same id.
func (r *running) insist(body string) string {
	status, answer := r.try(body)
	for status == http.StatusGatewayTimeout {
		status, answer = r.try(body)
	}
	if status == http.StatusOK {
		return ""
	}
	return answer
}

func TestAnEventStoreThatIsAwayEndsTheStart(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := "esdb://" + listener.Addr().String() + "?tls=false"
	require.NoError(t, listener.Close())
	out, errs := &console{}, &console{}
	p := program{args: []string{"--data", t.TempDir(), "--config", remoteConfig(t, address), "--listen", "127.0.0.1:0"}, out: out, errs: errs, build: "test",
		retryWaits: []time.Duration{time.Millisecond, time.Millisecond}}
	requireHalt(t, p.run(t.Context()), errs, "EVENTSTORE_UNAVAILABLE", "see whether the event store at "+address+" runs")
	require.Contains(t, errs.String(), "the event store cannot be reached, trying again")
}

func TestAStreamThatForgetsHaltsTheStart(t *testing.T) {
	server := esdbtest.Start(t, esdbtest.Options{})
	config, data := remoteConfig(t, server.URL()), t.TempDir()
	require.Zero(t, launch(t, "--data", data, "--config", config).stop())
	server.SetMetadata(t, esdb.Stream("main"), `{"$maxCount":1}`)
	code, _, errs := failing(t, "--data", data, "--config", config, "--listen", "127.0.0.1:0")
	requireHalt(t, code, errs, "DATA_CORRUPT", "--eventstore '"+server.URL()+"&portfolio=main' --data "+data)
}

func TestAStopEndsAStartThatWaitsForTheAnswerToItsFirstAppend(t *testing.T) {
	for name, again := range map[string]bool{"an empty log": false, "a log with events": true} {
		t.Run(name, func(t *testing.T) {
			server := esdbtest.Start(t, esdbtest.Options{})
			config, data := remoteConfig(t, server.URL()), t.TempDir()
			if again {
				require.Zero(t, launch(t, "--data", data, "--config", config).stop())
			}
			server.FailAppends(slices.Repeat([]esdbtest.Fault{esdbtest.Expired}, 5000)...)
			out, errs := &console{}, &console{}
			p := program{args: []string{"--data", data, "--config", config, "--listen", "127.0.0.1:0"}, out: out, errs: errs, build: "test"}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan int, 1)
			go func() { ended <- p.run(ctx) }()
			require.Eventually(t, func() bool { return strings.Contains(errs.String(), "append outcome unknown, asking again") }, deadline, 5*time.Millisecond)
			stop()
			select {
			case code := <-ended:
				requireHalt(t, code, errs, codeLogWriteFailed, "the next start is the same recovery")
			case <-time.After(deadline):
				_ = server.Stop()
				require.Fail(t, "a stop waits for a store that does not answer")
			}
		})
	}
}

func TestAnEventThatIsNotPmsOwnEndsARunningService(t *testing.T) {
	server := esdbtest.Start(t, esdbtest.Options{})
	config, data := remoteConfig(t, server.URL()), t.TempDir()
	r := launch(t, "--data", data, "--config", config)
	server.Note(t, esdb.Stream("main"))
	status, answer := r.try(baseEntry())
	require.NotEqual(t, http.StatusOK, status, answer)
	requireHalt(t, r.ended(), r.errs, "DATA_CORRUPT", "never mended")
	require.Contains(t, r.errs.lastLines(2)[0], "revision 2") // by the append or by the pin, whichever comes first
	code, _, errs := failing(t, "--data", data, "--config", config, "--listen", "127.0.0.1:0")
	requireHalt(t, code, errs, "DATA_CORRUPT", "never mended")
}

func TestWhatTheEventStoreDoesNotTakeIsNoDefect(t *testing.T) {
	t.Run("rights that were taken away", func(t *testing.T) {
		server := esdbtest.Start(t, esdbtest.Options{})
		r := launch(t, "--data", t.TempDir(), "--config", remoteConfig(t, server.URL()))
		server.FailAppends(esdbtest.Denied)
		status, answer := r.try(baseEntry())
		require.Equal(t, http.StatusGatewayTimeout, status, answer)
		requireHalt(t, r.ended(), r.errs, codeLogWriteFailed, "the right to write the stream portfolio-main")
	})
	t.Run("a limit below one signal", func(t *testing.T) {
		server := esdbtest.Start(t, esdbtest.Options{MaxAppend: 16 << 10})
		r := launch(t, "--data", t.TempDir(), "--config", remoteConfig(t, server.URL()))
		status, answer := r.try(strings.TrimSuffix(baseEntry(), "}") + strings.Repeat("\n", 15_000) + "}")
		require.Equal(t, http.StatusGatewayTimeout, status, answer)
		requireHalt(t, r.ended(), r.errs, codeLogWriteFailed, "set MaxAppendSize of the event store")
		require.Contains(t, r.errs.lastLines(2)[0], "at most 16384")
	})
}

func TestAStreamThatIsDeletedOrBeginsToForgetWhilePmRunsEndsIt(t *testing.T) {
	deleted, forgetful := esdbtest.Start(t, esdbtest.Options{}), esdbtest.Start(t, esdbtest.Options{})
	start := func(server *esdbtest.Server) *running {
		return launch(t, "--data", t.TempDir(), "--config", remoteConfig(t, server.URL()))
	}
	first, second := start(deleted), start(forgetful)
	deleted.SetMetadata(t, esdb.Stream("main"), fmt.Sprintf(`{"$tb":%d}`, math.MaxInt64)) // as the store deletes a stream softly
	forgetful.SetMetadata(t, esdb.Stream("main"), `{"$maxCount":1000}`)
	for r, want := range map[*running]string{first: "truncated or deleted", second: "only the last 1000 events stay"} {
		requireHalt(t, r.ended(), r.errs, "DATA_CORRUPT", "a log must have no $maxAge, $maxCount or $tb")
		require.Contains(t, r.errs.lastLines(2)[0], want)
	}
}
