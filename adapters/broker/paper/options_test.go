package paper

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

func TestOptionsAreTakenUpToTheirLimitsAndRefusedBeyond(t *testing.T) {
	for name, opts := range map[string]Options{
		"the zero value":            {},
		"the largest slippage":      {Slippage: domain.D("0.999999")},
		"the largest fee":           {Fee: domain.D("0.999999")},
		"the longest delay":         {Delay: MaxDelay},
		"the largest part":          {PartialLots: MaxUnits},
		"every send with any fault": {DropEvery: 1, LoseAnswerEvery: 1, RejectEvery: 1, RejectLaterEvery: 1, CancelRestEvery: 1},
	} {
		require.NoError(t, opts.check(), name)
	}
	for want, opts := range map[string]Options{
		"slippage is 1,":                {Slippage: domain.D("1")},
		"slippage is -0.001":            {Slippage: domain.D("-0.001")},
		"slippage is 0.0000001":         {Slippage: domain.D("0.0000001")},
		"fee is 1,":                     {Fee: domain.D("1")},
		"fee is -0.0005":                {Fee: domain.D("-0.0005")},
		"fee is 0.0000005":              {Fee: domain.D("0.0000005")},
		"delay is 86400000000001":       {Delay: MaxDelay + 1},
		"delay is -1000000000":          {Delay: -time.Second},
		"partial lots is -1":            {PartialLots: -1},
		"partial lots is 1000000001":    {PartialLots: MaxUnits + 1},
		"drop every is -1":              {DropEvery: -1},
		"lose answer every is -1":       {LoseAnswerEvery: -1},
		"reject every is -1":            {RejectEvery: -1},
		"reject later every is -1":      {RejectLaterEvery: -1},
		"cancel rest every is 10000000": {CancelRestEvery: MaxUnits + 1},
	} {
		_, err := NewMemory(opts)
		require.ErrorContains(t, err, want)
		dir := t.TempDir()
		_, err = Open(dir, opts)
		require.ErrorContains(t, err, want)
		require.NoFileExists(t, dir+"/"+fileName)
	}
}

func TestEveryOptionOutOfBoundsIsNamedAtOnce(t *testing.T) {
	_, err := NewMemory(Options{Slippage: domain.D("2"), Fee: domain.D("3"), Delay: -1, DropEvery: -4})
	for _, want := range []string{"slippage is 2", "fee is 3", "delay is -1", "drop every is -4"} {
		require.ErrorContains(t, err, want)
	}
}

func TestTheDefaultClockIsTheSystemsInUTC(t *testing.T) {
	before := time.Now()
	now := Options{}.now()
	require.Equal(t, time.UTC, now.Location())
	require.False(t, now.Before(before.Round(0)))
	require.False(t, now.After(time.Now().Round(0)))
}
