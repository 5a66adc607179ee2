package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore"
	"pm/projections"
)

// overtaken is a start on a log whose last writer has died with appends on their way.
type overtaken struct {
	t    *testing.T
	s    *service
	log  *eventstore.Memory
	dead *engine.Engine
	late func() // the next append of the dead process arrives
	left int    // how many are still to come, each just before an append of the start
}

// startBehind recovers a log as far as the first event of the start. With opened, the dead process had opened the portfolio before.
func startBehind(t *testing.T, opened bool) *overtaken {
	t.Helper()
	s, _ := quiet(t)
	t.Cleanup(s.closeAll)
	o := &overtaken{t: t, s: s, log: eventstore.NewMemory("main")}
	o.dead = engine.New(engine.Options{Log: o.log, Instance: "dead", Build: "test"}, domain.NewState(), eventstore.Empty("main"))
	o.late = func() { o.step(domain.MoveCapital{Amount: domain.D("7"), By: "a", Now: time.Now().UTC()}) }
	if opened {
		o.open()
	}
	s.store = o.log
	for _, step := range []func(context.Context) error{s.makeDataFolder, s.serveHealth, s.loadKey, s.openSnapshot, s.recover, s.checkPin, s.compare, s.openBroker, s.checkBook} {
		require.NoError(t, step(t.Context()))
	}
	o.log.Fault(eventstore.Faults{BeforeAppend: func(_ context.Context, _ eventstore.Head, recs []eventstore.Record) error {
		r, err := eventstore.Decode(recs[0])
		require.NoError(t, err)
		if r.Inst != "dead" && o.left > 0 {
			o.left--
			o.late()
		}
		return nil
	}})
	return o
}

func (o *overtaken) open() {
	o.t.Helper()
	p := o.s.cfg.Portfolio
	require.NoError(o.t, o.dead.Open(o.t.Context(), domain.PortfolioOpened{ID: p.ID, Currency: p.Currency, InitialCapital: p.InitialCapital, Settings: o.s.cfg.Decision()}))
}

func (o *overtaken) step(c domain.Command) {
	o.t.Helper()
	results, err := o.dead.Step(o.t.Context(), c)
	require.NoError(o.t, err)
	require.NoError(o.t, results[0].Err)
}

// events are those from a revision on.
func (o *overtaken) events(from uint64) (list []domain.Recorded) {
	o.t.Helper()
	_, err := eventstore.Replay(o.t.Context(), o.log, from, func(r domain.Recorded, _ eventstore.Hash) error {
		list = append(list, r)
		return nil
	})
	require.NoError(o.t, err)
	return list
}

func typesOf(list []domain.Recorded) (types []string) {
	for _, r := range list {
		types = append(types, r.Type)
	}
	return types
}

func TestALateAppendOfADeadProcessIsReadBeforeTheEpochIsWritten(t *testing.T) {
	o := startBehind(t, true)
	o.left = 1
	require.NoError(t, o.s.begin(t.Context()))
	list := o.events(2)
	require.Equal(t, []string{"CapitalDeposited", "LeaderEpochStarted", "RecoveryCompleted"}, typesOf(list))
	require.Equal(t, "5000007", o.s.engine.State().Capital.Closed().String(), "what came late is traded on")

	// What the log keeps of the recovery, and its report, are of the head that the epoch was appended at.
	state := domain.NewState()
	for _, r := range o.events(0)[:3] {
		require.NoError(t, state.Apply(r))
	}
	recorded := list[2].Event.(*domain.RecoveryCompleted)
	require.Equal(t, uint64(2), recorded.HeadRevision)
	require.Equal(t, list[1].Prev, recorded.HeadHash)
	files, err := filepath.Glob(filepath.Join(o.s.recoveryFolder(), "*"))
	require.NoError(t, err)
	require.Len(t, files, 2, "one report and its signature: the one that was gone beyond is taken back")
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	sum := sha256.Sum256(text)
	require.Equal(t, hex.EncodeToString(sum[:]), recorded.ReportDigest)
	var report projections.Report
	require.NoError(t, json.Unmarshal(text, &report))
	require.Equal(t, uint64(3), report.Events)
	require.Equal(t, recorded.HeadHash, report.HeadHash)
	require.Equal(t, state.Digest(), report.StateDigest)
	require.Contains(t, report.Findings[len(report.Findings)-1], "1 events came after the log had been read to its end at revision 1 ")
	require.Contains(t, report.Findings[len(report.Findings)-1], "from instance dead in epoch 1")
	require.Contains(t, o.s.p.out.(*console).String(), "read on: 1 events had come since the log was read")
}

func TestAStartReadsOnAsOftenAsTheBoundAndNotOnceMore(t *testing.T) {
	o := startBehind(t, true)
	o.left = maxReadOn
	require.NoError(t, o.s.begin(t.Context()))
	require.Len(t, o.events(2), maxReadOn+2)
	require.Equal(t, "LeaderEpochStarted", o.events(2)[maxReadOn].Type)

	o = startBehind(t, true)
	o.left = maxReadOn + 1
	var h *halt
	require.ErrorAs(t, o.s.begin(t.Context()), &h)
	require.Equal(t, codeOtherWriter, h.Code)
	require.Contains(t, h.Hint, "end the other writer before starting again")
	require.NotContains(t, typesOf(o.events(2)), "LeaderEpochStarted", "a log that somebody writes is left to him")
}

func TestAnotherWriterBehindTheEpochStillEndsTheStart(t *testing.T) {
	o := startBehind(t, true)
	o.log.Fault(eventstore.Faults{AfterAppend: func(ctx context.Context, _ eventstore.Head, recs []eventstore.Record) error {
		o.log.Fault(eventstore.Faults{})
		state := domain.NewState()
		for _, r := range o.events(0) {
			require.NoError(t, state.Apply(r))
		}
		other := engine.New(engine.Options{Log: o.log, Instance: "other", Build: "test"}, state, recs[0].After())
		return other.Start(ctx, domain.RecoveryCompleted{Snapshot: "none"}, o.s.cfg.Decision())
	}})
	var h *halt
	require.ErrorAs(t, o.s.begin(t.Context()), &h)
	require.Equal(t, codeOtherWriter, h.Code)
	require.Equal(t, []string{"LeaderEpochStarted", "LeaderEpochStarted", "RecoveryCompleted"}, typesOf(o.events(2)))
}

func TestAPortfolioThatADeadProcessOpenedLateIsRecoveredAndNotOpenedAgain(t *testing.T) {
	o := startBehind(t, false)
	o.s.cfg.Portfolio.InitialCapital = domain.D("9000000")
	o.left, o.late = 1, func() {
		p := o.s.cfg.Portfolio
		require.NoError(t, o.dead.Open(t.Context(), domain.PortfolioOpened{ID: p.ID, Currency: p.Currency, InitialCapital: domain.D("5000000"), Settings: o.s.cfg.Decision()}))
	}
	require.NoError(t, o.s.begin(t.Context()))
	require.Equal(t, []string{"PortfolioOpened", "LeaderEpochStarted", "LeaderEpochStarted", "RecoveryCompleted"}, typesOf(o.events(0)))
	require.False(t, o.s.opened, "the samples of a demo are not fed twice")
	require.Equal(t, "5000000", o.s.engine.State().Capital.Closed().String())
	require.NotContains(t, o.s.p.out.(*console).String(), "opened with")
	require.Contains(t, o.s.recovery.Report.Findings[1], "portfolio.initial_capital is 9000000 in the configuration and 5000000 in the log")
	require.Contains(t, o.s.recovery.Report.Findings[1], "use pmctl capital deposit AMOUNT")
	require.NotContains(t, o.s.recovery.Report.Findings[1], "later release")
}

func TestWhatComesLateIsHeldAgainstTheBrokersBook(t *testing.T) {
	o := startBehind(t, true)
	o.left, o.late = 1, func() {
		now := time.Now().UTC()
		sub, _, problems := domain.ParseSignal([]byte(baseEntry()), now)
		require.Empty(t, problems)
		o.step(domain.SubmitSignal{Submission: sub, Now: now})
		order := o.dead.State().OpenOrders()[0].OrderID
		o.step(domain.BeginSend{OrderID: order, Now: now})
		o.step(domain.ReportSent{OrderID: order, Accepted: true, BrokerID: "P1", Now: now})
	}
	var h *halt
	require.ErrorAs(t, o.s.begin(t.Context()), &h)
	require.Equal(t, codeBrokerMismatch, h.Code)
	require.Contains(t, h.Error(), "took our order number 0 as P1, and its book does not have it")
	require.NotContains(t, typesOf(o.events(2)), "LeaderEpochStarted")
}

func TestAStartWhoseOwnEpochIsInTheLogDoesNotWriteAnother(t *testing.T) {
	o := startBehind(t, true)
	o.left, o.late = 1, func() {
		o.log.Fault(eventstore.Faults{})
		state := domain.NewState()
		for _, r := range o.events(0) {
			require.NoError(t, state.Apply(r))
		}
		head, err := o.log.Head(t.Context())
		require.NoError(t, err)
		own := engine.New(engine.Options{Log: o.log, Instance: o.s.instance, Build: "test"}, state, head)
		require.NoError(t, own.Start(t.Context(), domain.RecoveryCompleted{Snapshot: "none"}, o.s.cfg.Decision()))
	}
	var h *halt
	require.ErrorAs(t, o.s.begin(t.Context()), &h)
	require.Equal(t, codeOtherWriter, h.Code)
	require.ErrorIs(t, h, projections.ErrOwnEvent)
	require.Len(t, o.events(2), 2)
}
