package api

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNamesThatSendersMakeUpDoNotCrowdOutAnInstrument(t *testing.T) {
	at := time.Date(2026, 1, 5, 5, 0, 0, 0, time.UTC)
	m := newMetrics("test", "one", func() time.Time { return at })
	for i := range maxInstruments + 1 {
		m.Observe(Step{Signals: []JudgedSignal{{Type: "EXIT", Instrument: fmt.Sprint("MADE-UP-", i), Verdict: "rejected"}}})
	}
	require.Len(t, m.lastSignal, maxInstruments)
	require.Empty(t, m.signalAges([]string{"GOLD_MINI"}))
	m.Observe(Step{Signals: []JudgedSignal{{Type: "EXIT", Instrument: "GOLD_MINI", Verdict: "rejected"}}})
	at = at.Add(time.Minute)
	require.Equal(t, map[string]time.Duration{"GOLD_MINI": time.Minute}, m.signalAges([]string{"GOLD_MINI"}))
}
