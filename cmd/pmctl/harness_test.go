package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/cmd/internal/stores"
)

var update = flag.Bool("update", false, "write the golden files anew")

// tool is pmctl in the test's own process: what it printed and how it ended.
type tool struct {
	c    *cli
	out  bytes.Buffer
	errs bytes.Buffer
}

// newTool has a clock of its own, which moves only while the tool waits.
func newTool(in string) *tool {
	t := &tool{}
	clock := &manualClock{now: time.Date(2026, 1, 5, 4, 0, 0, 0, time.UTC)}
	t.c = &cli{
		in: strings.NewReader(in), out: &t.out, errs: &t.errs, now: clock.read, wait: clock.wait,
		env: func(string) string { return "" }, client: newClient(),
		openSnapshot: stores.Snapshot, readSnapshot: stores.SnapshotReader,
	}
	return t
}

// manualClock passes waiting by moving on.
type manualClock struct {
	mu  sync.Mutex
	now time.Time
}

func (m *manualClock) read() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *manualClock) wait(ctx context.Context, d time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
	return ctx.Err()
}

func (t *tool) run(args ...string) int { return t.c.run(context.Background(), args) }

// pmctl runs one call that must end in an exit code, and gives what it printed on both streams.
func pmctl(t *testing.T, code int, args ...string) (out, errs string) {
	t.Helper()
	return pmctlIn(t, "", code, args...)
}

func pmctlIn(t *testing.T, in string, code int, args ...string) (out, errs string) {
	t.Helper()
	tool := newTool(in)
	got := tool.run(args...)
	require.Equal(t, code, got, "pmctl %s\nstdout: %s\nstderr: %s", strings.Join(args, " "), tool.out.String(), tool.errs.String())
	return tool.out.String(), tool.errs.String()
}

// storyLog is a log in a folder: the sample story through the real engine.
func storyLog(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "log")
	pmctl(t, exitFine, "backtest", "testdata/story.ndjson", "--fee", "0.0005", "--log", dir)
	return dir
}

var (
	hashes = regexp.MustCompile(`\b[0-9a-f]{64}\b`)
	uuids  = regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b`)
	// requestIDs are random.
	requestIDs = regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b`)
)

// golden holds an output against its file. Hashes and the ids made of them change with every default of the configuration;
// the format of the log has goldens of its own for them.
func golden(t *testing.T, name, got string) {
	t.Helper()
	got = uuids.ReplaceAllString(hashes.ReplaceAllString(got, "<sha256>"), "<uuid>")
	file := filepath.Join("testdata", "golden", name)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "write it with: go test ./cmd/pmctl -update")
	require.Equal(t, string(want), got)
}

// shared is a file of the data that is handed out beside the project.
func shared(t *testing.T, name string) string {
	t.Helper()
	file := filepath.Join("..", "..", "..", "shared", "data", "tradingview", name)
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		t.Skipf("%s is not here: the real exports are handed out beside the project", file)
	}
	return file
}

// writeFile makes a file for one test.
func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}
