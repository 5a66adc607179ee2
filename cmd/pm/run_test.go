package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/api"
	"pm/cmd/internal/config"
	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore"
	"pm/projections"
)

func TestASecondStartHasTheSamePositionsAndNothingNewButItsOwnEvents(t *testing.T) {
	data := t.TempDir()
	first := launch(t, "--data", data)
	signal := baseEntry()
	require.Equal(t, "accepted", first.post(signal)["status"])
	first.flat()
	positions := first.get("/api/v1/positions?status=all")["positions"]
	require.Len(t, positions, 1)
	portfolio := first.get("/api/v1/portfolio")
	orders := first.get("/api/v1/orders")["orders"]
	head := int(portfolio["revision"].(float64))
	require.Equal(t, exitStopped, first.stop())
	require.Contains(t, first.out.String(), "the log is empty: nothing to recover\nportfolio main opened with 5000000 INR\n")

	second := launch(t, "--data", data)
	require.Equal(t, positions, second.get("/api/v1/positions?status=all")["positions"])
	require.Equal(t, orders, second.get("/api/v1/orders")["orders"])
	require.Equal(t, portfolio["equity"], second.get("/api/v1/portfolio")["equity"])
	require.Equal(t, []string{"LeaderEpochStarted", "RecoveryCompleted"}, second.types(head+1))
	require.Equal(t, "duplicate", second.post(signal)["status"], "what was accepted is remembered")
	require.Regexp(t, `recovered \d+ events, 1 position open; .*; took \S+ \(\d+ events/s\); head \d+ [0-9a-f]{64}`, second.out.String())
	require.Equal(t, exitStopped, second.stop())
	require.Equal(t, "stopped; everything that was answered is on the disk", second.out.lastLines(1)[0])
}

func TestTheReportOfARecoveryIsKeptAndItsDigestStandsInTheLog(t *testing.T) {
	data := t.TempDir()
	launch(t, "--data", data).stop()
	second := launch(t, "--data", data)
	events := second.get("/api/v1/events?from=2")["events"].([]any)
	recorded := events[1].(map[string]any)["data"].(map[string]any)
	second.stop()
	files, err := filepath.Glob(filepath.Join(data, "recovery", "*.json"))
	require.NoError(t, err)
	require.Len(t, files, 1, "the first start had nothing to recover")
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	sum := sha256.Sum256(text)
	require.Equal(t, hex.EncodeToString(sum[:]), recorded["report_digest"])
	require.Equal(t, float64(1), recorded["head_revision"])
	require.Equal(t, "agreed", recorded["snapshot"])
	var report projections.Report
	require.NoError(t, json.Unmarshal(text, &report))
	require.Equal(t, "test", report.Build)
	require.Equal(t, events[0].(map[string]any)["instance"], report.Instance)
	require.Equal(t, recorded["head_hash"], report.HeadHash)
}

func TestTheCapitalIsWrittenOnceAndAChangeInTheConfigurationIsOnlySaid(t *testing.T) {
	data := t.TempDir()
	launch(t, "--data", data).stop()
	file := filepath.Join(t.TempDir(), "pm.yaml")
	require.NoError(t, os.WriteFile(file, []byte("portfolio: {initial_capital: 9000000}\nrisk: {peel_off: true}\n"), 0o600))
	second := launch(t, "--data", data, "--config", file)
	require.Equal(t, "5000000", second.get("/api/v1/portfolio")["equity"].(map[string]any)["closed"])
	require.Equal(t, []string{"LeaderEpochStarted", "RecoveryCompleted", "SettingsChanged"}, second.types(2), "a changed setting is an event")
	require.Equal(t, exitStopped, second.stop())
	require.Contains(t, second.errs.String(), "use pmctl capital")
	files, err := filepath.Glob(filepath.Join(data, "recovery", "*.json"))
	require.NoError(t, err)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.Contains(t, string(text), "capital is set once")
}

func TestADemoFeedsItselfOnceAndIsMarkedInTheLog(t *testing.T) {
	data := filepath.Join(t.TempDir(), "demo")
	first := launch(t, "--demo", "--data", data)
	require.Eventually(t, func() bool { return strings.Contains(first.out.String(), "Dashboard: "+first.url) }, deadline, 5*time.Millisecond)
	require.Contains(t, first.out.String(), "sample signals: 38 accepted, 5 rejected")
	positions := first.get("/api/v1/positions")["positions"]
	require.Len(t, positions, 3, "a pyramid of two layers, and another instrument")
	opened := first.get("/api/v1/events?limit=1")["events"].([]any)[0].(map[string]any)["data"].(map[string]any)
	require.Equal(t, true, opened["demo"])
	require.Contains(t, first.types(0), "StopMoved")
	head := int(first.get("/api/v1/portfolio")["revision"].(float64))
	require.Equal(t, exitStopped, first.stop())

	second := launch(t, "--demo", "--data", data)
	require.Eventually(t, func() bool { return strings.Contains(second.out.String(), "Dashboard: ") }, deadline, 5*time.Millisecond)
	require.Equal(t, positions, second.get("/api/v1/positions")["positions"])
	require.Equal(t, []string{"LeaderEpochStarted", "RecoveryCompleted"}, second.types(head+1))
	require.Equal(t, exitStopped, second.stop())
}

func TestALogInMemoryLeavesNothingBehind(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	data := t.TempDir()
	file := filepath.Join(t.TempDir(), "pm.yaml")
	require.NoError(t, os.WriteFile(file, []byte("eventstore: {url: 'memory:'}\n"), 0o600))
	for range 2 {
		r := launch(t, "--data", data, "--config", file)
		require.Equal(t, "accepted", r.post(baseEntry())["status"])
		r.flat()
		require.Equal(t, exitStopped, r.stop())
	}
	for _, dir := range []string{data, os.TempDir()} {
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left)
	}
}

// quiet is a service on defaults with a folder of its own, as far as no step has run.
func quiet(t *testing.T) (*service, *console) {
	t.Helper()
	cfg, problems := config.Load(config.Sources{Flags: map[string]string{"data": t.TempDir(), "listen": "127.0.0.1:0"}})
	require.Empty(t, problems)
	errs := &console{}
	return newService(&program{out: &console{}, errs: errs, build: "test"}, cfg, slog.New(slog.NewTextHandler(errs, nil))), errs
}

func TestHealthAnswersFromTheFirstSecondAndSignalsDoNot(t *testing.T) {
	s, _ := quiet(t)
	defer s.closeAll()
	require.NoError(t, s.serveHealth(t.Context()))
	r := &running{t: t, url: s.web.url()}
	defer http.DefaultClient.CloseIdleConnections()
	require.Equal(t, api.Recovering, r.get("/livez")["status"])
	answer, err := http.Post(r.url+"/webhook", "text/plain", strings.NewReader(baseEntry()))
	require.NoError(t, err)
	defer answer.Body.Close()
	var body struct{ Error struct{ Code string } }
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&body))
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	require.Equal(t, "recovering", body.Error.Code)
	require.NotEmpty(t, answer.Header.Get("Retry-After"))
}

func TestAWriteThatFailsEndsTheProcessAndSaysSo(t *testing.T) {
	s, _ := quiet(t)
	defer s.closeAll()
	log := eventstore.NewMemory("main")
	s.store = log
	for _, step := range []func(context.Context) error{s.serveHealth, s.recover, s.openBroker, s.checkBook, s.begin} {
		require.NoError(t, step(t.Context()))
	}
	log.Fault(eventstore.Faults{BeforeAppend: func(context.Context, eventstore.Head, []eventstore.Record) error { return eventstore.ErrBroken }})
	ended := make(chan error, 1)
	posted := make(chan int, 1)
	s.p.ready = func(string) {
		answer, err := http.Post(s.web.url()+"/webhook", "text/plain", strings.NewReader(baseEntry()))
		if err == nil {
			posted <- answer.StatusCode
			err = answer.Body.Close()
		}
		if err != nil {
			posted <- 0
		}
	}
	go func() { ended <- s.trade(t.Context()) }()
	err := <-ended
	require.Equal(t, http.StatusGatewayTimeout, <-posted, "nobody can say that nothing was recorded")
	http.DefaultClient.CloseIdleConnections()
	var h *halt
	require.ErrorAs(t, err, &h)
	require.Equal(t, codeLogWriteFailed, h.Code)
	require.Contains(t, h.Hint, "disk is full or failing")
}

// slowBroker holds every send until it is let go.
type slowBroker struct {
	engine.Broker
	asked, letGo chan struct{}
}

func (b *slowBroker) Send(ctx context.Context, o engine.Order) engine.Answer {
	b.asked <- struct{}{}
	<-b.letGo
	return b.Broker.Send(ctx, o)
}

func TestAStopLetsASendThatHasBegunComeToItsReport(t *testing.T) {
	s, _ := quiet(t)
	defer s.closeAll()
	ctx, stop := context.WithCancel(t.Context())
	for _, step := range []func(context.Context) error{s.makeDataFolder, s.serveHealth, s.openLog, s.recover, s.openBroker, s.checkBook} {
		require.NoError(t, step(ctx))
	}
	broker := &slowBroker{Broker: s.broker, asked: make(chan struct{}), letGo: make(chan struct{})}
	s.broker = broker
	require.NoError(t, s.begin(ctx))
	r := &running{t: t, url: s.web.url()}
	s.p.ready = func(string) { r.post(baseEntry()) }
	ended := make(chan error, 1)
	go func() { ended <- s.trade(ctx) }()
	<-broker.asked
	stop()
	require.Eventually(t, func() bool { // the intake is closed while the send is still under way
		answer, err := http.Get(r.url + "/livez")
		if err == nil {
			answer.Body.Close()
		}
		return err != nil
	}, deadline, time.Millisecond)
	require.Empty(t, ended)
	close(broker.letGo)
	require.NoError(t, <-ended)
	http.DefaultClient.CloseIdleConnections()
	var types []string
	_, err := eventstore.Replay(t.Context(), s.store, 0, func(r domain.Recorded, _ eventstore.Hash) error {
		types = append(types, r.Type)
		return nil
	})
	require.NoError(t, err)
	require.Contains(t, types, "OrderSendStarted")
	require.Contains(t, types, "OrderAccepted")
}

func TestAStopWaitsForTheAppendThatIsUnderWay(t *testing.T) {
	s, _ := quiet(t)
	defer s.closeAll()
	log := eventstore.NewMemory("main")
	s.store = log
	ctx, stop := context.WithCancel(t.Context())
	for _, step := range []func(context.Context) error{s.serveHealth, s.recover, s.openBroker, s.checkBook, s.begin} {
		require.NoError(t, step(ctx))
	}
	writing, letGo := make(chan struct{}), make(chan struct{})
	log.Fault(eventstore.Faults{BeforeAppend: func(context.Context, eventstore.Head, []eventstore.Record) error {
		log.Fault(eventstore.Faults{})
		close(writing)
		<-letGo
		return nil
	}})
	ended, answered := make(chan error, 1), make(chan error, 1)
	s.p.ready = func(string) {
		go func() {
			_, err := s.submit(context.Background(), domain.MoveCapital{Amount: domain.D("1"), By: "trader", ID: "x", Now: time.Now().UTC()})
			answered <- err
		}()
	}
	go func() { ended <- s.trade(ctx) }()
	<-writing
	stop()
	select {
	case err := <-ended:
		require.Fail(t, "the log would have been closed under the writer", "%v", err)
	case <-time.After(100 * time.Millisecond):
	}
	close(letGo)
	require.NoError(t, <-ended)
	require.NoError(t, <-answered)
	require.Equal(t, "5000001", s.recovery.State.Capital.Closed().String())
}

func TestTheWriterThatMeetsAnotherOneHasItsOwnCode(t *testing.T) {
	s, _ := quiet(t)
	var h *halt
	require.ErrorAs(t, s.halted(engine.ErrOtherWriter), &h)
	require.Equal(t, codeOtherWriter, h.Code)
	require.ErrorAs(t, s.halted(errors.New("cannot be applied")), &h)
	require.Equal(t, codeDefect, h.Code)
	require.Same(t, h, s.halted(h), "an error with a code keeps it")
}

func TestAStopDuringTheStartIsAStop(t *testing.T) {
	s, _ := quiet(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, s.run(ctx))
	require.Nil(t, s.engine, "nothing was written")
}

func TestADemoIsNeverTradedWithARealBroker(t *testing.T) {
	require.NoError(t, demoAllowed(true, true))
	require.NoError(t, demoAllowed(false, false))
	var h *halt
	require.ErrorAs(t, demoAllowed(true, false), &h)
	require.Equal(t, codeBrokerMismatch, h.Code)
}

func TestTheEnginesAnswersReachTheAPIAsTheSameAnswers(t *testing.T) {
	require.ErrorIs(t, inWordsOfAPI(engine.ErrBusy), api.ErrBusy)
	require.ErrorIs(t, inWordsOfAPI(engine.ErrStopped), api.ErrStopped)
	require.ErrorIs(t, inWordsOfAPI(engine.ErrOutcomeUnknown), api.ErrOutcomeUnknown)
	other := inWordsOfAPI(errors.New("anything"))
	require.ErrorIs(t, other, api.ErrOutcomeUnknown)
	require.NotErrorIs(t, other, api.ErrStopped)
}
