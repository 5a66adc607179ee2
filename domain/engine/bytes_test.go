package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain/engine"
	"pm/eventstore"
)

func TestAnAppendEndsAtItsBytesAndTheRestGoesIntoTheNext(t *testing.T) {
	const most, senders = 100_000, 40
	r := newRig(t, func(o *engine.Options) { o.MaxBytes = most })
	gate, entered := make(chan struct{}), make(chan struct{}, 1000)
	var mu sync.Mutex
	var appends []int
	r.log.Fault(eventstore.Faults{BeforeAppend: func(_ context.Context, _ eventstore.Head, recs []eventstore.Record) error {
		entered <- struct{}{}
		<-gate
		size := 0
		for _, rec := range recs {
			size += rec.Size()
		}
		mu.Lock()
		defer mu.Unlock()
		appends = append(appends, size)
		return nil
	}})
	r.run(false)
	var wg sync.WaitGroup
	submit := func(n int) {
		signal := r.signal("MARKET_DATA", fmt.Sprintf(`,"id":"bar-%d","price":52000,"atr":220,"supertrend":51650%s`, n, strings.Repeat("\n", 4000)))
		wg.Go(func() {
			result, err := r.engine.Submit(context.Background(), signal)
			require.NoError(t, err)
			require.NoError(t, result.Err)
		})
	}
	submit(0)
	<-entered // the writer is at the disk, the others come meanwhile, one after another
	for n := 1; n < senders; n++ {
		submit(n)
		require.Eventually(t, func() bool { return r.engine.Waiting() == n }, 5*time.Second, 100*time.Microsecond)
	}
	close(gate)
	wg.Wait()
	require.NoError(t, r.stop())
	require.GreaterOrEqual(t, len(appends), 11, "the first, and then four of 25 KB each")
	require.LessOrEqual(t, len(appends), 14, "what waits goes together")
	for _, size := range appends {
		require.Less(t, size, most+30_000, "one command over the limit at most")
	}
	require.Len(t, slices.DeleteFunc(r.types(2), func(kind string) bool { return kind != "SignalReceived" }), senders, "each once")
}
