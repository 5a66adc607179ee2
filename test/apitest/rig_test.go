package apitest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/adapters/broker/paper"
	"pm/api"
	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore"
	"pm/projections"
)

// rig is a service as cmd/pm wires it, with a log in memory whose appends can be held up.
type rig struct {
	*httptest.Server
	t       *testing.T
	api     *api.Server
	engine  *engine.Engine
	log     *eventstore.Memory
	history *projections.History
	deps    api.Deps
	hold    atomic.Pointer[chan struct{}] // appends wait until it is closed
	held    atomic.Bool                   // one waits
}

type setup struct {
	api    api.Options
	engine engine.Options
	paper  paper.Options
}

func settings(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../domain/testdata/settings.txt")
	require.NoError(t, err)
	out := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		key, value, _ := strings.Cut(line, "=")
		out[key] = value
	}
	return out
}

// start runs a service until the end of the test.
func start(t *testing.T, with ...func(*setup)) *rig {
	t.Helper()
	var set setup
	for _, change := range with {
		change(&set)
	}
	r := &rig{t: t, log: eventstore.NewMemory("main"), history: projections.NewHistory()}
	broker, err := paper.NewMemory(set.paper)
	require.NoError(t, err)
	set.engine.Log, set.engine.Broker, set.engine.Instance, set.engine.Build = r.log, broker, "test-1", "test"
	r.engine = engine.New(set.engine, domain.NewState(), eventstore.Empty("main"))
	require.NoError(t, r.engine.Open(t.Context(), domain.PortfolioOpened{
		ID: "main", Currency: "INR", InitialCapital: domain.D("5000000"), Demo: true, Settings: settings(t),
	}))
	r.log.Fault(eventstore.Faults{BeforeAppend: r.wait})
	r.deps = api.Deps{Submit: r.submit, Query: r.query, Journal: projections.NewJournal(r.log), History: r.history}
	set.api.Instance, set.api.Build = "test-1", "test"
	r.api = api.New(set.api)
	r.Server = httptest.NewServer(r.api.Handler())
	r.run()
	r.api.Activate(r.deps)
	return r
}

func (r *rig) run() {
	ctx, stop := context.WithCancel(context.Background())
	ends := make(chan error, 3)
	go func() { ends <- r.engine.Run(ctx) }()
	go func() { r.engine.RunEffects(ctx); ends <- nil }()
	go func() { ends <- r.history.Follow(ctx, r.log) }()
	r.t.Cleanup(func() {
		r.release()
		r.Close()
		stop()
		for range cap(ends) {
			if err := <-ends; err != nil {
				r.t.Errorf("a part ended with %v", err)
			}
		}
	})
}

// submit maps the engine's errors to those of the api.
func (r *rig) submit(ctx context.Context, c domain.Command) (api.Reply, error) {
	result, err := r.engine.Submit(ctx, c)
	if err != nil {
		return api.Reply{}, mapped(err)
	}
	return api.Reply{
		Verdict: result.Verdict, FirstRevision: result.FirstRevision, Revision: result.Revision, Events: result.Events, Refusal: result.Err,
	}, nil
}

func (r *rig) query(ctx context.Context, look func(*domain.State, projections.Head)) error {
	return mapped(r.engine.Query(ctx, func(s *domain.State, h eventstore.Head) { look(s, projections.HeadOf(h)) }))
}

func mapped(err error) error {
	for from, to := range map[error]error{
		engine.ErrBusy: api.ErrBusy, engine.ErrStopped: api.ErrStopped, engine.ErrOutcomeUnknown: api.ErrOutcomeUnknown,
	} {
		if errors.Is(err, from) {
			return fmt.Errorf("%w: %w", to, err)
		}
	}
	return err
}

// stall makes every append wait until release.
func (r *rig) stall() {
	held := make(chan struct{})
	r.hold.Store(&held)
}

func (r *rig) release() {
	if held := r.hold.Swap(nil); held != nil {
		close(*held)
	}
}

func (r *rig) stalled() bool { return r.held.Load() }

func (r *rig) wait(context.Context, eventstore.Head, []eventstore.Record) error {
	if held := r.hold.Load(); held != nil {
		r.held.Store(true)
		<-*held
		r.held.Store(false)
	}
	return nil
}

// reply is an answer that was read whole.
type reply struct {
	status int
	header http.Header
	body   string
	t      *testing.T
}

// do may be called from any goroutine: what went wrong on the way is an error of the test and an answer with status 0.
func (r *rig) do(method, path, body string, headers ...string) reply {
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.URL+path, strings.NewReader(body))
	if err != nil {
		r.t.Errorf("%s %s: %v", method, path, err)
		return reply{t: r.t}
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if req.Header.Set(headers[i], headers[i+1]); headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	res, err := r.Client().Do(req)
	if err != nil {
		r.t.Errorf("%s %s: %v", method, path, err)
		return reply{t: r.t}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Errorf("read the answer to %s %s: %v", method, path, err)
	}
	a := reply{res.StatusCode, res.Header, string(text), r.t}
	conforms(r.t, method, path, a)
	return a
}

func (r *rig) get(path string, headers ...string) reply { return r.do("GET", path, "", headers...) }
func (r *rig) post(body string, headers ...string) reply {
	return r.do("POST", "/webhook", body, headers...)
}

// at walks into the JSON of an answer: "decision.lots", "reasons.0.code"; fmt.Sprint of what stands there, "<none>" for nothing.
func (a reply) at(path string) string {
	a.t.Helper()
	dec := json.NewDecoder(strings.NewReader(a.body))
	dec.UseNumber()
	var v any
	require.NoError(a.t, dec.Decode(&v), a.body)
	for _, key := range strings.Split(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[key]
		case []any:
			var i int
			if _, err := fmt.Sscan(key, &i); err != nil || i >= len(in) {
				return "<none>"
			}
			v = in[i]
		default:
			return "<none>"
		}
	}
	if v == nil {
		return "<none>"
	}
	return fmt.Sprint(v)
}

// base is a base entry that is accepted: 8 lots of Bank Nifty, id and more members as wanted.
func base(more string) string {
	return signal("BASE_ENTRY", "BANK_NIFTY", `"position":"Long_1","price":50000,"stop":49800,"atr":200,"er":1,"supertrend":49800`+more)
}

func signal(kind, instrument, members string) string {
	return fmt.Sprintf(`{"type":%q,"instrument":%q,"timestamp":%q,%s}`, kind, instrument, time.Now().UTC().Format(time.RFC3339Nano), members)
}

// settled waits until no order is open.
func (r *rig) settled() {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		return r.get("/api/v1/orders?status=open", as("vic")...).at("orders.0") == "<none>"
	}, 5*time.Second, 5*time.Millisecond, "orders stay open")
}
