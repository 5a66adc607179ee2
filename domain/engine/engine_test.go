package engine_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestASignalBecomesAPositionThroughTheWholeProtocol(t *testing.T) {
	r := newRig(t)
	r.run(true)
	result, err := r.engine.Submit(t.Context(), r.base())
	require.NoError(t, err)
	require.Equal(t, domain.VerdictAccepted, result.Verdict)
	r.until("the base is filled", held(4))
	require.Equal(t, []string{"PortfolioOpened", "LeaderEpochStarted", "SignalReceived", "OrderInitialized", "OrderSendStarted", "OrderAccepted", "OrderFilled"}, r.types(0))
	r.clock.add(time.Minute)
	_, err = r.engine.Submit(t.Context(), r.exit())
	require.NoError(t, err)
	r.until("flat", held(0))
	require.Len(t, r.broker.sent(), 2)
	require.NoError(t, r.stop())
}

func TestABatchIsDecidedOneAfterAnotherAndAppendedAtOnce(t *testing.T) {
	r := newRig(t)
	appends := 0
	r.log.Fault(eventstore.Faults{AfterAppend: func(context.Context, eventstore.Head, []eventstore.Record) error { appends++; return nil }})
	other := r.base()
	other.ClientID = "second"
	results, err := r.engine.Step(t.Context(), r.base(), other)
	require.NoError(t, err)
	require.Equal(t, domain.VerdictAccepted, results[0].Verdict)
	require.Equal(t, domain.VerdictRejected, results[1].Verdict, "the second sees what the first reserved")
	require.Equal(t, 1, appends)
}

func TestNothingIsAnsweredBeforeItIsDurable(t *testing.T) {
	r := newRig(t)
	gate := make(chan struct{})
	r.log.Fault(eventstore.Faults{BeforeAppend: func(context.Context, eventstore.Head, []eventstore.Record) error { <-gate; return nil }})
	r.run(false)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := r.engine.Submit(ctx, r.base())
	require.ErrorIs(t, err, engine.ErrOutcomeUnknown)
	close(gate)
	r.until("it was recorded after all", func(s *domain.State) bool { return s.OrderCount == 1 })
}

func TestAFullInboxRefusesEntriesAndKeepsRoomForExitsAndBars(t *testing.T) {
	r := newRig(t, func(o *engine.Options) { o.Inbox, o.Reserve, o.MaxBatch = 2, 1, 1 })
	gate := make(chan struct{})
	entered := make(chan struct{}, 16)
	r.log.Fault(eventstore.Faults{BeforeAppend: func(context.Context, eventstore.Head, []eventstore.Record) error {
		entered <- struct{}{}
		<-gate
		return nil
	}})
	r.run(false)
	var wg sync.WaitGroup
	submit := func(c domain.SubmitSignal, want error) {
		wg.Go(func() {
			_, err := r.engine.Submit(context.Background(), c)
			require.ErrorIs(t, err, want)
		})
	}
	submit(r.base(), nil)
	<-entered // the writer is at the disk with the first
	submit(r.base(), nil)
	submit(r.base(), nil)
	require.Eventually(t, func() bool { return r.engine.Waiting() == 2 }, 5*time.Second, time.Millisecond)
	_, err := r.engine.Submit(t.Context(), r.base())
	require.ErrorIs(t, err, engine.ErrBusy)
	submit(r.exit(), nil)
	require.Eventually(t, func() bool { return r.engine.Waiting() == 3 }, 5*time.Second, time.Millisecond)
	_, err = r.engine.Submit(t.Context(), r.exit())
	require.ErrorIs(t, err, engine.ErrBusy)
	close(gate)
	wg.Wait()
}

func TestAnAppendWhoseAnswerWasLostIsStoredOnce(t *testing.T) {
	for name, fault := range map[string]func(once *sync.Once) eventstore.Faults{
		"after it was stored": func(once *sync.Once) eventstore.Faults {
			return eventstore.Faults{AfterAppend: lose(once)}
		},
		"before it was stored": func(once *sync.Once) eventstore.Faults {
			return eventstore.Faults{BeforeAppend: lose(once)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.log.Fault(fault(new(sync.Once)))
			results, err := r.engine.Step(t.Context(), r.base())
			require.NoError(t, err)
			require.Equal(t, domain.VerdictAccepted, results[0].Verdict)
			require.Equal(t, []string{"SignalReceived", "OrderInitialized"}, r.types(2))
		})
	}
}

func lose(once *sync.Once) func(context.Context, eventstore.Head, []eventstore.Record) error {
	return func(context.Context, eventstore.Head, []eventstore.Record) (err error) {
		once.Do(func() { err = eventstore.ErrOutcomeUnknown })
		return err
	}
}

func TestAnotherWriterEndsTheEngine(t *testing.T) {
	r := newRig(t)
	first := r.engine
	r.restart() // somebody else takes the log over
	_, err := first.Step(t.Context(), r.base())
	require.ErrorIs(t, err, engine.ErrOtherWriter)
	require.NotContains(t, r.types(0), "SignalReceived")
}

func TestAfterTheWriterHasStoppedNothingIsTaken(t *testing.T) {
	r := newRig(t)
	r.run(false)
	require.NoError(t, r.stop())
	_, err := r.engine.Submit(t.Context(), r.base())
	require.Error(t, err)
	require.ErrorIs(t, r.engine.Query(t.Context(), func(*domain.State, eventstore.Head) {}), engine.ErrStopped)
}

func TestALogThatCannotBeWrittenEndsTheEngineAndTheCallerDoesNotKnow(t *testing.T) {
	r := newRig(t)
	r.log.Fault(eventstore.Faults{BeforeAppend: func(context.Context, eventstore.Head, []eventstore.Record) error { return eventstore.ErrBroken }})
	r.run(false)
	_, err := r.engine.Submit(t.Context(), r.base())
	require.ErrorIs(t, err, engine.ErrOutcomeUnknown)
	require.ErrorIs(t, r.stop(), eventstore.ErrBroken)
}

func TestAClockThatGoesBackIsRecorded(t *testing.T) {
	r := newRig(t)
	r.run(false)
	r.until("running", func(*domain.State) bool { return true })
	r.clock.add(-time.Second + time.Millisecond)
	r.until("a small step is nothing", func(s *domain.State) bool { return s.Trading.Mode == domain.Active })
	r.clock.add(-time.Hour)
	r.until("entries stop", func(s *domain.State) bool {
		return s.Trading.Mode == domain.Reducing && s.Trading.Reason == "clock_step"
	})
}

func TestStateDigestsAreLoggedAtEveryHundredthRevision(t *testing.T) {
	seen := &digests{}
	r := newRig(t, func(o *engine.Options) { o.Logger = seen.logger() })
	for range 150 {
		_, err := r.engine.Step(t.Context(), domain.MoveCapital{Amount: domain.D("1"), By: "a", Now: r.clock.now()})
		require.NoError(t, err)
	}
	s := domain.NewState()
	var want []string
	_, err := eventstore.Replay(t.Context(), r.log, 0, func(rec domain.Recorded, _ eventstore.Hash) error {
		err := s.Apply(rec)
		if rec.Rev == 100 {
			want = append(want, s.Digest())
		}
		return err
	})
	require.NoError(t, err)
	require.Equal(t, want, seen.values)
}
