package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore"
)

func TestAStartWritesItsEpochAloneAndThenItsRecoveryAndWhatIsDueInOneAppend(t *testing.T) {
	r := newRig(t)
	_, err := r.engine.Step(t.Context(), r.base())
	require.NoError(t, err)
	r.clock.add(2 * time.Minute)
	var appends []int
	r.log.Fault(eventstore.Faults{AfterAppend: func(_ context.Context, _ eventstore.Head, recs []eventstore.Record) error {
		appends = append(appends, len(recs))
		return nil
	}})
	seen := 0
	r.restart(func(o *engine.Options) { o.Observe = func(s engine.Observation) { seen += len(s.Events) } })
	require.Equal(t, []string{"LeaderEpochStarted", "RecoveryCompleted", "OrderExpired"}, r.types(4))
	require.Equal(t, []int{1, 2}, appends)
	require.Equal(t, 3, seen, "the epoch is counted like every event")
}

// late lets another engine append before the nth append from now, as what a dead process had on its way does.
func (r *rig) late(n int) {
	other := r.engine
	r.log.Fault(eventstore.Faults{BeforeAppend: func(ctx context.Context, _ eventstore.Head, _ []eventstore.Record) error {
		if n--; n == 0 {
			r.log.Fault(eventstore.Faults{})
			_, err := other.Step(ctx, domain.MoveCapital{Amount: domain.D("7"), By: "a", Now: r.clock.now()})
			require.NoError(r.t, err)
		}
		return nil
	}})
}

func TestAStartThatMeetsALateAppendWithItsEpochLeavesTheStateAsItWas(t *testing.T) {
	r := newRig(t)
	state, head := r.read()
	before := state.Digest()
	r.late(1)
	r.build(state, head)
	err := r.engine.Start(t.Context(), domain.RecoveryCompleted{Snapshot: "none"}, settings(t))
	require.ErrorIs(t, err, engine.ErrGrown)
	require.ErrorIs(t, err, engine.ErrOtherWriter, "who does not read on ends as before")
	require.Equal(t, before, state.Digest())
	require.Equal(t, []string{"CapitalDeposited"}, r.types(2))
}

func TestAnotherWriterBehindTheEpochEndsTheStart(t *testing.T) {
	r := newRig(t)
	state, head := r.read()
	appends := 0
	r.log.Fault(eventstore.Faults{BeforeAppend: func(ctx context.Context, _ eventstore.Head, _ []eventstore.Record) error {
		if appends++; appends == 2 {
			r.log.Fault(eventstore.Faults{})
			now, end := r.read()
			third := engine.New(engine.Options{Log: r.log, Broker: r.broker, Instance: "third", Build: "test", Clock: r.clock.now, Uptime: r.clock.up}, now, end)
			require.NoError(t, third.Start(ctx, domain.RecoveryCompleted{Snapshot: "none"}, settings(t)))
		}
		return nil
	}})
	r.build(state, head, func(o *engine.Options) { o.Instance = "second" })
	err := r.engine.Start(t.Context(), domain.RecoveryCompleted{Snapshot: "none"}, settings(t))
	require.ErrorIs(t, err, engine.ErrOtherWriter)
	require.NotErrorIs(t, err, engine.ErrGrown, "its epoch stands in the log: it must not begin again")
	require.Equal(t, []string{"LeaderEpochStarted", "LeaderEpochStarted", "RecoveryCompleted"}, r.types(2))
}

func TestAPortfolioThatIsOpenedWhileItIsOpenedSaysThatTheLogHasGrown(t *testing.T) {
	r := newRig(t)
	r.build(domain.NewState(), eventstore.Empty("rig"), func(o *engine.Options) { o.Instance = "second" })
	err := r.engine.Open(t.Context(), domain.PortfolioOpened{ID: "rig", Currency: "INR", InitialCapital: domain.D("1"), Settings: settings(t)})
	require.ErrorIs(t, err, engine.ErrGrown)
	require.Equal(t, []string{"PortfolioOpened", "LeaderEpochStarted"}, r.types(0))
}

func TestAStopEndsAStartWhoseFirstAppendNobodyAnswers(t *testing.T) {
	for name, begin := range map[string]func(context.Context, *rig) error{
		"an empty log": func(ctx context.Context, r *rig) error {
			r.log = eventstore.NewMemory("rig")
			r.build(domain.NewState(), eventstore.Empty("rig"))
			r.silent()
			return r.engine.Open(ctx, domain.PortfolioOpened{ID: "rig", Currency: "INR", InitialCapital: domain.D("1"), Settings: settings(t)})
		},
		"a log with events": func(ctx context.Context, r *rig) error {
			r.build(r.read())
			r.silent()
			return r.engine.Start(ctx, domain.RecoveryCompleted{Snapshot: "none"}, settings(t))
		},
	} {
		r := newRig(t)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- begin(ctx, r) }()
		stop()
		select {
		case err := <-ended:
			require.ErrorIs(t, err, eventstore.ErrOutcomeUnknown, name)
			require.ErrorContains(t, err, "while stopping", name)
		case <-time.After(10 * time.Second):
			require.Fail(t, "a stop waits for a store that does not answer", name)
		}
	}
}

func TestAStopDoesNotTearTheFirstAppendOfAStart(t *testing.T) {
	r := newRig(t)
	ctx, stop := context.WithCancel(t.Context())
	r.log.Fault(eventstore.Faults{BeforeAppend: func(ctx context.Context, _ eventstore.Head, _ []eventstore.Record) error {
		stop()
		return ctx.Err()
	}})
	r.build(r.read())
	require.NoError(t, r.engine.Start(ctx, domain.RecoveryCompleted{Snapshot: "none"}, settings(t)))
	require.Equal(t, []string{"LeaderEpochStarted", "RecoveryCompleted"}, r.types(2))
}

// silent lets nobody know whether an append was stored.
func (r *rig) silent() {
	r.log.Fault(eventstore.Faults{BeforeAppend: func(context.Context, eventstore.Head, []eventstore.Record) error { return eventstore.ErrOutcomeUnknown }})
}
