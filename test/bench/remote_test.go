package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/stretchr/testify/require"

	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/localcopy"
	"pm/eventstore/sqlite"
)

// goals of a log that is far away, each against its limit in the same run.
const (
	wantOfBareRead = 1.2 // times the library's own read loop, for the first reading, which makes the copy
	wantOfEmbedded = 0.8 // of the embedded log's recovery, once the copy exists
	remoteRounds   = 3
	loadBatch      = 5000
)

// eventStore runs the test server as a process of its own and gives its connection string.
func eventStore(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	program := filepath.Join(dir, "esdbserver")
	build := exec.Command("go", "build", "-o", program, "pm/test/esdbserver")
	out, err := build.CombinedOutput()
	require.NoError(b, err, "%s", out)
	server := exec.Command(program, "--dir", filepath.Join(dir, "streams"), "--max-append", "-1")
	server.Stderr = os.Stderr
	said, err := server.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, server.Start())
	b.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait() // killed
	})
	line, err := bufio.NewReader(said).ReadString('\n')
	require.NoError(b, err)
	return strings.TrimSpace(line)
}

func openRemote(b *testing.B, address string) *esdb.Log {
	b.Helper()
	log, err := esdb.Open(context.Background(), address, portfolio, esdb.Options{AppendDeadline: time.Minute})
	require.NoError(b, err)
	return log
}

// load puts the history into the event store.
func load(b *testing.B, h *history, address string) {
	b.Helper()
	source, target := h.open(b), openRemote(b, address)
	at := eventstore.Empty(portfolio)
	var batch []eventstore.Record
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := target.Append(context.Background(), at, batch)
		at, batch = batch[len(batch)-1].After(), nil
		return err
	}
	require.NoError(b, source.Read(context.Background(), 0, func(recs []eventstore.Record) error {
		if batch = append(batch, recs...); len(batch) < loadBatch {
			return nil
		}
		return flush()
	}))
	require.NoError(b, flush())
	require.NoError(b, errors.Join(source.Close(), target.Close()))
}

// bareRead is the library's own loop over the whole stream: the limit of every first reading.
func bareRead(b *testing.B, address string, events uint64) time.Duration {
	b.Helper()
	conf, err := client.ParseConnectionString(address)
	require.NoError(b, err)
	conf.Logger, conf.Address = client.NoopLogging(), "dns:///"+conf.Address // ADR 0018: no address without a scheme
	one, err := client.NewClient(conf)
	require.NoError(b, err)
	defer one.Close()
	began := time.Now()
	stream, err := one.ReadStream(context.Background(), esdb.Stream(portfolio), client.ReadStreamOptions{From: client.Start{}}, 1<<40)
	require.NoError(b, err)
	n := uint64(0)
	for {
		_, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(b, err)
		n++
	}
	require.Equal(b, events, n)
	return time.Since(began)
}

// cost is what a piece of work took, on the clock and of this process's cores. On a machine with other work the second says more.
type cost struct{ clock, cores []float64 }

func (c *cost) add(b *testing.B, work func()) {
	b.Helper()
	runtime.GC()
	before, began := processorTime(b), time.Now()
	work()
	c.clock = append(c.clock, time.Since(began).Seconds())
	c.cores = append(c.cores, (processorTime(b) - before).Seconds())
}

func (c *cost) row(name string, events float64, of *cost, goal string) {
	table.row(name, "%.2f s, %.0f events/s, %.2f µs of a core each; %.2f of the time, %.2f of the cores %s", median(c.clock), events/median(c.clock),
		1e6*median(c.cores)/events, median(c.clock)/median(of.clock), median(c.cores)/median(of.cores), goal)
}

// BenchmarkRemoteRecovery measures the first start on an event store across the wire, and every later one.
func BenchmarkRemoteRecovery(b *testing.B) {
	h := makeHistory(b, number(b, "PM_BENCH_EVENTS", recoveryEvents))
	address := eventStore(b)
	load(b, h, address)
	local := h.open(b)
	defer local.Close()
	_, want := recoverOnce(b, local)
	bareRead(b, address, h.events)
	var bare, adapter, kept, first, embedded, again cost
	for b.Loop() {
		for range remoteRounds {
			bare.add(b, func() { bareRead(b, address, h.events) })
			adapter.add(b, func() { readAll(b, openRemote(b, address)) })
			kept.add(b, func() { readAll(b, openCopy(b, filepath.Join(b.TempDir(), "copy"), address)) })
			dir := filepath.Join(b.TempDir(), "copy")
			first.add(b, func() { require.Equal(b, want, start(b, dir, address)) })
			embedded.add(b, func() { recoverOnce(b, local) })
			again.add(b, func() { require.Equal(b, want, start(b, dir, address)) })
		}
	}
	n := float64(h.events)
	b.ReportMetric(median(kept.clock)/median(bare.clock), "first_of_bare_loop")
	b.ReportMetric(median(embedded.clock)/median(again.clock), "copy_of_embedded")
	table.add("a log across the wire, %d events, the server a process on the same cores", h.events)
	bare.row("the library's own read loop", n, &bare, "")
	adapter.row("the adapter's Read", n, &bare, "")
	kept.row("the first reading, kept in the copy", n, &bare, fmt.Sprintf("(goal %.1f)", wantOfBareRead))
	first.row("the first start: that, verified and folded", n, &bare, "")
	embedded.row("recovery of the embedded log", n, &embedded, "")
	again.row("recovery from the copy", n, &embedded, fmt.Sprintf("(goal %.2f)", 1/wantOfEmbedded))
	table.row("state digest of all", "%.16s", want)
}

func openCopy(b *testing.B, dir, address string) *localcopy.Log {
	b.Helper()
	log, err := localcopy.Open(context.Background(), dir, "bench", openRemote(b, address), localcopy.Options{})
	require.NoError(b, err)
	return log
}

// readAll reads a log once and closes it.
func readAll(b *testing.B, log eventstore.Log) {
	b.Helper()
	require.NoError(b, log.Read(context.Background(), 0, func([]eventstore.Record) error { return nil }))
	require.NoError(b, log.Close())
}

// start opens the log with its copy and recovers.
func start(b *testing.B, dir, address string) (digest string) {
	b.Helper()
	log := openCopy(b, dir, address)
	_, digest = recoverOnce(b, log)
	require.NoError(b, log.Close())
	return digest
}

// BenchmarkRemoteAppend measures what a durable append costs across the wire, beside the embedded log.
func BenchmarkRemoteAppend(b *testing.B) {
	var embedded, remote, withCopy laps
	for b.Loop() {
		far := openRemote(b, eventStore(b))
		copied := openCopy(b, filepath.Join(b.TempDir(), "copy"), eventStore(b))
		near, err := sqlite.Open(b.TempDir(), portfolio, "bench")
		require.NoError(b, err)
		took := inTurn(singles, appends(b, near), appends(b, far), appends(b, copied))
		embedded, remote, withCopy = took[0], took[1], took[2]
		require.NoError(b, errors.Join(near.Close(), far.Close(), copied.Close()))
	}
	b.ReportMetric(float64(remote.at(50).Microseconds()), "µs/append")
	b.ReportMetric(remote.of(embedded), "of_embedded")
	table.add("durable append of 2 records across the wire, %d of each in turn", singles)
	table.row("the embedded log", "%s", embedded)
	table.row("the event store's adapter", "%s; %.2f x", remote, remote.of(embedded))
	table.row("the same with the local copy", "%s; %.2f x", withCopy, withCopy.of(embedded))
}

// appends gives a function that appends the next two records to a log.
func appends(b *testing.B, log eventstore.Log) func() {
	b.Helper()
	const records = 2
	memory := eventstore.NewMemory(portfolio)
	newMarket(b, memory, 1).run(records * (singles + 1))
	var all []eventstore.Record
	require.NoError(b, memory.Read(context.Background(), 0, func(recs []eventstore.Record) error { all = append(all, recs...); return nil }))
	at := eventstore.Empty(portfolio)
	return func() {
		if err := log.Append(context.Background(), at, all[:records]); err != nil {
			b.Fatal(err)
		}
		at, all = all[records-1].After(), all[records:]
	}
}
