package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// console collects what a run writes.
type console struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

func (c *console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// lastLines are the last n lines.
func (c *console) lastLines(n int) []string {
	lines := strings.Split(strings.TrimSpace(c.String()), "\n")
	return lines[max(0, len(lines)-n):]
}

// deadline bounds everything that a test waits for.
const deadline = 30 * time.Second

// running is a pm inside the test's process.
type running struct {
	t         *testing.T
	url       string
	out, errs *console
	cancel    context.CancelFunc
	code      chan int
}

// launch starts pm on a free port and waits until it takes signals.
func launch(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t: t, out: &console{}, errs: &console{}, cancel: cancel, code: make(chan int, 1)}
	address := make(chan string, 1)
	p := program{
		args: append([]string{"--listen", "127.0.0.1:0"}, args...), out: r.out, errs: r.errs, build: "test",
		ready: func(a string) { address <- a }, diskEvery: 20 * time.Millisecond,
	}
	go func() { r.code <- p.run(ctx) }()
	t.Cleanup(cancel)
	select {
	case a := <-address:
		r.url = "http://" + a
	case code := <-r.code:
		require.Failf(t, "pm ended before it took signals", "exit code %d\n%s\n%s", code, r.out, r.errs)
	case <-time.After(deadline):
		require.Fail(t, "pm does not get ready", r.errs.String())
	}
	return r
}

// stop asks pm to end, as a signal does, and gives its exit code.
func (r *running) stop() int {
	r.t.Helper()
	r.cancel()
	return r.ended()
}

// ended waits until pm has ended, by itself or because it was asked to.
func (r *running) ended() int {
	r.t.Helper()
	select {
	case code := <-r.code:
		http.DefaultClient.CloseIdleConnections()
		return code
	case <-time.After(deadline):
		require.Fail(r.t, "pm does not end", r.errs.String())
		return -1
	}
}

// get reads one address of the API.
func (r *running) get(path string) map[string]any {
	r.t.Helper()
	answer, err := http.Get(r.url + path)
	require.NoError(r.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(r.t, err)
	require.Equal(r.t, http.StatusOK, answer.StatusCode, string(text))
	var out map[string]any
	require.NoError(r.t, json.Unmarshal(text, &out))
	return out
}

// post sends a signal and wants a 200.
func (r *running) post(body string) map[string]any {
	r.t.Helper()
	answer, err := http.Post(r.url+"/webhook", "text/plain", strings.NewReader(body))
	require.NoError(r.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(r.t, err)
	require.Equal(r.t, http.StatusOK, answer.StatusCode, string(text))
	var out map[string]any
	require.NoError(r.t, json.Unmarshal(text, &out))
	return out
}

// try posts a signal and gives the status and the body; 0 if the service is gone.
func (r *running) try(body string) (int, string) {
	answer, err := http.Post(r.url+"/webhook", "text/plain", strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text)
}

// flat waits until no order is open.
func (r *running) flat() {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return len(r.get("/api/v1/orders?status=open")["orders"].([]any)) == 0 }, deadline, 5*time.Millisecond)
}

// types are the types of the events from a revision on.
func (r *running) types(from int) []string {
	r.t.Helper()
	types := []string{}
	for _, e := range r.get(fmt.Sprintf("/api/v1/events?from=%d&limit=1000", from))["events"].([]any) {
		types = append(types, e.(map[string]any)["type"].(string))
	}
	return types
}

// failing runs pm that must end by itself.
func failing(t *testing.T, args ...string) (code int, out, errs *console) {
	t.Helper()
	out, errs = &console{}, &console{}
	p := program{args: args, out: out, errs: errs, build: "test"}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	code = p.run(ctx)
	require.NoError(t, ctx.Err(), "pm did not end by itself")
	return code, out, errs
}

// baseEntry is a signal that opens a campaign now.
func baseEntry() string {
	return fmt.Sprintf(`{"id":"one","type":"BASE_ENTRY","instrument":"BANK_NIFTY","timestamp":%q,"position":"Long_1","price":52000,"stop":51650,"atr":220,"er":0.9,"supertrend":51650}`,
		time.Now().UTC().Format(time.RFC3339Nano))
}
