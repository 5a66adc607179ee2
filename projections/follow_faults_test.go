package projections_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/eventstore"
	"pm/projections"
	"pm/projections/snapshottest"
)

// held is a snapshot whose writes wait for the test.
type held struct {
	projections.Snapshot
	begun chan struct{}
	let   chan error // what the write answers before it is made; closed: they are made at once
}

func (h *held) Write(ctx context.Context, c projections.Change) error {
	select {
	case h.begun <- struct{}{}:
	default:
	}
	select {
	case err := <-h.let:
		if err != nil {
			return err
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	return h.Snapshot.Write(ctx, c)
}

func TestABigWriteThatIsStoppedOrFailsTearsNothing(t *testing.T) {
	for name, end := range map[string]func(stop context.CancelFunc, h *held){
		"pm is stopped while it is made": func(stop context.CancelFunc, h *held) { stop(); close(h.let) },
		"it fails once":                  func(_ context.CancelFunc, h *held) { h.let <- errBent; close(h.let) },
	} {
		log, inner := fullLog(t), snapshottest.NewMemory()
		h := &held{inner, make(chan struct{}, 1), make(chan error)}
		f := projections.NewFollower(log, h, projections.FollowerOptions{Every: time.Hour, Retry: time.Millisecond})
		projections.Gathering(f, 200)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		<-h.begun
		end(stop, h)
		require.Eventually(t, func() bool { return f.Health().Written.Hash != "" || ctx.Err() != nil }, 10*time.Second, time.Millisecond, name)
		stop()
		require.NoError(t, <-done)
		r, err := projections.Recover(t.Context(), log, quick(inner))
		require.NoError(t, err, name)
		require.Contains(t, []string{projections.SnapshotAgreed, projections.SnapshotMissing}, r.Report.Snapshot, name)
	}
}

func TestHealthDoesNotWaitForAStoreThatHangs(t *testing.T) {
	log := fullLog(t)
	h := &held{snapshottest.NewMemory(), make(chan struct{}, 1), make(chan error)}
	f := follow(t, log, h, nil)
	<-h.begun
	answered := make(chan projections.FollowerHealth, 1)
	go func() { answered <- f.Health() }()
	select {
	case health := <-answered:
		require.Positive(t, health.Waiting)
	case <-time.After(10 * time.Second):
		t.Fatal("health waits for the store: whoever asks on the writer's goroutine stops trading")
	}
	close(h.let)
	f.untilWritten(log)
}

func TestAPersonWhoCouldNotBeCalledIsCalledAgain(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	s.Set("portfolio_state", "main", "total_risk_amount", "999999.99")
	f := &following{t: t, deaf: 2}
	f.run(log, s, nil)
	f.until("the call was answered", func(projections.FollowerHealth) bool { return f.halts() == 1 })
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Equal(t, 3, f.calls)
}

func TestALogThatIsAwayIsNoDifference(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	log.Fault(eventstore.Faults{OnRead: func(*eventstore.Record) error { return errors.New("no route to host") }})
	f := follow(t, log, s, nil)
	f.until("it is tried again", func(h projections.FollowerHealth) bool {
		return h.Status == projections.SnapshotUnavailable && h.Trouble != nil
	})
	require.Zero(t, f.halts(), "nothing was found to differ")
	log.Fault(eventstore.Faults{})
	more(t, log, deposit("1"))
	f.untilWritten(log)
	require.Zero(t, f.halts())
}

func TestADatabaseThatIsDownCostsNoReplay(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	s.SetUnavailable(true)
	replays := make(chan struct{}, 1000)
	log.Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error {
		if r.Rev == 0 {
			replays <- struct{}{}
		}
		return nil
	}})
	looks := make(chan struct{})
	b := &bent{Snapshot: s}
	f := follow(t, log, &counted{b, looks}, nil)
	for range 5 {
		<-looks
	}
	require.Empty(t, replays)
	s.SetUnavailable(false)
	go func() {
		for range looks {
		}
	}()
	f.untilWritten(log)
	require.NotEmpty(t, replays)
}

// counted tells of each look at a snapshot.
type counted struct {
	projections.Snapshot
	looks chan struct{}
}

func (c *counted) Read(ctx context.Context, look func(projections.SnapshotView) error) error {
	select {
	case c.looks <- struct{}{}:
	case <-ctx.Done():
	}
	return c.Snapshot.Read(ctx, look)
}

func TestAFindingIsToldOnceThoughTheLogGrows(t *testing.T) {
	log := fullLog(t)
	s := written(t, fullLog(t, deposit("1"), deposit("2"))) // of a log that went on where this one ends
	f := follow(t, log, s, nil)
	f.until("it is found", func(projections.FollowerHealth) bool { return f.halts() == 1 })
	for range 2 {
		more(t, log, deposit("3"))
		looks := make(chan struct{}, 1)
		s.OnRead(func() {
			select {
			case looks <- struct{}{}:
			default:
			}
		})
		for range 3 {
			<-looks
		}
	}
	require.Equal(t, 1, f.halts())
}

func TestALookThatCostsAReplayComesLessAndLessOften(t *testing.T) {
	require.Equal(t, []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 10 * time.Minute, 10 * time.Minute},
		projections.Backoffs(fullLog(t), snapshottest.NewMemory(), 7))
}
