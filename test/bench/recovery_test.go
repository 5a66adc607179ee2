package bench

import (
	"cmp"
	"context"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/sqlite"
	"pm/projections"
)

const (
	recoveryEvents = 1_000_000
	recoveryRounds = 3 // of each kind, in turn, so that a busy moment meets both
)

// goals of the recovery: events a second with the chain verified, on two cores, and its part of the bare file's rate.
const (
	wantRate  = 600_000
	wantRatio = 0.6
)

// history is a long true history on the disk, twice: in the real log and in a bare file.
type history struct {
	dir    string
	bare   *bareFile
	types  map[string]int
	bytes  int64
	events uint64
}

func makeHistory(t testing.TB, events uint64) *history {
	t.Helper()
	return makeHistoryIn(t, t.TempDir(), events)
}

// longHistory is made once for all benchmarks.
func longHistory(b testing.TB, events uint64) *history {
	b.Helper()
	if made[events] == nil {
		dir, err := os.MkdirTemp(shared, "history")
		require.NoError(b, err)
		made[events] = makeHistoryIn(b, dir, events)
	}
	return made[events]
}

func makeHistoryIn(t testing.TB, dir string, events uint64) *history {
	t.Helper()
	log, err := sqlite.Open(filepath.Join(dir, "log"), portfolio, "bench")
	require.NoError(t, err)
	s := newSink(t, log, filepath.Join(dir, "bare"))
	m := newMarket(t, s, 1)
	m.run(events)
	require.NoError(t, s.close(t.Context()))
	h := &history{dir: filepath.Join(dir, "log"), bare: &bareFile{filepath.Join(dir, "bare"), s.head}, types: map[string]int{}, bytes: s.bytes, events: s.head.Next}
	_, err = eventstore.Replay(t.Context(), h.bare, 0, func(r domain.Recorded, _ eventstore.Hash) error { h.types[r.Type]++; return nil })
	require.NoError(t, err)
	require.NoError(t, log.Close())
	return h
}

// open opens the real log as a start does.
func (h *history) open(t testing.TB) eventstore.Log {
	t.Helper()
	log, err := sqlite.OpenReader(h.dir)
	require.NoError(t, err)
	return log
}

func BenchmarkRecovery(b *testing.B) {
	h := longHistory(b, number(b, "PM_BENCH_EVENTS", recoveryEvents))
	log := h.open(b)
	defer log.Close()
	recoverOnce(b, log) // both from memory: what is measured is the work, not the disk's first read
	recoverOnce(b, h.bare)
	stop := profile(b)
	var ours, bare, burned []float64
	digest := ""
	for b.Loop() {
		for range recoveryRounds {
			before := processorTime(b)
			r, d := recoverOnce(b, log)
			ours, burned = append(ours, r), append(burned, (processorTime(b)-before).Seconds())
			r, again := recoverOnce(b, h.bare)
			bare = append(bare, r)
			require.Equal(b, d, again, "both give the same state")
			digest = d
		}
	}
	stop()
	rate, limit := median(ours), median(bare)
	b.ReportMetric(rate, "events/s")
	b.ReportMetric(rate/limit, "of_bare_file")
	table.add("recovery, %d events, %d MB, chain verified", h.events, h.bytes>>20)
	table.row("the log", "%.0f events/s (goal %d)", rate, wantRate)
	table.row("a bare file of the same bytes", "%.0f events/s", limit)
	table.row("processor time an event, so cores could do", "%.2f µs, %.0f events/s", 1e6*median(burned)/float64(h.events),
		float64(runtime.GOMAXPROCS(0))*float64(h.events)/median(burned))
	table.row("ratio", "%.2f (goal %.1f)", rate/limit, wantRatio)
	table.row("cores, state digest", "%d, %.16s", runtime.GOMAXPROCS(0), digest)
	for _, name := range slices.SortedFunc(maps.Keys(h.types), func(a, b string) int { return cmp.Compare(h.types[b], h.types[a]) }) {
		table.row("  "+name, "%.1f %%", 100*float64(h.types[name])/float64(h.events))
	}
}

// recoverOnce gives the rate of one recovery and the digest of its state.
func recoverOnce(b testing.TB, log eventstore.Log) (rate float64, digest string) {
	b.Helper()
	runtime.GC()
	began := time.Now()
	r, err := projections.Recover(context.Background(), log, projections.RecoverOptions{})
	took := time.Since(began)
	require.NoError(b, err)
	return float64(r.Report.Events) / took.Seconds(), r.Report.StateDigest
}

// processorTime is what this process has used of all cores: on a machine with other work it says more than the clock.
func processorTime(b testing.TB) time.Duration {
	b.Helper()
	var use unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &use))
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// profile writes a CPU profile of what follows, if one is asked for.
func profile(b testing.TB) (stop func()) {
	b.Helper()
	name := os.Getenv("PM_BENCH_PROFILE")
	if name == "" {
		return func() {}
	}
	f, err := os.Create(name)
	require.NoError(b, err)
	require.NoError(b, pprof.StartCPUProfile(f))
	return func() {
		pprof.StopCPUProfile()
		require.NoError(b, f.Close())
	}
}

func number(b testing.TB, name string, standard uint64) uint64 {
	b.Helper()
	text := os.Getenv(name)
	if text == "" {
		return standard
	}
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(b, err, name)
	return n
}
