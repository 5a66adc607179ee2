package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestADemoFeedsItselfWhereReadsWantAToken(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "pm.yaml")
	require.NoError(t, os.WriteFile(config, []byte("api: {tokens: [{name: anna, role: viewer, token: annas-token-0123456789}]}"), 0o600))
	r := launch(t, "--demo", "--config", config, "--data", filepath.Join(dir, "demo"))
	require.Eventually(t, func() bool { return strings.Contains(r.out.String(), "Dashboard: ") }, deadline, 5*time.Millisecond)
	require.Contains(t, r.out.String(), "sample signals: 38 accepted, 5 rejected")
	require.Contains(t, r.out.String(), "Bearer TOKEN")
	answer, err := http.Get(r.url + "/api/v1/portfolio")
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusUnauthorized, answer.StatusCode, "nobody reads without one")
	require.Equal(t, exitStopped, r.stop())
	require.NotContains(t, r.out.String()+r.errs.String(), "annas-token")
}

func TestAFileOfThePastThatCannotBeOpenedStopsNobodyFromTrading(t *testing.T) {
	data := t.TempDir()
	path := filepath.Join(data, historyFile)
	require.NoError(t, os.Mkdir(path, 0o700))
	r := launch(t, "--data", data)
	require.Contains(t, r.errs.String(), "the lists of the past are kept in memory only")
	require.Contains(t, r.get("/api/v1/signals"), "signals")
	require.Equal(t, exitStopped, r.stop())
}

func TestTheListsOfThePastAreKeptInAFile(t *testing.T) {
	data := t.TempDir()
	r := launch(t, "--data", data)
	require.Contains(t, r.get("/api/v1/trades"), "trades")
	require.Equal(t, exitStopped, r.stop())
	require.FileExists(t, filepath.Join(data, historyFile))
}
