package bench

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// laps are the durations of the same work, rising.
type laps []time.Duration

// inTurn does each work n times, one after the other in every round, so that a busy moment meets all of them.
func inTurn(n int, works ...func()) []laps {
	out := make([]laps, len(works))
	for range n {
		for i, work := range works {
			began := time.Now()
			work()
			out[i] = append(out[i], time.Since(began))
		}
	}
	for _, l := range out {
		slices.Sort(l)
	}
	return out
}

// at is a percentile: the smallest duration that so many of a hundred do not exceed.
func (l laps) at(percent int) time.Duration { return l[(len(l)*percent+99)/100-1] }

// of is the ratio of the medians.
func (l laps) of(limit laps) float64 { return float64(l.at(50)) / float64(limit.at(50)) }

// String names the median and the tail.
func (l laps) String() string {
	return fmt.Sprintf("p50 %v, p99 %v", l.at(50).Round(time.Microsecond), l.at(99).Round(time.Microsecond))
}

func TestAPercentileIsTheSmallestDurationThatSoManyDoNotExceed(t *testing.T) {
	var hundred laps
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	require.Equal(t, time.Duration(50), hundred.at(50))
	require.Equal(t, time.Duration(99), hundred.at(99))
	require.Equal(t, time.Duration(100), hundred.at(100))
	require.Equal(t, time.Duration(7), laps{7}.at(50), "one is its own median")
	require.InDelta(t, 2.0, hundred.of(laps{25}), 0)
}

func TestWorkThatIsComparedIsDoneInTurn(t *testing.T) {
	order := ""
	took := inTurn(3, func() { order += "a" }, func() { order += "b" })
	require.Equal(t, "ababab", order)
	require.Len(t, took, 2)
	require.Len(t, took[0], 3)
}

// sorted are laps that were taken at different times, rising.
func sorted(l laps) laps {
	slices.Sort(l)
	return l
}
