package projections_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/projections"
	"pm/projections/snapshottest"
)

// following is a follower that runs until the test ends, at a pace for tests.
type following struct {
	*projections.Follower
	t    *testing.T
	stop context.CancelFunc
	done chan error

	mu       sync.Mutex
	notices  []string
	diverged []*projections.Halt
	rebuilt  []*projections.Rebuilt
	calls    int // of a person
	deaf     int // calls that nobody answers
}

func follow(t *testing.T, log eventstore.Log, s projections.Snapshot, agreed *projections.SnapshotHead) *following {
	t.Helper()
	f := &following{t: t}
	f.run(log, s, agreed)
	return f
}

func (f *following) run(log eventstore.Log, s projections.Snapshot, agreed *projections.SnapshotHead) {
	t := f.t
	t.Helper()
	f.done = make(chan error, 1)
	f.Follower = projections.NewFollower(log, s, projections.FollowerOptions{
		Agreed: agreed, Every: time.Millisecond, Retry: time.Millisecond, Recheck: time.Millisecond,
		Notice: func(text string) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.notices = append(f.notices, text)
		},
		Diverged: func(h *projections.Halt) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.calls++
			if f.calls <= f.deaf {
				return errBent
			}
			f.diverged = append(f.diverged, h)
			return nil
		},
		Rebuilt: func(r *projections.Rebuilt) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.rebuilt = append(f.rebuilt, r)
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	f.stop = cancel
	go func() {
		f.done <- f.Run(ctx)
		close(f.done)
	}()
	t.Cleanup(func() {
		cancel()
		for range f.done { // until it is closed
		}
	})
}

func (f *following) halts() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.diverged)
}

// until waits for what must come; the test's own time limit ends it.
func (f *following) until(what string, is func(projections.FollowerHealth) bool) {
	f.t.Helper()
	require.Eventually(f.t, func() bool { return is(f.Health()) }, 10*time.Second, time.Millisecond, what)
}

func (f *following) untilWritten(log eventstore.Log) {
	f.t.Helper()
	head := projections.HeadOf(headOf(f.t, log))
	f.until("everything is written", func(h projections.FollowerHealth) bool { return h.Written == head && h.Trouble == nil })
}

func headOf(t testing.TB, log eventstore.Log) eventstore.Head {
	t.Helper()
	head, err := log.Head(t.Context())
	require.NoError(t, err)
	return head
}

// more appends events behind what is there.
func more(t testing.TB, log eventstore.Log, events ...domain.Event) {
	t.Helper()
	w := &writing{t: t, log: log, state: domain.NewState(), sealer: eventstore.NewSealer(headOf(t, log), time.Time{}, author)}
	_, err := eventstore.Replay(t.Context(), log, 0, func(r domain.Recorded, _ eventstore.Hash) error { return w.state.Apply(r) })
	require.NoError(t, err)
	w.sealer = eventstore.NewSealer(headOf(t, log), w.state.At, author)
	for _, e := range events {
		w.event(e)
	}
}

func TestAFollowerBuildsASnapshotThatIsMissingAndKeepsItUp(t *testing.T) {
	log, s := fullLog(t), snapshottest.NewMemory()
	f := follow(t, log, s, nil)
	f.untilWritten(log)
	for range 3 {
		more(t, log, deposit("1000"))
		f.untilWritten(log)
		r, err := projections.Recover(t.Context(), log, quick(s.Session()))
		require.NoError(t, err)
		require.Equal(t, projections.SnapshotAgreed, r.Report.Snapshot)
	}
	require.Equal(t, projections.SnapshotAgreed, f.Health().Status)
	require.Zero(t, f.Health().Waiting)
	f.stop()
	require.NoError(t, <-f.done)
}

func TestAFollowerGoesOnFromWhatTheStartHasCompared(t *testing.T) {
	log := fullLog(t)
	s := written(t, cut(t, log, 20))
	r, err := projections.Recover(t.Context(), log, quick(s))
	require.NoError(t, err)
	f := follow(t, log, s, r.Agreed)
	require.Equal(t, r.Agreed.Revision, f.Health().Written.Revision)
	require.False(t, f.Health().Compared.IsZero())
	f.untilWritten(log)
	r, err = projections.Recover(t.Context(), log, quick(s))
	require.NoError(t, err)
	require.Equal(t, projections.SnapshotAgreed, r.Report.Snapshot)
}

func TestWhatWasFoldedIsWrittenWhenTheFollowerStops(t *testing.T) {
	log, s := fullLog(t), snapshottest.NewMemory()
	f := projections.NewFollower(log, s, projections.FollowerOptions{Every: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	require.Eventually(t, func() bool { return projections.Folded(f) == eventsOf(t, log) }, 10*time.Second, time.Millisecond)
	cancel()
	require.NoError(t, <-done)
	require.Positive(t, s.Writes())
}

func TestASnapshotThatComesBackIsComparedBeforeItIsWritten(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	s.SetUnavailable(true)
	f := follow(t, log, s, nil)
	f.until("it is unavailable", func(h projections.FollowerHealth) bool {
		return h.Status == projections.SnapshotUnavailable && h.Trouble != nil
	})
	more(t, log, deposit("1"))
	writes := s.Writes()
	s.SetUnavailable(false)
	f.untilWritten(log)
	require.Equal(t, writes+1, s.Writes())
	require.Zero(t, f.halts())
	require.False(t, f.Health().Compared.IsZero())
	require.LessOrEqual(t, projections.FollowRetry, 5*time.Second, "compared within 10 s of its return")
}

func TestASnapshotThatWasTamperedWithWhileItWasAwayIsNotWrittenAndCallsAPersonOnce(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	s.SetUnavailable(true)
	f := follow(t, log, s, nil)
	f.until("it is unavailable", func(h projections.FollowerHealth) bool { return h.Status == projections.SnapshotUnavailable })
	s.Set("portfolio_state", "main", "total_risk_amount", "999999.99")
	writes := s.Writes()
	s.SetUnavailable(false)
	f.until("the difference is found", func(h projections.FollowerHealth) bool {
		return h.Status == projections.SnapshotDiffers && h.Trouble != nil && f.halts() > 0
	})
	more(t, log, deposit("1"))
	reads := make(chan struct{}, 8)
	s.OnRead(func() {
		select {
		case reads <- struct{}{}:
		default:
		}
	})
	for range 4 { // looked at again and again
		<-reads
	}
	require.Equal(t, writes, s.Writes(), "what differs is kept as it is")
	require.Equal(t, 1, f.halts(), "a person is called once")
	require.Contains(t, f.diverged[0].Error(), "Risk amount mismatch: DB=999999.99")
	require.NotNil(t, f.diverged[0].Report)

	_, err := projections.Rebuild(t.Context(), log, s.Session(), projections.RebuildOptions{})
	require.NoError(t, err)
	f.untilWritten(log)
	require.Equal(t, projections.SnapshotAgreed, f.Health().Status, "a rebuild mends it without a restart")
}

func TestAWriteWhoseAnswerIsLostIsNeitherLostNorMadeTwice(t *testing.T) {
	for name, made := range map[string]bool{"it was made": true, "it was not made": false} {
		log := fullLog(t)
		s := written(t, log)
		r, err := projections.Recover(t.Context(), log, quick(s))
		require.NoError(t, err)
		s.FailWrite(1, made)
		f := follow(t, log, s, r.Agreed)
		more(t, log, deposit("1"))
		f.untilWritten(log)
		r, err = projections.Recover(t.Context(), log, quick(s))
		require.NoError(t, err, name)
		require.Equal(t, projections.SnapshotAgreed, r.Report.Snapshot)
	}
}

func TestARebuildBesideTheFollowerIsTakenUp(t *testing.T) {
	log, s := fullLog(t), snapshottest.NewMemory()
	f := follow(t, log, s, nil)
	f.untilWritten(log)
	_, err := projections.Rebuild(t.Context(), log, s.Session(), projections.RebuildOptions{})
	require.NoError(t, err)
	more(t, log, deposit("5"))
	f.untilWritten(log)
	require.Zero(t, f.halts())
}

func TestASnapshotOfANewerBuildIsNeitherComparedNorWritten(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	r, err := projections.Recover(t.Context(), log, quick(s))
	require.NoError(t, err)
	newer := *r.Agreed
	newer.SchemaVersion++
	s.SetHead(&newer)
	writes := s.Writes()
	f := follow(t, log, s, nil)
	f.until("it is seen", func(h projections.FollowerHealth) bool {
		return h.Status == projections.SnapshotNewer && h.Trouble != nil
	})
	require.Equal(t, writes, s.Writes())
	s.SetHead(r.Agreed) // the newer build was taken back
	more(t, log, deposit("5"))
	f.untilWritten(log)
}

func TestASnapshotOfAnOlderBuildIsRebuiltInTheBackground(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	r, err := projections.Recover(t.Context(), log, quick(s))
	require.NoError(t, err)
	older := *r.Agreed
	older.FoldVersion--
	s.SetHead(&older)
	f := follow(t, log, s, nil)
	f.untilWritten(log)
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Contains(t, strings.Join(f.notices, "\n"), "the snapshot has been rebuilt; 0 values")
	require.Len(t, f.rebuilt, 1)
	require.True(t, f.rebuilt[0].Switched)
}

func TestAnEventThatCannotBeFoldedStopsTheSnapshotAndShowsTheEvent(t *testing.T) {
	log := fullLog(t)
	s := written(t, log)
	r, err := projections.Recover(t.Context(), log, quick(s))
	require.NoError(t, err)
	f := follow(t, log, s, r.Agreed)
	head := headOf(t, log)
	sealer := eventstore.NewSealer(head, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), author)
	rec, _, err := sealer.Seal(eventstore.Draft{At: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		Event: &domain.OrderFilled{OrderID: "nobody", LastQty: 1, CumQty: 1, LastPx: domain.D("1"), ExecID: "x"}})
	require.NoError(t, err)
	require.NoError(t, log.Append(t.Context(), head, []eventstore.Record{rec}))
	var stopped *projections.FollowerStopped
	require.ErrorAs(t, <-f.done, &stopped)
	require.Equal(t, head.Next, stopped.Revision)
	require.Contains(t, stopped.Error(), "OrderFilled")
	require.True(t, f.Health().Stopped)
	require.ErrorIs(t, f.Health().Trouble, domain.ErrImpossible)
	require.Equal(t, projections.HeadOf(head), f.Health().Written, "what came before is written, and nothing of the broken fold")
}

func TestAnEventThatWaitsTooLongMakesTheFollowerUnhealthy(t *testing.T) {
	f := projections.NewFollower(fullLog(t), snapshottest.NewMemory(), projections.FollowerOptions{})
	require.NoError(t, f.Health().Trouble)
	projections.Waited(f, projections.MaxFollowLag)
	require.ErrorContains(t, f.Health().Trouble, "have waited 10s for a write")
	projections.Waited(f, projections.MaxFollowLag-time.Second)
	require.NoError(t, f.Health().Trouble)
}

func TestALogThatIsDamagedUnderTheFollowerStopsIt(t *testing.T) {
	log := fullLog(t)
	log.Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error {
		if r.Rev == 7 {
			r.Data[len(r.Data)-2] ^= 1
		}
		return nil
	}})
	s := written(t, fullLog(t))
	f := follow(t, log, s, nil)
	f.until("it differs and says so", func(h projections.FollowerHealth) bool { return h.Trouble != nil && f.halts() == 1 })
	require.Equal(t, projections.CodeDataCorrupt, f.diverged[0].Code)

	r, err := projections.Recover(t.Context(), fullLog(t), quick(s))
	require.NoError(t, err)
	g := follow(t, log, s, r.Agreed)
	var stopped *projections.FollowerStopped
	require.ErrorAs(t, <-g.done, &stopped)
	require.Equal(t, uint64(7), stopped.Revision)
	var corrupt *eventstore.Corrupt
	require.ErrorAs(t, stopped, &corrupt)
}
