package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

// service is an engine that runs on a durable log; nothing else runs beside it.
type service struct {
	engine *engine.Engine
	log    eventstore.Log
	bars   atomic.Int64
}

func newService(b *testing.B) *service {
	b.Helper()
	log, err := sqlite.Open(b.TempDir(), portfolio, "bench")
	require.NoError(b, err)
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

// bar submits one bar: two events, parsed, decided, durable, answered.
func (s *service) bar(b *testing.B) {
	n := s.bars.Add(1)
	now := time.Now().UTC()
	sub, _, problems := domain.ParseSignal(fmt.Appendf(nil,
		`{"type":"MARKET_DATA","instrument":"BANK_NIFTY","timestamp":%q,"price":"52000.%02d","atr":"350","supertrend":"51650","id":"bar-%d"}`,
		now.Format(time.RFC3339Nano), n%100, n), now)
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
	var through, alone, bare time.Duration
	for b.Loop() {
		s := newService(b)
		through = p50(singles, func() { s.bar(b) })
		alone = logAlone(b, 2)
		bare = bareSync(b)
	}
	b.ReportMetric(float64(through.Microseconds()), "µs/signal")
	b.ReportMetric(float64(through)/float64(bare), "of_fdatasync")
	table.add("durable append, one caller, p50 of %d", singles)
	table.row("a signal through the engine (2 events)", "%v", through)
	table.row("the log alone (2 records)", "%v", alone)
	table.row("bare write of 4 KiB and fdatasync", "%v", bare)
	table.row("ratio to the bare write", "%.2f, the log alone %.2f", float64(through)/float64(bare), float64(alone)/float64(bare))
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
		alone = float64(time.Second) / float64(logAlone(b, fullBatch)) * fullBatch
	}
	bare := bareSync(b)
	b.ReportMetric(rate, "signals/s")
	b.ReportMetric(events, "events/s")
	table.add("durable append, %d callers", callers)
	table.row("signals through the engine", "%.0f signals/s, %.0f events/s", rate, events)
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

// logAlone appends true records in batches of n to a log of its own: no engine, no decisions.
func logAlone(b *testing.B, n int) time.Duration {
	b.Helper()
	memory := eventstore.NewMemory(portfolio)
	newMarket(b, memory, 1).run(uint64(n * (batchesLog + 1)))
	log, err := sqlite.Open(b.TempDir(), portfolio, "bench")
	require.NoError(b, err)
	defer log.Close()
	var all []eventstore.Record
	require.NoError(b, memory.Read(b.Context(), 0, func(recs []eventstore.Record) error { all = append(all, recs...); return nil }))
	at := eventstore.Empty(portfolio)
	return p50(batchesLog, func() {
		if err := log.Append(context.Background(), at, all[:n]); err != nil {
			b.Fatal(err)
		}
		at = all[n-1].After()
		all = all[n:]
	})
}

// bareSync is the limit of every durable append: 4 KiB behind each other in a file, each made durable.
func bareSync(b *testing.B) time.Duration {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	require.NoError(b, err)
	defer f.Close()
	block := make([]byte, bareWrite)
	return p50(singles, func() {
		if _, err := f.Write(block); err != nil {
			b.Fatal(err)
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
	})
}

func p50(n int, do func()) time.Duration {
	took := make([]time.Duration, n)
	for i := range took {
		began := time.Now()
		do()
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[n/2]
}
