package scenarios

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
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

// Some stories are about what runs beside the writer: HTTP, followers, time that really passes. They cannot be told in lockstep, so
// they run a service as the program wires it, over the memory log and the paper broker, on the machine's own clock.

// live is such a service.
type live struct {
	*httptest.Server
	t       *testing.T
	engine  *engine.Engine
	log     *eventstore.Memory
	history *projections.History
}

// goLive starts a service; follow says which log its lists of the past read (nil: its own).
func goLive(t *testing.T, o api.Options, follow eventstore.Log, tune ...func(*engine.Options)) *live {
	t.Helper()
	l := &live{t: t, log: eventstore.NewMemory(portfolio), history: projections.NewHistory()}
	if follow == nil {
		follow = l.log
	}
	broker, err := paper.NewMemory(paper.Options{})
	require.NoError(t, err)
	server := api.New(o)
	set := engine.Options{Log: l.log, Broker: broker, Instance: "live", Build: "story", WatchBars: true}
	for _, change := range tune {
		change(&set)
	}
	l.engine = engine.New(set, domain.NewState(), eventstore.Empty(portfolio))
	require.NoError(t, l.engine.Open(t.Context(), domain.PortfolioOpened{
		ID: portfolio, Currency: "INR", InitialCapital: domain.D(startCapital), Settings: defaults(t),
	}))
	l.Server = httptest.NewServer(server.Handler())
	ctx, stop := context.WithCancel(context.Background())
	ends := make(chan error, 3)
	go func() { ends <- l.engine.Run(ctx) }()
	go func() { l.engine.RunEffects(ctx); ends <- nil }()
	go func() { _ = l.history.Follow(ctx, follow); ends <- nil }()
	t.Cleanup(func() {
		l.Close()
		stop()
		for range cap(ends) {
			if err := <-ends; err != nil {
				t.Errorf("a part of the service ended with %v", err)
			}
		}
	})
	server.Activate(api.Deps{Submit: l.submit, Query: l.query, Journal: projections.NewJournal(l.log), History: l.history, Waiting: l.engine.Waiting})
	return l
}

func (l *live) submit(ctx context.Context, c domain.Command) (api.Reply, error) {
	r, err := l.engine.Submit(ctx, c)
	return api.Reply{Verdict: r.Verdict, FirstRevision: r.FirstRevision, Revision: r.Revision, Events: r.Events, Refusal: r.Err}, err
}

func (l *live) query(ctx context.Context, look func(*domain.State, projections.Head)) error {
	return l.engine.Query(ctx, func(s *domain.State, h eventstore.Head) { look(s, projections.HeadOf(h)) })
}

// send posts a body to the webhook and gives the status and the answer.
func (l *live) send(body string, headers ...string) (int, map[string]any) {
	l.t.Helper()
	return l.ask(http.MethodPost, "/webhook", body, headers...)
}

func (l *live) ask(method, path, body string, headers ...string) (int, map[string]any) {
	l.t.Helper()
	req, err := http.NewRequestWithContext(l.t.Context(), method, l.URL+path, strings.NewReader(body))
	require.NoError(l.t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	answer, err := l.Client().Do(req)
	require.NoError(l.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(l.t, err)
	var out map[string]any
	require.NoError(l.t, json.Unmarshal(text, &out), string(text))
	return answer.StatusCode, out
}

// until waits for the state to be so.
func (l *live) until(what string, is func(*domain.State) bool) {
	l.t.Helper()
	require.Eventually(l.t, func() bool {
		ok := false
		err := l.engine.Query(l.t.Context(), func(s *domain.State, _ eventstore.Head) { ok = is(s) })
		return err == nil && ok
	}, 10*time.Second, time.Millisecond, what)
}

func settled(s *domain.State) bool { return len(s.Orders) == 0 && len(s.Intents) == 0 }

// revision is that of the last event.
func (l *live) revision() uint64 {
	l.t.Helper()
	head, err := l.log.Head(l.t.Context())
	require.NoError(l.t, err)
	return head.Next - 1
}

// message is a signal of this moment.
func message(kind, instrument, members string) string {
	return fmt.Sprintf(`{"type":%q,"instrument":%q,"timestamp":%q,%s}`, kind, instrument, time.Now().UTC().Format(time.RFC3339Nano), members)
}

const baseMembers = `"position":"Long_1","price":52000,"stop":51650,"atr":350,"er":1,"supertrend":51650`

// lag is the follower's, as a scrape shows it.
func (l *live) lag() string {
	l.t.Helper()
	return l.metric(`pm_follower_lag_revisions{follower="history"}`)
}

// metric is the value of one row of a scrape.
func (l *live) metric(row string) string {
	l.t.Helper()
	answer, err := l.Client().Get(l.URL + "/metrics")
	require.NoError(l.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(l.t, err)
	_, value, found := strings.Cut(string(text), row+" ")
	require.True(l.t, found, string(text))
	value, _, _ = strings.Cut(value, "\n")
	return value
}

// pile makes at least so many events: alarms, the cheapest ones.
func (l *live) pile(events int) {
	l.t.Helper()
	for i := range events {
		_, err := l.engine.Submit(l.t.Context(), domain.RaiseAlarm{Code: domain.AlarmForeignOrder, Subject: fmt.Sprint("pile ", i), Now: time.Now().UTC()})
		require.NoError(l.t, err)
	}
}
