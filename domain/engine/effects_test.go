package engine_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore"
)

// digests keeps the state digests that are logged.
type digests struct{ values []string }

func (d *digests) logger() *slog.Logger { return slog.New(d) }

func (d *digests) Enabled(context.Context, slog.Level) bool { return true }
func (d *digests) WithAttrs([]slog.Attr) slog.Handler       { return d }
func (d *digests) WithGroup(string) slog.Handler            { return d }
func (d *digests) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "state digest" {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "digest" {
				d.values = append(d.values, a.Value.String())
			}
			return true
		})
	}
	return nil
}

func (r *rig) submit(c domain.SubmitSignal) {
	r.t.Helper()
	_, err := r.engine.Submit(context.Background(), c)
	require.NoError(r.t, err)
}

func TestALostAnswerIsResolvedFromTheBookAndTheOrderIsNotSentAgain(t *testing.T) {
	r := newRig(t)
	r.broker.answer = func(engine.Order) engine.Answer { return engine.Answer{Code: "timeout"} }
	r.run(true)
	r.submit(r.base())
	r.until("found by its tag and filled", held(4))
	require.Len(t, r.broker.sent(), 1)
	require.Equal(t, []string{"OrderUnknown", "AlarmRaised", "OrderAccepted", "OrderFilled"}, r.types(5))
}

func TestAnOrderThatNeverArrivedIsProvedAbsentOnlyAfterItsWindow(t *testing.T) {
	r := newRig(t)
	r.broker.take = false
	r.broker.answer = func(engine.Order) engine.Answer { return engine.Answer{Code: "reset"} }
	r.run(true)
	r.submit(r.base())
	r.until("unknown", func(s *domain.State) bool { return slices.Contains(states(s), domain.UnknownSent) })
	r.clock.add(4 * time.Second) // inside the window of 5 s: a book without it proves nothing
	r.until("still unknown", func(s *domain.State) bool { return slices.Contains(states(s), domain.UnknownSent) })
	r.clock.add(3 * time.Second)
	r.until("absent", held(0))
	require.Contains(t, r.types(0), "OrderNotAccepted")
	require.Len(t, r.broker.sent(), 1)
}

func states(s *domain.State) (out []domain.OrderState) {
	for _, o := range s.OpenOrders() {
		out = append(out, o.State)
	}
	return out
}

func TestWithoutTagsTwoBooksApartAreNeeded(t *testing.T) {
	r := newRig(t)
	r.broker.traits = engine.Traits{Settle: time.Minute}
	r.broker.take = false
	r.broker.answer = func(engine.Order) engine.Answer { return engine.Answer{Code: "reset"} }
	r.run(true)
	r.submit(r.base())
	r.until("unknown", func(s *domain.State) bool { return slices.Contains(states(s), domain.UnknownSent) })
	for range 11 { // up to 66 s: the window of 5 s and the settling minute are over with the last of these
		r.stillUnknown(6 * time.Second)
	}
	require.Eventually(t, func() bool {
		r.clock.add(2 * time.Second)
		return slices.Contains(r.types(0), "OrderNotAccepted")
	}, 10*time.Second, 5*time.Millisecond)
}

func TestAnUnknownWithoutATagIsFoundByItsFingerprint(t *testing.T) {
	r := newRig(t)
	r.broker.traits = engine.Traits{Settle: time.Minute}
	r.broker.answer = func(engine.Order) engine.Answer { return engine.Answer{Code: "timeout"} }
	r.run(true)
	r.submit(r.base())
	r.until("found", held(4))
}

func TestTwoOrdersThatCouldBeOursCallAPerson(t *testing.T) {
	r := newRig(t)
	r.broker.traits = engine.Traits{Settle: time.Minute}
	r.broker.answer = func(engine.Order) engine.Answer {
		twin := r.broker.book[0]
		twin.BrokerID = "twin"
		r.broker.book = append(r.broker.book, twin)
		return engine.Answer{Code: "timeout"}
	}
	r.run(true)
	r.submit(r.base())
	r.until("an alarm", func(s *domain.State) bool {
		for _, a := range s.Alarms {
			if a.Code == domain.AlarmAmbiguous {
				return slices.Contains(states(s), domain.UnknownSent)
			}
		}
		return false
	})
}

func TestAClosedWindowSendsNothing(t *testing.T) {
	r := newRig(t)
	// The process is suspended between the mark and the request.
	r.log.Fault(eventstore.Faults{AfterAppend: func(_ context.Context, _ eventstore.Head, recs []eventstore.Record) error {
		for _, rec := range recs {
			if got, err := eventstore.Decode(rec); err == nil && got.Type == "OrderSendStarted" {
				r.clock.add(6 * time.Second)
			}
		}
		return nil
	}})
	r.run(true)
	r.submit(r.base())
	r.until("refused", held(0))
	require.Empty(t, r.broker.sent())
	require.Contains(t, r.types(0), "OrderRejected")
}

func TestARestartAsksTheBookAboutWhatWasBeingSent(t *testing.T) {
	r := newRig(t)
	_, err := r.engine.Step(t.Context(), r.base())
	require.NoError(t, err)
	id := domain.NewOrderID("rig", 0)
	_, err = r.engine.Step(t.Context(), domain.BeginSend{OrderID: id, Now: r.clock.now()})
	require.NoError(t, err)
	r.broker.Send(t.Context(), engine.Order{Tag: id.Tag(), Contract: "BANKNIFTY-FUT", Side: "BUY", Quantity: 120, LotSize: 30, RefPrice: domain.D("52000")})
	r.restart() // the process died between the request and its answer
	require.Equal(t, []string{"LeaderEpochStarted", "RecoveryCompleted", "OrderUnknown", "AlarmRaised"}, r.types(5))
	r.run(true)
	r.until("found", held(4))
	require.Len(t, r.broker.sent(), 1)
}

func TestALateFillInTheBookIsNoticedAfterAStart(t *testing.T) {
	r := newRig(t)
	r.broker.take = false
	r.broker.answer = func(engine.Order) engine.Answer { return engine.Answer{Kind: engine.Refused, Code: "margin"} }
	_, err := r.engine.Step(t.Context(), r.base())
	require.NoError(t, err)
	require.NoError(t, r.engine.Settle(t.Context()))
	r.broker.book = append(r.broker.book, engine.BookOrder{ // the broker had it all the same
		BrokerID: "X1", Tag: domain.NewOrderID("rig", 0).Tag(), Contract: "BANKNIFTY-FUT", Quantity: 120, Status: engine.BookComplete,
		Fills: []engine.BookFill{{ExecID: "1", Quantity: 120, Price: domain.D("52000")}},
	})
	r.broker.answer, r.broker.take = nil, true
	r.restart()
	r.run(true)
	r.until("the lots have left", func(s *domain.State) bool { return s.OrderCount == 2 && held(0)(s) })
	require.Contains(t, r.types(0), "ExitRequested")
}

func TestLockstepGivesTheSameLogTwice(t *testing.T) {
	head := func() eventstore.Head {
		r := newRig(t)
		for _, c := range []domain.SubmitSignal{r.base(), r.exit()} {
			_, err := r.engine.Step(t.Context(), c)
			require.NoError(t, err)
			require.NoError(t, r.engine.Settle(t.Context()))
			r.clock.add(time.Minute)
		}
		require.True(t, held(0)(r.engine.State()))
		return r.engine.Head()
	}
	first := head()
	require.Equal(t, first, head())
}
