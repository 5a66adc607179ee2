package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/adapters/broker/paper"
	index "pm/adapters/sqlite"
	"pm/domain/engine"
	"pm/eventstore/sqlite"
	"pm/projections"
)

// childOf names the folder of the log that a started process measures itself with; it prints a measured and ends.
const childOf = "PM_BENCH_CHILD"

// wantMemory is the goal of the memory of the longest history, as a multiple of that of the shortest.
const wantMemory = 1.5

// measured is what a process says of itself. Bytes.
type measured struct {
	Ready   time.Time // of the first answer
	Events  uint64
	Rate    float64 // of the recovery
	Heap    uint64  // live once the lists of the past have caught up
	Settled uint64  // resident then, with what is free given back
	Peak    uint64  // the most that was resident
}

// runChild starts a service on a log as a restart does, in a process of its own, so that no other size is in its memory.
func runChild(dir string) int {
	m, err := restart(dir)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(m)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// restart writes nothing to the log: it is opened for reading, and the clock stands where the log ends.
func restart(dir string) (*measured, error) {
	log, err := sqlite.OpenReader(dir)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	defer log.Close()
	recovered, err := projections.Recover(context.Background(), log, projections.RecoverOptions{})
	if err != nil {
		return nil, err
	}
	rows, err := index.Open(filepath.Join(dir, "history.db"))
	if err != nil {
		return nil, fmt.Errorf("open the lists: %w", err)
	}
	defer rows.Close()
	broker, err := paper.NewMemory(paper.Options{})
	if err != nil {
		return nil, fmt.Errorf("make the broker: %w", err)
	}
	last := recovered.State.At
	e := engine.New(engine.Options{Log: log, Broker: broker, Instance: "bench", Build: "bench", Clock: func() time.Time { return last }},
		recovered.State, recovered.Head)
	m := &measured{Events: recovered.Head.Next, Rate: recovered.Report.EventsPerSecond}
	return m, m.answer(e, log, projections.NewHistoryIn(rows))
}

// answer runs the service until it has answered and its lists have caught up, and looks at the memory.
func (m *measured) answer(e *engine.Engine, log *sqlite.Log, history *projections.History) error {
	ctx, stop := context.WithCancel(context.Background())
	ends := make(chan error, 2)
	go func() { ends <- e.Run(ctx) }()
	go func() { ends <- history.Follow(ctx, log) }()
	w, end, err := listen(e, log, history)
	if err == nil {
		err = errors.Join(m.first(w), caughtUp(ctx, history, m.Events-1), m.look(), end())
	}
	stop()
	return errors.Join(err, <-ends, <-ends)
}

// first asks for the portfolio, which the writer answers.
func (m *measured) first(w *web) error {
	status, text, err := w.exchange("GET", "/api/v1/portfolio", nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the portfolio was answered %d: %s", status, text)
	}
	m.Ready = time.Now()
	return err
}

func caughtUp(ctx context.Context, history *projections.History, revision uint64) error {
	for {
		if err := history.WaitFor(ctx, revision); !errors.Is(err, projections.ErrHistoryBehind) {
			return err
		}
	}
}

// look gives back what is free before it asks for what is resident.
func (m *measured) look() error {
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	m.Heap = stats.HeapAlloc
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return fmt.Errorf("read the memory of this process: %w", err)
	}
	if m.Settled, err = statusBytes(string(text), "VmRSS"); err != nil {
		return err
	}
	m.Peak, err = statusBytes(string(text), "VmHWM")
	return err
}

// statusBytes reads a line of /proc/PID/status.
func statusBytes(text, name string) (uint64, error) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kib, err := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no %s in /proc/self/status", name)
}

// startChild measures one start, from before the process exists to its first answer.
func startChild(t testing.TB, dir string) (m measured, ready time.Duration) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childOf+"="+dir)
	child.Stderr = os.Stderr
	began := time.Now()
	out, err := child.Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, &m))
	return m, m.Ready.Sub(began)
}

func TestAProcessMeasuresItsStartAndItsMemory(t *testing.T) {
	h := makeHistory(t, 2000)
	for range 2 { // the second finds its lists made
		m, ready := startChild(t, h.dir)
		require.Equal(t, h.events, m.Events)
		require.Positive(t, ready)
		require.Greater(t, m.Heap, uint64(1<<20))
		require.Greater(t, m.Settled, m.Heap, "the heap is a part of what is resident")
		require.GreaterOrEqual(t, m.Peak, m.Settled)
	}
	log := h.open(t)
	defer log.Close()
	head, err := log.Head(t.Context())
	require.NoError(t, err)
	require.Equal(t, h.events, head.Next, "a measured start writes nothing")
}

func TestALineOfTheStatusIsReadInBytes(t *testing.T) {
	n, err := statusBytes("Name:\tbench\nVmRSS:\t    2048 kB\n", "VmRSS")
	require.NoError(t, err)
	require.Equal(t, uint64(2<<20), n)
	_, err = statusBytes("Name:\tbench\n", "VmRSS")
	require.ErrorContains(t, err, "VmRSS")
}

// sizes are the histories that starts are measured with: 10 k, 100 k and the long one.
func sizes(b testing.TB) []uint64 {
	b.Helper()
	long := number(b, "PM_BENCH_EVENTS", recoveryEvents)
	var out []uint64
	for _, n := range []uint64{10_000, 100_000} {
		if n < long {
			out = append(out, n)
		}
	}
	return append(out, long)
}

const startRounds = 3 // of each size; the first makes the lists of the past and is not counted

func BenchmarkRestart(b *testing.B) {
	var all []measured
	for b.Loop() {
		all = nil
		table.add("a start on each size of history, in a process of its own, median of %d", startRounds)
		for _, n := range sizes(b) {
			all = append(all, starts(b, longHistory(b, n)))
		}
	}
	first, last := all[0], all[len(all)-1]
	heap, resident := float64(last.Heap)/float64(first.Heap), float64(last.Settled)/float64(first.Settled)
	b.ReportMetric(resident, "resident_ratio")
	table.row("memory, the longest to the shortest", "resident %.2f (goal %.1f), live heap %.2f", resident, wantMemory, heap)
}

// starts adds the rows of one size and gives the medians of the memory.
func starts(b *testing.B, h *history) measured {
	b.Helper()
	startChild(b, h.dir)
	var ready, rate, heap, settled, peak []float64
	for range startRounds {
		m, took := startChild(b, h.dir)
		ready, rate = append(ready, took.Seconds()), append(rate, m.Rate)
		heap, settled, peak = append(heap, float64(m.Heap)), append(settled, float64(m.Settled)), append(peak, float64(m.Peak))
	}
	name := fmt.Sprintf("%d events", h.events)
	table.row(name+": first answer after", "%.3f s, recovered at %.0f events/s", median(ready), median(rate))
	table.row(name+": memory", "live heap %.1f MiB, resident %.1f MiB, peak %.1f MiB", median(heap)/(1<<20), median(settled)/(1<<20), median(peak)/(1<<20))
	return measured{Heap: uint64(median(heap)), Settled: uint64(median(settled))}
}
