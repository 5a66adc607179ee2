package paper

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain/engine"
	"pm/domain/engine/brokertest"
)

// clock is a broker's clock that moves only when a test says so.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 5, 4, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// audited is what both brokers of this package offer beside the port.
type audited interface {
	engine.Broker
	AllOrders(ctx context.Context) ([]engine.BookOrder, error)
}

// openIn opens the broker with a file and closes it at the end of the test.
func openIn(t testing.TB, dir string, opts Options) *Broker {
	t.Helper()
	b, err := Open(dir, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func onFile(t testing.TB, opts Options) audited { return openIn(t, t.TempDir(), opts) }

func inMemory(t testing.TB, opts Options) audited {
	t.Helper()
	m, err := NewMemory(opts)
	require.NoError(t, err)
	return m
}

// onBoth runs a test on the broker with a file and on the one without.
func onBoth(t *testing.T, test func(t *testing.T, open func(testing.TB, Options) audited)) {
	t.Helper()
	t.Run("with a file", func(t *testing.T) { test(t, onFile) })
	t.Run("in memory", func(t *testing.T) { test(t, inMemory) })
}

func always(f Fault) func(int64, engine.Order) Fault {
	return func(int64, engine.Order) Fault { return f }
}

func harness(open func(testing.TB, Options) audited) brokertest.Harness {
	with := func(f Fault) func(testing.TB) engine.Broker {
		return func(t testing.TB) engine.Broker { return open(t, Options{Fault: always(f)}) }
	}
	return brokertest.Harness{
		Open: with(NoFault), Loses: with(LoseAnswer), Drops: with(Drop), Refuses: with(Reject),
		Partly: func(t testing.TB) (engine.Broker, func()) {
			c := newClock()
			return open(t, Options{Delay: time.Second, PartialLots: 1, Now: c.Now}), func() { c.pass(time.Second) }
		},
	}
}

func TestTheBrokerWithAFileKeepsThePromisesOfThePort(t *testing.T) {
	dirs := map[engine.Broker]string{}
	h := harness(onFile)
	h.Open = func(t testing.TB) engine.Broker {
		dir := t.TempDir()
		b := openIn(t, dir, Options{})
		dirs[b] = dir
		return b
	}
	h.Reopen = func(t testing.TB, b engine.Broker) engine.Broker {
		require.NoError(t, b.(*Broker).Close())
		again := openIn(t, dirs[b], Options{})
		dirs[again] = dirs[b]
		return again
	}
	brokertest.Run(t, h)
}

func TestTheBrokerInMemoryKeepsThePromisesOfThePort(t *testing.T) {
	brokertest.Run(t, harness(inMemory))
}
