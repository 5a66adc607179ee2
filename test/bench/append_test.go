package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"pm/adapters/broker/paper"
	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore"
	"pm/eventstore/sqlite"
)

const (
	singles    = 500 // signals of one caller, and writes of the bare limit
	callers    = 64
	perCaller  = 200
	fullBatch  = 128 // records: what 64 bars come to
	bareWrite  = 4096
	batchesLog = 100
)

// The goals: a single append as a multiple of the bare write, and what 64 callers of the engine get through.
const (
	wantAppend  = 1.3
	wantSignals = 10_000
)

// service is an engine that runs on a log; nothing else runs beside it.
type service struct {
	engine *engine.Engine
	log    eventstore.Log
	bars   atomic.Int64
}

func newService(b testing.TB) *service {
	b.Helper()
	log, err := sqlite.Open(b.TempDir(), portfolio, "bench")
	require.NoError(b, err)
	return newServiceOn(b, log)
}

// newServiceOn closes the log at the end.
func newServiceOn(b testing.TB, log eventstore.Log) *service {
	b.Helper()
	broker, err := paper.NewMemory(paper.Options{})
	require.NoError(b, err)
	s := &service{log: log, engine: engine.New(engine.Options{Log: log, Broker: broker, Instance: "bench", Build: "bench"}, domain.NewState(), eventstore.Empty(portfolio))}
	require.NoError(b, s.engine.Open(b.Context(), domain.PortfolioOpened{ID: portfolio, Currency: "INR", InitialCapital: domain.D("5000000"), Settings: settings(b)}))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.engine.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		require.NoError(b, <-done)
		require.NoError(b, log.Close())
	})
	return s
}

// body is the next bar as a chart sends it.
func (s *service) body(now time.Time) []byte {
	n := s.bars.Add(1)
	return fmt.Appendf(nil,
		`{"type":"MARKET_DATA","instrument":"BANK_NIFTY","timestamp":%q,"price":"52000.%02d","atr":"350","supertrend":"51650","id":"bar-%d"}`,
		now.Format(time.RFC3339Nano), n%100, n)
}

// bar submits one bar: two events, parsed, decided, durable, answered.
func (s *service) bar(b testing.TB) {
	now := time.Now().UTC()
	sub, _, problems := domain.ParseSignal(s.body(now), now)
	if len(problems) > 0 {
		b.Error(problems)
		return
	}
	r, err := s.engine.Submit(context.Background(), domain.SubmitSignal{Submission: sub, Now: now})
	if err != nil || r.Verdict != domain.VerdictAccepted {
		b.Errorf("%v %v", r.Verdict, err)
	}
}

func BenchmarkAppendSingle(b *testing.B) {
	var bare, one, two, through laps
	for b.Loop() {
		s := newService(b)
		took := inTurn(singles, bareSync(b), logAlone(b, 1, singles), logAlone(b, 2, singles), func() { s.bar(b) })
		bare, one, two, through = took[0], took[1], took[2], took[3]
	}
	b.ReportMetric(float64(through.at(50).Microseconds()), "µs/signal")
	b.ReportMetric(one.of(bare), "of_fdatasync")
	table.add("durable append, one caller, %d of each in turn", singles)
	table.row("bare write of 4 KiB and fdatasync", "%s", bare)
	table.row("the log alone, 1 record", "%s; %.2f x the bare write (goal %.1f)", one, one.of(bare), wantAppend)
	table.row("the log alone, 2 records", "%s; %.2f x", two, two.of(bare))
	table.row("a signal through the engine (2 events)", "%s; %.2f x", through, through.of(bare))
}

func BenchmarkAppend64(b *testing.B) {
	var rate, events, alone float64
	for b.Loop() {
		s := newService(b)
		before := s.events(b)
		began := time.Now()
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				for range perCaller {
					s.bar(b)
				}
			})
		}
		wg.Wait()
		took := time.Since(began).Seconds()
		rate, events = callers*perCaller/took, float64(s.events(b)-before)/took
		batch := inTurn(batchesLog, logAlone(b, fullBatch, batchesLog))[0].at(50)
		alone = fullBatch / batch.Seconds()
	}
	bare := inTurn(singles, bareSync(b))[0].at(50)
	b.ReportMetric(rate, "signals/s")
	b.ReportMetric(events, "events/s")
	table.add("durable append, %d callers", callers)
	table.row("signals through the engine", "%.0f signals/s (goal %d), %.0f events/s", rate, wantSignals, events)
	table.row("the log alone, batches of 128 records", "%.0f events/s", alone)
	table.row("ratio to the log alone", "%.2f", events/alone)
	table.row("signals for each bare write and fdatasync", "%.1f", rate*bare.Seconds())
}

func (s *service) events(b *testing.B) uint64 {
	b.Helper()
	head, err := s.log.Head(b.Context())
	require.NoError(b, err)
	return head.Next
}

// logAlone gives an append of n true records to a log of its own, to be called so many times: no engine, no decisions.
func logAlone(b testing.TB, n, times int) func() {
	b.Helper()
	memory := eventstore.NewMemory(portfolio)
	newMarket(b, memory, 1).run(uint64(n * (times + 1)))
	log, err := sqlite.Open(b.TempDir(), portfolio, "bench")
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, log.Close()) })
	var all []eventstore.Record
	require.NoError(b, memory.Read(b.Context(), 0, func(recs []eventstore.Record) error { all = append(all, recs...); return nil }))
	at := eventstore.Empty(portfolio)
	return func() {
		if err := log.Append(context.Background(), at, all[:n]); err != nil {
			b.Fatal(err)
		}
		at = all[n-1].After()
		all = all[n:]
	}
}

// bareSync is the limit of every durable append: 4 KiB behind each other in a file, each made durable.
func bareSync(b testing.TB) func() {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, f.Close()) })
	block := make([]byte, bareWrite)
	return func() {
		if _, err := f.Write(block); err != nil {
			b.Fatal(err)
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
	}
}
