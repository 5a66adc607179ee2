package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/broker/paper"
	"pm/api"
	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore"
	"pm/eventstore/sqlite"
	"pm/projections"
)

// service is the real engine behind the real HTTP, over a log in a folder that pmctl reads at the same time.
type service struct {
	*httptest.Server
	api *api.Server
	dir string
}

func newService(t *testing.T, secrets ...string) *service {
	t.Helper()
	return serviceWith(t, api.Options{Secrets: secrets})
}

func serviceWith(t *testing.T, o api.Options) *service {
	t.Helper()
	o.Build, o.Instance = "test", "here"
	conf, err := loadConfig("", nil)
	require.NoError(t, err)
	s := &service{dir: filepath.Join(t.TempDir(), "log"), api: api.New(o)}
	log, err := sqlite.Open(s.dir, "main", "here")
	require.NoError(t, err)
	broker, err := paper.NewMemory(paper.Options{Fee: domain.D("0.0005")})
	require.NoError(t, err)
	e := engine.New(engine.Options{Log: log, Broker: broker, Instance: "here", Build: "test"}, domain.NewState(), eventstore.Empty("main"))
	opened := domain.PortfolioOpened{ID: "main", Currency: "INR", InitialCapital: domain.D("5000000"), Settings: conf.Decision()}
	require.NoError(t, e.Open(context.Background(), opened))
	history := projections.NewHistory()
	ctx, stop := context.WithCancel(context.Background())
	effects, stopEffects := context.WithCancel(context.Background())
	var parts, sends sync.WaitGroup
	parts.Go(func() { _ = e.Run(ctx) })
	sends.Go(func() { e.RunEffects(effects) })
	parts.Go(func() { _ = history.Follow(ctx, log) })
	s.Server = httptest.NewServer(s.api.Handler())
	s.api.Activate(api.Deps{Submit: submitTo(e), Query: queryOf(e), Journal: projections.NewJournal(log), History: history})
	t.Cleanup(func() {
		s.Close()
		stopEffects()
		sends.Wait()
		stop()
		parts.Wait()
		require.NoError(t, log.Close())
	})
	return s
}

func submitTo(e *engine.Engine) func(context.Context, domain.Command) (api.Reply, error) {
	return func(ctx context.Context, c domain.Command) (api.Reply, error) {
		r, err := e.Submit(ctx, c)
		return api.Reply{Verdict: r.Verdict, FirstRevision: r.FirstRevision, Revision: r.Revision, Events: r.Events, Refusal: r.Err}, err
	}
}

func queryOf(e *engine.Engine) func(context.Context, func(*domain.State, projections.Head)) error {
	return func(ctx context.Context, look func(*domain.State, projections.Head)) error {
		return e.Query(ctx, func(s *domain.State, h eventstore.Head) { look(s, projections.HeadOf(h)) })
	}
}

func TestAServiceAndItsLogGiveTheSameAnswers(t *testing.T) {
	s := newService(t)
	out, _ := pmctlReal(t, exitFine, "signals", "send", "testdata/story.ndjson", "--server", s.URL, "--stamp", "now", "--wait-orders", "--retry", "-o", "json")
	var sent struct {
		Summary summary `json:"summary"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &sent))
	// With ids of its own the story's duplicate is judged as a signal of its own, and refused: its price stands on the layer before it.
	require.Equal(t, summary{Signals: 13, Accepted: 9, Rejected: 4, Attempts: 13}, sent.Summary)
	waitForNoOrders(t, s)
	for _, verb := range [][]string{
		{"positions"}, {"positions", "--status", "closed"}, {"positions", "--status", "all"}, {"positions", "--instrument", "GOLD_MINI", "--status", "all"},
		{"pyramids"}, {"orders"}, {"orders", "--limit", "2"}, {"orders", "--status", "done"}, {"orders", "--status", "open"},
		{"signals"}, {"signals", "--status", "rejected"}, {"signals", "--instrument", "COPPER"}, {"portfolio"},
	} {
		for _, form := range []string{"ndjson", "table"} { // the documents differ in the cursor: a log is read whole
			asked, _ := pmctlReal(t, exitFine, append(verb, "--server", s.URL, "-o", form)...)
			read, _ := pmctlReal(t, exitFine, append(verb, "--data", s.dir, "-o", form)...)
			require.Equal(t, asked, read, "%v -o %s", verb, form)
			require.NotEmpty(t, asked+strings.Join(verb, ""))
		}
	}
	status, _ := pmctlReal(t, exitFine, "status", "--server", s.URL)
	require.Contains(t, status, "ready (active)")
}

// pmctlReal is pmctl with the real clock: a service judges how old a signal is.
func pmctlReal(t *testing.T, code int, args ...string) (out, errs string) {
	t.Helper()
	tool := newTool("")
	tool.c.now, tool.c.wait = realNow, sleep
	require.Equal(t, code, tool.run(args...), "pmctl %v\n%s%s", args, tool.out.String(), tool.errs.String())
	return tool.out.String(), tool.errs.String()
}

// waitForNoOrders asks until the effects have come to rest: the tool's own way to wait.
func waitForNoOrders(t *testing.T, s *service) {
	t.Helper()
	tool := newTool("")
	tool.c.server, tool.c.now, tool.c.wait = s.URL, realNow, sleep
	sender := &sender{c: tool.c, f: &sendFlags{retry: true}}
	for _, name := range []string{"BANK_NIFTY", "GOLD_MINI"} {
		require.NoError(t, sender.ordersDone(t.Context(), name, realNow().Add(maxRest)))
	}
}

func TestALiveStateIsTheReplayToItsRevision(t *testing.T) {
	s := newService(t)
	pmctlReal(t, exitFine, "signals", "send", "testdata/story.ndjson", "--server", s.URL, "--stamp", "now", "--concurrency", "3")
	for range 20 { // the orders are still on their way: each answer is another state
		resp, err := http.Get(s.URL + "/api/v1/state")
		require.NoError(t, err)
		var live writer
		_, err = live.ReadFrom(resp.Body)
		require.NoError(t, errors.Join(err, resp.Body.Close()))
		out, _ := pmctlReal(t, exitFine, "replay", "--data", s.dir, "--until", field(t, live.String(), "revision"), "--state")
		require.Equal(t, live.String(), out, "byte for byte, in another reader of the log")
	}
}

func TestListsThatAreLongerThanAPageAreReadPageByPage(t *testing.T) {
	s := newService(t)
	file := writeFile(t, "many.ndjson", exits(1100, "COPPER"))
	pmctlReal(t, exitFine, "signals", "send", file, "--server", s.URL, "--stamp", "now", "-o", "ndjson")
	out, _ := pmctlReal(t, exitFine, "signals", "--server", s.URL, "--limit", "1050", "-o", "ndjson")
	require.Equal(t, 1050, strings.Count(out, "\n"))
	out, _ = pmctlReal(t, exitFine, "signals", "--server", s.URL, "--limit", "2000", "-o", "ndjson")
	require.Equal(t, 1100, strings.Count(out, "\n"))
	read, _ := pmctlReal(t, exitFine, "signals", "--data", s.dir, "--limit", "2000", "-o", "ndjson")
	require.Equal(t, read, out)
	for _, limit := range []string{"0", "100001"} {
		_, errs := pmctlReal(t, exitFailed, "signals", "--server", s.URL, "--limit", limit)
		require.Contains(t, errs, "give 1 to 100000")
	}
}

func TestAServiceThatWantsASecretRefusesWithoutIt(t *testing.T) {
	s := newService(t, "open sesame")
	_, errs := pmctlReal(t, exitRefused, "positions", "--server", s.URL)
	require.Contains(t, errs, "401 unauthorized")
	pmctlReal(t, exitFine, "positions", "--server", s.URL, "--token", "open sesame")
	file := writeFile(t, "one.ndjson", exits(1, "COPPER"))
	out, _ := pmctlReal(t, exitRefused, "signals", "send", file, "--server", s.URL)
	require.Contains(t, out, "refused: the service answered 401 unauthorized")
	pmctlReal(t, exitFine, "signals", "send", file, "--server", s.URL, "--token", "open sesame")
}

func TestAServiceThatIsNotReadySaysWhy(t *testing.T) {
	s := newService(t)
	s.api.SetStatus(api.Recovering, "the log is being read")
	out, _ := pmctlReal(t, exitFine, "status", "--server", s.URL)
	require.Contains(t, out, "NOT READY (recovering)")
	require.Contains(t, out, "not ready: the log is being read")
	_, errs := pmctlReal(t, exitFailed, "positions", "--server", s.URL)
	require.Contains(t, errs, "503 recovering")
}

func TestWithoutAServiceAReadNamesTheOtherWay(t *testing.T) {
	s := newService(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, verb := range []string{"status", "portfolio", "positions", "orders"} {
		_, errs := pmctlReal(t, exitFailed, verb, "--server", gone.URL)
		require.Contains(t, errs, "no answer from the service")
		require.Contains(t, errs, "--data DIR")
	}
	_, errs := pmctlReal(t, exitRefused, "positions", "--server", s.URL+"/elsewhere")
	require.Contains(t, errs, "404 not_found")
}

func TestTheLogCanBeReadWhileTheServiceWritesIt(t *testing.T) {
	s := newService(t)
	before, _ := pmctlReal(t, exitFine, "log", "info", "--data", s.dir, "-o", "json")
	pmctlReal(t, exitFine, "signals", "send", "testdata/story.ndjson", "--server", s.URL, "--stamp", "now")
	after, _ := pmctlReal(t, exitFine, "log", "info", "--data", s.dir, "-o", "json")
	require.NotEqual(t, field(t, before, "head_hash"), field(t, after, "head_hash"))
	names, err := os.ReadDir(s.dir)
	require.NoError(t, err)
	require.NotEmpty(t, names)
}
