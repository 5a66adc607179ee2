package api

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

func TestEntriesHaveABudgetAndNothingElseIsCounted(t *testing.T) {
	now := time.Date(2026, 1, 7, 5, 0, 0, 0, time.UTC)
	b := newEntryBudget(func() time.Time { return now })
	for range EntryBurst {
		require.True(t, b.take(domain.BaseEntry))
	}
	require.False(t, b.take(domain.Pyramid), "one more than the burst")
	for _, kind := range []domain.SignalType{domain.Exit, domain.MarketData, domain.EODMonitor} {
		require.True(t, b.take(kind), kind)
	}
	now = now.Add(time.Second / EntriesPerSecond)
	require.True(t, b.take(domain.BaseEntry), "one is back")
	require.False(t, b.take(domain.BaseEntry))
	now = now.Add(time.Hour)
	for range EntryBurst {
		require.True(t, b.take(domain.BaseEntry))
	}
	require.False(t, b.take(domain.BaseEntry), "never more than the burst")
}
