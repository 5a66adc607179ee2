package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/sqlite"
)

func TestAPointValueReplacesTheDatedOnesOfItsInstrumentOnly(t *testing.T) {
	settings := map[string]string{
		"instruments.TIN.point_value": "1", "instruments.TIN.point_value@2020-01-01": "2", "instruments.TIN.tick": "1",
		"instruments.TINPLATE.point_value": "5", "risk.peel_off": "false",
	}
	require.NoError(t, setPointValue(settings, "TIN", "9"))
	require.Equal(t, map[string]string{
		"instruments.TIN.point_value": "9", "instruments.TIN.tick": "1", "instruments.TINPLATE.point_value": "5", "risk.peel_off": "false",
	}, settings)
	require.ErrorContains(t, setPointValue(settings, "ZINC", "9"), "ZINC is not in the configuration")
}

func TestABacktestFollowsAConfigurationFileAndListsAllOfItsProblems(t *testing.T) {
	file := writeFile(t, "pm.yaml", "portfolio:\n  initial_capital: 700000\nrisk:\n  max_margin_percent: 50\n")
	small, _ := report(t, "testdata/story.ndjson", "--config", file)
	usual, _ := report(t, "testdata/story.ndjson")
	require.NotEqual(t, usual.Orders, small.Orders, "a seventh of the capital buys less")
	over, _ := report(t, "testdata/story.ndjson", "--config", file, "--capital", "5000000")
	require.Equal(t, usual.Orders, over.Orders, "a flag stands above the file")
	bad := writeFile(t, "pm.yaml", "risk:\n  max_margin_percent: 5000\nsizing:\n  mode: best\n")
	for _, verb := range [][]string{{"backtest", "testdata/story.ndjson"}, {"size"}} {
		_, errs := pmctl(t, exitFailed, append(verb, "--config", bad)...)
		require.Contains(t, errs, "risk.max_margin_percent")
		require.Contains(t, errs, "best")
	}
	_, errs := pmctl(t, exitFailed, "backtest", "testdata/story.ndjson", "--config", bad, "--sizing", "own")
	require.NotContains(t, errs, "best", "what a flag replaces does not matter")
}

// A sound chain can still tell what cannot have happened.
func TestAnEventThatCannotFollowIsAFindingThatNamesTheRevision(t *testing.T) {
	conf, err := loadConfig("", nil)
	require.NoError(t, err)
	dir, at := t.TempDir(), time.Date(2026, 1, 5, 4, 0, 0, 0, time.UTC)
	log, err := sqlite.Open(dir, "main", "here")
	require.NoError(t, err)
	sealer := eventstore.NewSealer(eventstore.Empty("main"), at, eventstore.Author{Portfolio: "main", Instance: "here", Build: "test", Epoch: 1})
	var records []eventstore.Record
	for _, event := range []domain.Event{
		&domain.PortfolioOpened{ID: "main", Currency: "INR", InitialCapital: domain.D("1"), Settings: conf.Decision()},
		&domain.LeaderEpochStarted{Epoch: 1, Instance: "here"},
		&domain.StopMoved{PositionID: "COPPER-1-Long_1", From: domain.D("1"), To: domain.D("2"), Highest: domain.D("3"), Cause: domain.StopTrailed},
	} {
		record, _, err := sealer.Seal(eventstore.Draft{Event: event, At: at})
		require.NoError(t, err)
		records = append(records, record)
	}
	require.NoError(t, log.Append(context.Background(), eventstore.Empty("main"), records))
	require.NoError(t, log.Close())
	for _, verb := range [][]string{{"replay"}, {"replay", "--state"}, {"log", "info"}, {"positions"}, {"portfolio"}} {
		_, errs := pmctl(t, exitFinding, append(verb, "--data", dir)...)
		require.Contains(t, errs, "DATA_CORRUPT: revision 2")
		require.Contains(t, errs, "no open layer COPPER-1-Long_1")
	}
}

func TestASecretFollowsNoRedirect(t *testing.T) {
	elsewhere := newHook(t, nil)
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/webhook", http.StatusTemporaryRedirect))
	defer server.Close()
	out, _ := pmctlIn(t, exits(1, "A"), exitRefused, "signals", "send", "-", "--server", server.URL, "--token", "hush", "--retry")
	require.Contains(t, out, "the service answered 307")
	require.Empty(t, elsewhere.sent())
}
