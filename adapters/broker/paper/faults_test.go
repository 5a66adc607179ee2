package paper

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/engine"
	"pm/domain/engine/brokertest"
)

// outcomes sends n orders of two lots and writes each answer's kind as a letter: A, R or U.
func outcomes(t testing.TB, b engine.Broker, from, n int) (letters string) {
	t.Helper()
	for i := from; i < from+n; i++ {
		a := b.Send(t.Context(), brokertest.Buy(fmt.Sprintf("order%d", i), 2))
		letters += map[engine.AnswerKind]string{engine.Accepted: "A", engine.Refused: "R", engine.Unknown: "U"}[a.Kind]
	}
	return letters
}

func tags(t testing.TB, b audited) (tags []string) {
	t.Helper()
	orders, err := b.AllOrders(t.Context())
	require.NoError(t, err)
	for _, o := range orders {
		tags = append(tags, o.Tag)
	}
	return tags
}

func TestEveryNthSendHasTheFault(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB, Options) audited) {
		b := open(t, Options{RejectEvery: 3})
		require.Equal(t, "AARAAR", outcomes(t, b, 1, 6))
		require.Equal(t, []string{"order1", "order2", "order4", "order5"}, tags(t, b))
		b = open(t, Options{LoseAnswerEvery: 2})
		require.Equal(t, "AUAU", outcomes(t, b, 1, 4))
		require.Equal(t, []string{"order1", "order2", "order3", "order4"}, tags(t, b))
		b = open(t, Options{DropEvery: 2})
		require.Equal(t, "AUAU", outcomes(t, b, 1, 4))
		require.Equal(t, []string{"order1", "order3"}, tags(t, b))
	})
}

func TestOfSeveralFaultsTheFirstInTheirOrderWins(t *testing.T) {
	b := inMemory(t, Options{DropEvery: 6, LoseAnswerEvery: 3, RejectEvery: 2})
	require.Equal(t, "ARURAU", outcomes(t, b, 1, 6))
	require.Equal(t, []string{"order1", "order3", "order5"}, tags(t, b))
}

func TestALostAnswerAndADroppedOrderSoundTheSame(t *testing.T) {
	lost := inMemory(t, Options{LoseAnswerEvery: 1}).Send(t.Context(), brokertest.Buy("order", 1))
	dropped := inMemory(t, Options{DropEvery: 1}).Send(t.Context(), brokertest.Buy("order", 1))
	require.Equal(t, lost, dropped)
}

func TestIdsAreDenseWhateverHappensToTheSends(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB, Options) audited) {
		b := open(t, Options{DropEvery: 2, RejectEvery: 3})
		outcomes(t, b, 1, 12)
		orders, err := b.AllOrders(t.Context())
		require.NoError(t, err)
		require.Len(t, orders, 4)
		for i, o := range orders {
			require.Equal(t, fmt.Sprintf("P-%d", i+1), o.BrokerID)
		}
	})
}

func TestAnOrderRejectedLaterFillsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB, Options) audited) {
		c := newClock()
		b := open(t, Options{RejectLaterEvery: 1, Delay: time.Second, Now: c.Now})
		for _, o := range []engine.Order{brokertest.Buy("market", 2), brokertest.AtLimit(brokertest.Buy("resting", 2), "51000")} {
			got := sent(t, b, o)
			require.Equal(t, engine.BookOpen, got.Status)
			c.pass(time.Second)
			got = again(t, b, got.BrokerID)
			require.Equal(t, engine.BookRejected, got.Status)
			require.Equal(t, "by the exchange", got.Text)
			require.Empty(t, got.Fills)
			require.NoError(t, b.Cancel(t.Context(), got.BrokerID))
			require.Equal(t, engine.BookRejected, again(t, b, got.BrokerID).Status)
		}
	})
}

func TestTheExchangeMayCancelTheRestOfAnOrder(t *testing.T) {
	for _, c := range []struct{ lots, partial, want int }{
		{lots: 4, want: 2}, {lots: 5, want: 2}, {lots: 1, want: 0}, {lots: 4, partial: 1, want: 1}, {lots: 4, partial: 3, want: 3},
		{lots: 4, partial: 4, want: 2},
	} {
		onBoth(t, func(t *testing.T, open func(testing.TB, Options) audited) {
			got := sent(t, open(t, Options{CancelRestEvery: 1, PartialLots: c.partial}), brokertest.Sell("order", c.lots))
			require.Equal(t, engine.BookCanceled, got.Status)
			require.Equal(t, "by the exchange", got.Text)
			require.Equal(t, 30*c.want, got.Filled(), "%+v", c)
		})
	}
}

func TestASeedScattersTheFaultsTheSameWayEachTime(t *testing.T) {
	const sends, every = 6000, 6
	draw := func(seed uint64) string {
		b := inMemory(t, Options{RejectEvery: every, Seed: seed})
		return outcomes(t, b, 1, sends)
	}
	first := draw(7)
	require.Equal(t, first, draw(7))
	require.NotEqual(t, first, draw(8))
	hit := 0
	for _, c := range first {
		if c == 'R' {
			hit++
		}
	}
	require.InDelta(t, sends/every, hit, 120) // four standard deviations
}

func TestFaultsOfDifferentKindsFallOnDifferentSends(t *testing.T) {
	opts := Options{DropEvery: 4, RejectEvery: 4, Seed: 3}
	seen := map[Fault]int{}
	for n := int64(1); n <= 1000; n++ {
		seen[opts.fault(n, engine.Order{})]++
	}
	require.Greater(t, seen[Reject], 100, "every reject fell on a drop")
	require.Greater(t, seen[Drop], 150)
}

func TestARestartGoesOnInTheSameSequenceOfFaults(t *testing.T) {
	opts := Options{RejectEvery: 3, LoseAnswerEvery: 5, DropEvery: 7, Seed: 11}
	whole := inMemory(t, opts)
	want := outcomes(t, whole, 1, 60)
	dir, got := t.TempDir(), ""
	for run := range 6 {
		b, err := Open(dir, opts)
		require.NoError(t, err)
		got += outcomes(t, b, 1+10*run, 10)
		require.NoError(t, b.Close())
	}
	require.Equal(t, want, got)
	require.Equal(t, tags(t, whole), tags(t, openIn(t, dir, opts)))
}

func TestAnOrderKeepsThePriceFeeAndPaceItWasPlacedWith(t *testing.T) {
	c, dir := newClock(), t.TempDir()
	first, err := Open(dir, Options{Slippage: domain.D("0.001"), Fee: domain.D("0.01"), Delay: time.Second, PartialLots: 1, Now: c.Now})
	require.NoError(t, err)
	id := sent(t, first, brokertest.Buy("order", 2)).BrokerID
	require.NoError(t, first.Close())
	c.pass(1500 * time.Millisecond)
	got := again(t, openIn(t, dir, Options{Now: c.Now}), id)
	require.Equal(t, 30, got.Filled())
	require.Equal(t, "52052", got.Fills[0].Price.String())
	require.Equal(t, "15615.6", got.Fills[0].Fee.String())
	require.Equal(t, got.PlacedAt.Add(time.Second), got.Fills[0].At)
}
