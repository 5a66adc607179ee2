package api

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/projections"
)

func TestFiguresAreWrittenForReaders(t *testing.T) {
	for number, want := range map[string]string{
		"0": "0.00", "999.995": "1,000.00", "1000": "1,000.00", "-1234567.891": "−1,234,567.89", "100": "100.00", "150839316.04": "150,839,316.04",
	} {
		require.Equal(t, want, money(domain.D(number)), number)
	}
	require.Equal(t, "50,000.05", price(domain.D("50000.05")))
	missing := (*domain.Decimal)(nil)
	require.Equal(t, "–", price(missing))
	require.Equal(t, "12.35 %", percent(domain.D("12.345678")))
}

func TestTimesAreShownAsTheExchangeHasThem(t *testing.T) {
	at := time.Date(2026, 1, 5, 20, 0, 5, 0, time.UTC)
	require.Equal(t, "6 Jan 01:30:05", clock(at))
	require.Equal(t, "6 Jan 01:30:05", clock(&at))
	require.Equal(t, "–", clock((*time.Time)(nil)))
}

func TestEveryOutcomeHasWords(t *testing.T) {
	for _, action := range []string{domain.ActionOpenBase, domain.ActionAddLayer, domain.ActionExit, domain.ActionMark, domain.ActionNone} {
		require.NotEmpty(t, words(projections.Signal{Decision: &projections.Decision{Action: action}}), action)
	}
	require.Equal(t, "Sells 1 lot.", words(projections.Signal{Decision: &projections.Decision{Action: domain.ActionExit, Lots: 1}}))
	two := projections.ReasonsOf([]domain.Reason{{Code: domain.ReasonOneR}, {Code: domain.ReasonProfit}})
	require.Equal(t, domain.ReasonOneR.Sentence()+" "+domain.ReasonProfit.Sentence(), words(projections.Signal{Reasons: two}))
}
