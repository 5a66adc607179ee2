package engine_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/engine"
)

// ahead makes an hour pass on the wall clock for one bar, and takes it back: log time is ahead from then on.
func (r *rig) ahead() {
	r.clock.jump(time.Hour)
	r.submit(r.signal("MARKET_DATA", `,"price":52000,"atr":350,"supertrend":1`))
	r.clock.jump(-time.Hour)
}

func TestAWallClockThatWasAheadDoesNotStopExits(t *testing.T) {
	r := newRig(t)
	r.run(true)
	r.submit(r.base())
	r.until("held", held(4))
	r.clock.jump(time.Hour)
	r.submit(r.signal("MARKET_DATA", `,"price":52000,"atr":350,"supertrend":1`))
	r.clock.jump(-time.Hour)
	r.submit(r.exit())
	r.until("flat", held(0))
	require.NotContains(t, r.types(0), "OrderRejected")
	require.Contains(t, r.types(0), "ClockStepped")
}

func TestAWallClockThatWasAheadDoesNotEndEntriesUnsent(t *testing.T) {
	r := newRig(t)
	r.run(true)
	r.ahead()
	r.until("the step is seen", func(s *domain.State) bool { return s.Trading.Mode == domain.Reducing })
	_, err := r.engine.Submit(t.Context(), domain.SetTrading{To: domain.Active, Reason: "the clock is right again", By: "anna", ID: "r1", Now: r.clock.now()})
	require.NoError(t, err)
	r.clock.add(10 * time.Minute) // log time is still 55 minutes ahead
	r.submit(r.base())
	r.until("what was accepted is sent and filled", held(4))
	require.NotContains(t, r.types(0), "OrderExpired")
}

// withoutTags is a rig whose broker shows no tags and settles for five minutes, with a position to sell; what it answers to the exit is lost.
func withoutTags(t *testing.T, taken bool) *rig {
	r := newRig(t)
	r.broker.traits = engine.Traits{Settle: 5 * time.Minute}
	r.run(true)
	r.submit(r.base())
	r.until("held", held(4))
	r.broker.mu.Lock()
	defer r.broker.mu.Unlock()
	r.broker.take = taken
	r.broker.answer = func(engine.Order) engine.Answer { return engine.Answer{Code: "timeout"} }
	return r
}

func (r *rig) unknown() {
	r.t.Helper()
	r.until("unknown", func(s *domain.State) bool { return slices.Contains(states(s), domain.UnknownSent) })
}

// stillUnknown passes time and lets the broker's book be asked: it proves nothing yet.
func (r *rig) stillUnknown(d time.Duration) {
	r.t.Helper()
	read := func() int {
		r.broker.mu.Lock()
		defer r.broker.mu.Unlock()
		return r.broker.books
	}
	before := read()
	r.clock.add(d)
	require.Eventually(r.t, func() bool { return read() > before }, 10*time.Second, time.Millisecond, "nobody asks the book")
	r.unknown()
}

func TestAnExitIsFoundByItsFingerprintWhileTheLogIsAhead(t *testing.T) {
	r := withoutTags(t, true)
	r.ahead()
	r.submit(r.exit())
	r.until("found", held(0))
	require.Len(t, r.broker.sent(), 2, "the base and one exit")
	require.NotContains(t, r.types(0), "OrderNotAccepted")
}

func TestAnExitIsFoundByItsFingerprintAfterAClockThatWasWrongAtItsSendIsRight(t *testing.T) {
	for _, wrong := range []time.Duration{time.Hour, -time.Hour} {
		r := withoutTags(t, false)
		r.clock.jump(wrong)
		r.submit(r.exit())
		r.unknown()
		r.clock.jump(-wrong)
		r.broker.mu.Lock()
		sold := r.broker.sends[1]
		r.broker.book = append(r.broker.book, engine.BookOrder{ // as the broker's own clock, which was right, saw it
			BrokerID: "late", Exchange: sold.Exchange, Contract: sold.Contract, Side: sold.Side, Type: sold.Type, Product: sold.Product,
			Quantity: sold.Quantity, Status: engine.BookComplete, PlacedAt: r.clock.now(),
			Fills: []engine.BookFill{{ExecID: "Flate", Quantity: sold.Quantity, Price: sold.RefPrice}},
		})
		r.broker.mu.Unlock()
		r.clock.add(2 * time.Second)
		r.until("found", held(0))
		require.Len(t, r.broker.sent(), 2, "the base and one exit")
		require.NoError(t, r.stop())
	}
}

func TestAClockThatJumpsAheadProvesNothingAbsent(t *testing.T) {
	r := withoutTags(t, false)
	r.submit(r.exit())
	r.unknown()
	r.clock.jump(time.Hour)
	for range 15 { // 300 s: five minutes after the window of 5 s are not over
		r.stillUnknown(20 * time.Second)
	}
	require.NotContains(t, r.types(0), "OrderNotAccepted")
	require.Len(t, r.broker.sent(), 2)
	require.Eventually(t, func() bool {
		r.clock.add(2 * time.Second)
		return slices.Contains(r.types(0), "OrderNotAccepted")
	}, 10*time.Second, 5*time.Millisecond, "and in the end it is")
}

func TestAfterARestartAnOrderThatOnlyAWrongClockCouldMakeOursCallsAPerson(t *testing.T) {
	r := newRig(t)
	r.broker.traits = engine.Traits{Settle: 5 * time.Minute}
	r.clock.jump(time.Hour)
	_, err := r.engine.Step(t.Context(), r.base())
	require.NoError(t, err)
	id := domain.NewOrderID("rig", 0)
	_, err = r.engine.Step(t.Context(), domain.BeginSend{OrderID: id, Now: r.clock.now()})
	require.NoError(t, err)
	r.clock.jump(-time.Hour)
	o := r.engine.State().Orders[id]
	r.broker.Send(t.Context(), engine.Order{
		Exchange: o.Exchange, Contract: o.Contract, Side: o.Side, Type: o.Type, Product: o.Product, Quantity: o.Quantity, LimitPrice: o.LimitPrice, RefPrice: o.RefPrice,
	})
	r.restart() // the process died between the request and its answer
	r.run(true)
	for range 14 {
		r.stillUnknown(5 * time.Minute) // the hour of log time that is ahead passes too
	}
	s, _ := r.read()
	require.True(t, slices.ContainsFunc(slices.Collect(maps.Values(s.Alarms)), func(a *domain.Alarm) bool { return a.Code == domain.AlarmAmbiguous }))
	require.NotContains(t, r.types(0), "OrderNotAccepted")
}
