package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	index "pm/adapters/sqlite"
	"pm/api"
	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore"
	"pm/eventstore/sqlite"
	"pm/projections"
)

// The goals of the webhook: its median as a multiple of the bare write, and the rate of 64 senders as a part of that on the memory log.
const (
	wantWebhook = 2.5
	wantSenders = 0.5
)

const (
	perSender    = 100
	senderRounds = 3 // of each log, in turn
)

// web is what a sender meets: HTTP on the loopback before an engine, with the lists of the past following in a file of their own.
type web struct {
	url    string
	client *http.Client
}

// serve answers until the end of the test. It runs what a started service runs beside the writer, but for effects: bars cause none.
func serve(t testing.TB, e *engine.Engine, log eventstore.Log, history *projections.History) *web {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- history.Follow(ctx, log) }()
	w, end, err := listen(e, log, history)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, end())
		stop()
		require.NoError(t, <-done)
	})
	return w
}

// listen answers HTTP until end is called.
func listen(e *engine.Engine, log eventstore.Log, history *projections.History) (w *web, end func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("listen: %w", err)
	}
	s := api.New(api.Options{Instance: "bench", Build: "bench"})
	s.Activate(depsOf(e, log, history))
	server := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	w = &web{url: "http://" + listener.Addr().String(), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}}}
	return w, func() error {
		w.client.CloseIdleConnections()
		err := server.Close()
		if ended := <-done; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	}, nil
}

func depsOf(e *engine.Engine, log eventstore.Log, history *projections.History) api.Deps {
	return api.Deps{
		Submit: func(ctx context.Context, c domain.Command) (api.Reply, error) {
			r, err := e.Submit(ctx, c)
			if errors.Is(err, engine.ErrBusy) {
				err = errors.Join(api.ErrBusy, err)
			}
			return api.Reply{Verdict: r.Verdict, FirstRevision: r.FirstRevision, Revision: r.Revision, Events: r.Events, Refusal: r.Err}, err
		},
		Query: func(ctx context.Context, look func(*domain.State, projections.Head)) error {
			return e.Query(ctx, func(s *domain.State, h eventstore.Head) { look(s, projections.HeadOf(h)) })
		},
		Journal: projections.NewJournal(log), History: history,
	}
}

// newIndex is an empty index in a file.
func newIndex(t testing.TB, dir string) *projections.History {
	t.Helper()
	in, err := index.Open(filepath.Join(dir, "history.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, in.Close()) })
	return projections.NewHistoryIn(in)
}

// newWeb is a new service on a log.
func newWeb(t testing.TB, log eventstore.Log) (*service, *web) {
	t.Helper()
	s := newServiceOn(t, log)
	return s, serve(t, s.engine, log, newIndex(t, t.TempDir()))
}

func durableLog(t testing.TB) eventstore.Log {
	t.Helper()
	log, err := sqlite.Open(t.TempDir(), portfolio, "bench")
	require.NoError(t, err)
	return log
}

// send posts the next bar and wants the answer that says it is durable.
func (w *web) send(t testing.TB, s *service) {
	status, text, err := w.exchange("POST", "/webhook", s.body(time.Now().UTC()))
	if err != nil || status != http.StatusOK || !bytes.Contains(text, []byte(`"accepted"`)) {
		t.Errorf("%d %v: %s", status, err, text)
	}
}

// exchange reads the whole answer, so that the connection is used again.
func (w *web) exchange(method, path string, body []byte) (status int, text []byte, err error) {
	req, err := http.NewRequestWithContext(context.Background(), method, w.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := w.client.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("send the request: %w", err)
	}
	defer res.Body.Close()
	text, err = io.ReadAll(res.Body)
	return res.StatusCode, text, err
}

// senders lets 64 of them send at once and gives signals a second.
func (w *web) senders(t testing.TB, s *service, each int) float64 {
	var wg sync.WaitGroup
	began := time.Now()
	for range callers {
		wg.Go(func() {
			for range each {
				w.send(t, s)
			}
		})
	}
	wg.Wait()
	return float64(callers*each) / time.Since(began).Seconds()
}

func BenchmarkWebhook(b *testing.B) {
	var bare, answer laps
	for b.Loop() {
		s, w := newWeb(b, durableLog(b))
		w.send(b, s) // opens the connection
		took := inTurn(singles, bareSync(b), func() { w.send(b, s) })
		bare, answer = took[0], took[1]
	}
	b.ReportMetric(float64(answer.at(50).Microseconds()), "µs/answer")
	b.ReportMetric(answer.of(bare), "of_fdatasync")
	table.add("webhook to durable answer, HTTP on the loopback, one sender, kept connection, %d", singles)
	table.row("bare write of 4 KiB and fdatasync", "%s", bare)
	table.row("sent, taken, durable, answered", "%s", answer)
	table.row("ratio to the bare write", "%.2f (goal %.1f)", answer.of(bare), wantWebhook)
}

func BenchmarkWebhook64(b *testing.B) {
	var durable, memory []float64
	for b.Loop() {
		for range senderRounds {
			s, w := newWeb(b, durableLog(b))
			durable = append(durable, w.senders(b, s, perSender))
			s, w = newWeb(b, eventstore.NewMemory(portfolio))
			memory = append(memory, w.senders(b, s, perSender))
		}
	}
	b.ReportMetric(median(durable), "signals/s")
	b.ReportMetric(median(durable)/median(memory), "of_memory")
	table.add("%d senders over HTTP, which share the cores with the service", callers)
	table.row("on SQLite", "%.0f signals/s", median(durable))
	table.row("the same on the memory log", "%.0f signals/s", median(memory))
	table.row("ratio", "%.2f (goal %.1f)", median(durable)/median(memory), wantSenders)
}

func TestWhatTheWebhookIsMeasuredWithIsRecorded(t *testing.T) {
	for name, log := range map[string]eventstore.Log{"sqlite": durableLog(t), "memory": eventstore.NewMemory(portfolio)} {
		t.Run(name, func(t *testing.T) {
			s, w := newWeb(t, log)
			before, err := log.Head(t.Context())
			require.NoError(t, err)
			require.Positive(t, w.senders(t, s, 3))
			after, err := log.Head(t.Context())
			require.NoError(t, err)
			require.GreaterOrEqual(t, after.Next-before.Next, uint64(3*callers), "each signal, and the bars that were not overtaken")
		})
	}
}
