package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/cmd/internal/installation"
	"pm/eventstore"
	"pm/eventstore/sqlite"
	"pm/projections"
)

// pinAt pins a revision of a log in its data folder, as pm does.
func pinAt(t *testing.T, data, dir string, events uint64) {
	t.Helper()
	log, err := sqlite.OpenReader(dir)
	require.NoError(t, err)
	defer log.Close()
	head, err := log.Head(t.Context())
	require.NoError(t, err)
	key, err := installation.LoadOrCreate(data)
	require.NoError(t, err)
	require.NoError(t, installation.WritePin(key, data, log.Portfolio(), eventstore.Head{Next: events, Hash: head.Hash}))
}

func TestAnOlderLogThatIsAcceptedSetsThePinnedHeadAside(t *testing.T) {
	s := storyWithSnapshot(t)
	text, _ := pmctl(t, exitFine, "log", "export", "--data", s.data)
	lines := regexp.MustCompile(`(?m)^.*\n`).FindAllString(text, 31)
	data := t.TempDir()
	s.data = filepath.Join(data, "log")
	pmctlIn(t, strings.Join(lines, ""), exitFine, "log", "import", "-", "--unsigned", "--to", s.data)
	pinAt(t, data, s.data, 47)
	pin := installation.PinFile(data)

	s.run(t, exitFinding, "rebuild")
	s.run(t, exitFine, "rebuild", "--accept-older-log", "--dry-run")
	require.FileExists(t, pin, "neither a refusal nor a dry run changes anything")
	_, errs := s.run(t, exitFine, "rebuild", "--accept-older-log")
	require.Contains(t, errs, "the pinned head knew events that this log does not have: it is kept as "+pin+".aside")
	require.NoFileExists(t, pin)
	require.FileExists(t, pin+".aside")

	pinAt(t, data, s.data, 30)
	_, errs = s.run(t, exitFine, "rebuild", "--accept-older-log")
	require.NotContains(t, errs, "pinned")
	require.FileExists(t, pin, "a pin that the log holds is no obstacle")
	require.NoError(t, os.WriteFile(pin, []byte("torn"), 0o600))
	s.run(t, exitFailed, "rebuild", "--accept-older-log")
	require.FileExists(t, pin, "a broken pin is another finding")
}

// readyAfter answers that the service recovers so many times, then that it is ready.
func readyAfter(t *testing.T, questions int) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if questions--; questions >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"status":"recovering","reasons":["the log is being read"],"degraded":[]}`))
			return
		}
		_, _ = w.Write([]byte(`{"status":"active","reasons":[],"degraded":["snapshot: DB_UNAVAILABLE: nobody there"]}`))
	}))
	t.Cleanup(s.Close)
	return s
}

func TestStatusWaitsUntilTheServiceTakesSignals(t *testing.T) {
	within := time.Second
	questions := int(within / readyEvery)
	_, errs := pmctl(t, exitFinding, "status", "--wait", within.String(), "--server", readyAfter(t, questions).URL)
	require.Contains(t, errs, "not ready within 1s: the service is there and takes no signals: the log is being read")
	_, errs = pmctl(t, exitRefused, "status", "--wait", within.String(), "--server", readyAfter(t, questions-1).URL)
	require.NotContains(t, errs, "not ready", "it became ready with the last question; this one has no portfolio to show")
	_, errs = pmctl(t, exitFinding, "status", "--wait", "1s", "--server", "http://127.0.0.1:1")
	require.Contains(t, errs, "not ready within 1s: no answer from the service")
	_, errs = pmctl(t, exitFailed, "status", "--wait", "1s", "--data", "testlog")
	require.Contains(t, errs, "name it with --server")
}

func TestStatusShowsWhatIsWrongAlthoughSignalsAreTaken(t *testing.T) {
	doc, table := statusDocument{Ready: new(bool), Service: []byte(`{"status":"active","degraded":["snapshot: behind"]}`)}, &table{}
	doc.table(table, projections.Portfolio{})
	require.Contains(t, table.foot, "degraded: snapshot: behind")
}
