package bench

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/adapters/postgres"
	"pm/adapters/postgres/pgtest"
	"pm/eventstore"
	"pm/projections"
)

// The goals with PostgreSQL on the same machine, which keeps what it confirms.
const (
	wantCompare50      = 15 * time.Millisecond // 50 open positions, 1,000 events
	wantCompare10k     = 40 * time.Millisecond // 10,000 events
	wantCompareLongest = 2 * time.Second       // 1,000,000 events
	wantRebuild        = 100_000               // events a second
	wantBeside         = 1.10                  // median of an answer with the follower on, as a multiple of that without
)

const (
	compareRounds = 7    // recoveries with the snapshot and without it, in turn
	besideRuns    = 10   // services with the follower and without it, in turn
	besideSignals = 1000 // of each run, a second or so: the follower writes ten times meanwhile
)

// database is a snapshot on a server of its own.
type database struct {
	t   testing.TB
	url string
}

func newDatabase(t testing.TB, server *pgtest.Server) *database {
	t.Helper()
	return &database{t, server.Database(t)}
}

// open connects anew, as a start does.
func (d *database) open() projections.Snapshot {
	d.t.Helper()
	s, err := postgres.Open(d.url)
	require.NoError(d.t, err)
	return s
}

// rebuild folds a log into the database and gives events a second.
func (d *database) rebuild(log eventstore.Log, events uint64) float64 {
	d.t.Helper()
	s := d.open()
	defer s.Close()
	runtime.GC()
	r, err := projections.Rebuild(context.Background(), log, s, projections.RebuildOptions{})
	require.NoError(d.t, err)
	require.True(d.t, r.Switched)
	return float64(events) / r.Took.Seconds()
}

// compare recovers a log, held against the database if asked for, from a new connection.
func (d *database) compare(log eventstore.Log, with bool) func() {
	return func() {
		o := projections.RecoverOptions{}
		if with {
			s := d.open()
			defer s.Close()
			o.Snapshot = s
		}
		r, err := projections.Recover(context.Background(), log, o)
		require.NoError(d.t, err)
		if with {
			require.Equal(d.t, projections.SnapshotAgreed, r.Report.Snapshot)
		}
	}
}

// measureCompare adds the row of one history and gives the rate of its rebuild.
func measureCompare(b *testing.B, server *pgtest.Server, name string, h *history, goal time.Duration) (rebuilt float64) {
	b.Helper()
	log := h.open(b)
	defer log.Close()
	d := newDatabase(b, server)
	rebuilt = d.rebuild(log, h.events)
	d.compare(log, true)() // the disk's first read is nobody's figure
	took := inTurn(compareRounds, d.compare(log, false), d.compare(log, true))
	text := ""
	if goal > 0 {
		text = fmt.Sprintf(" (goal %v)", goal)
	}
	table.row(fmt.Sprintf("%s, %d events", name, h.events), "compared %v%s, the log alone %v", took[1].at(50).Round(10*time.Microsecond), text,
		took[0].at(50).Round(10*time.Microsecond))
	return rebuilt
}

func BenchmarkCompare(b *testing.B) {
	server := pgtest.Start(b, pgtest.Durable...)
	for b.Loop() {
		table.add("recovery compared with PostgreSQL over a new connection, median of %d", compareRounds)
		for _, positions := range []int{10, 20, 50, 1000} {
			goal := map[int]time.Duration{50: wantCompare50}[positions]
			measureCompare(b, server, fmt.Sprintf("%d positions open", positions), crowd(b, positions, 1000), goal)
		}
		rate := 0.0
		for _, n := range sizes(b) {
			goal := map[uint64]time.Duration{10_000: wantCompare10k, recoveryEvents: wantCompareLongest}[n]
			rate = measureCompare(b, server, "a long history", longHistory(b, n), goal)
		}
		b.ReportMetric(rate, "rebuilt_events/s")
		table.row("rebuild of the longest, read back and switched", "%.0f events/s (goal %d)", rate, wantRebuild)
	}
}

// timed is a snapshot that keeps how long each write took.
type timed struct {
	projections.Snapshot
	mu     sync.Mutex
	writes laps
}

// Write makes the change and notes the time.
func (s *timed) Write(ctx context.Context, change projections.Change) error {
	began := time.Now()
	err := s.Snapshot.Write(ctx, change)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = append(s.writes, time.Since(began))
	return err
}

// count is how many writes were made.
func (s *timed) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.writes)
}

// answers is the median of a sender's answers, with a follower writing into a database beside the writer, or without.
func answers(b *testing.B, d *database) (median time.Duration, writes laps) {
	b.Helper()
	log := durableLog(b)
	s, w := newWeb(b, log)
	end := func() {}
	snapshot := &timed{}
	if d != nil {
		snapshot.Snapshot = d.open()
		end = followBeside(b, log, snapshot)
	}
	w.send(b, s)
	for d != nil && snapshot.count() == 0 { // the tables are made once in the life of a database, not beside trading
		w.send(b, s)
	}
	took := inTurn(besideSignals, func() { w.send(b, s) })
	end()
	return took[0].at(50), snapshot.writes
}

// followBeside runs a follower until end is called, which waits for its last write.
func followBeside(b *testing.B, log eventstore.Log, snapshot projections.Snapshot) (end func()) {
	b.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	follower := projections.NewFollower(log, snapshot, projections.FollowerOptions{})
	go func() { done <- follower.Run(ctx) }()
	return func() {
		require.NoError(b, follower.Health().Trouble)
		stop()
		require.NoError(b, <-done)
		require.NoError(b, snapshot.Close())
	}
}

func BenchmarkFollower(b *testing.B) {
	server := pgtest.Start(b, pgtest.Durable...)
	var with, without []float64
	var writes laps
	for b.Loop() {
		with, without, writes = nil, nil, nil
		for range besideRuns {
			off, _ := answers(b, nil)
			on, wrote := answers(b, newDatabase(b, server))
			with, without, writes = append(with, on.Seconds()), append(without, off.Seconds()), append(writes, wrote...)
		}
	}
	writes = sorted(writes)
	require.NotEmpty(b, writes)
	b.ReportMetric(median(with)/median(without), "of_without")
	table.add("answers to one sender with a follower that writes into PostgreSQL, and without, medians of %d runs of %d in turn", besideRuns, besideSignals)
	table.row("without", "p50 %.0f µs", 1e6*median(without))
	table.row("with the follower", "p50 %.0f µs", 1e6*median(with))
	table.row("ratio", "%.2f (goal %.2f)", median(with)/median(without), wantBeside)
	table.row(fmt.Sprintf("one write of the snapshot, of %d", len(writes)), "%s", writes)
}
