package localcopy

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

// pace is the collector's target now.
func pace() int {
	p := debug.SetGCPercent(100)
	debug.SetGCPercent(p)
	return p
}

func TestTheCollectorWaitsOnlyWhileManyEventsAreFetched(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	sparing(manyEvents - 1)()
	require.Equal(t, 100, pace())
	restore := sparing(manyEvents)
	require.Equal(t, slowestPace, pace(), "little is alive in a test")
	second := sparing(manyEvents) // another one at the same time changes nothing, and restores nothing
	require.Equal(t, slowestPace, pace())
	second()
	require.Equal(t, slowestPace, pace())
	restore()
	require.Equal(t, 100, pace())
	sparing(manyEvents)()
	require.Equal(t, 100, pace(), "the next one may")
}

func TestACollectorThatIsSlowerAlreadyStaysAsItIs(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	for _, slower := range []int{800, -1} {
		debug.SetGCPercent(slower)
		restore := sparing(manyEvents)
		require.Equal(t, slower, pace())
		restore()
		require.Equal(t, slower, pace())
	}
}

func TestTheMoreIsAliveTheLessGarbageIsAdded(t *testing.T) {
	for live, want := range map[uint64]int{0: 400, 1 << 20: 400, 16 << 20: 400, 32 << 20: 200, 64 << 20: 100, 1 << 30: 100} {
		require.Equal(t, want, paceFor(live), "%d MiB", live>>20)
	}
}
