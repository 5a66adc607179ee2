package paper

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/engine"
	"pm/domain/engine/brokertest"
)

// sent expects an acceptance and reads the order back.
func sent(t testing.TB, b engine.Broker, o engine.Order) engine.BookOrder {
	t.Helper()
	a := b.Send(t.Context(), o)
	require.Equal(t, engine.Accepted, a.Kind, a.Text)
	return again(t, b, a.BrokerID)
}

func again(t testing.TB, b engine.Broker, id string) engine.BookOrder {
	t.Helper()
	got, err := b.Order(t.Context(), id)
	require.NoError(t, err)
	return got
}

func TestAFillIsAtTheReferencePriceMovedAgainstTheOrder(t *testing.T) {
	for _, c := range []struct{ side, ref, slippage, want string }{
		{"BUY", "52000", "0", "52000"},
		{"SELL", "52000", "0", "52000"},
		{"BUY", "52000", "0.001", "52052"},
		{"SELL", "52000", "0.001", "51948"},
		{"BUY", "0.00000003", "0.5", "0.00000005"},                    // 4.5: up for a buyer
		{"SELL", "0.00000003", "0.5", "0.00000001"},                   // 1.5: down for a seller
		{"BUY", "100.000000001", "0", "100.00000001"},                 // an entry price of 12 digits
		{"SELL", "100.000000001", "0", "100"},                         //
		{"BUY", "123456.123456789012", "0.000001", "123456.24691292"}, // exact: ….246912912468…
	} {
		o := brokertest.Buy("order", 1)
		o.Side, o.RefPrice = c.side, domain.D(c.ref)
		got := sent(t, inMemory(t, Options{Slippage: domain.D(c.slippage)}), o)
		require.Equal(t, c.want, got.Fills[0].Price.String(), "%s %s slippage %s", c.side, c.ref, c.slippage)
	}
}

func TestSlippageBeyondTheLimitLetsTheOrderRest(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB, Options) audited) {
		b := open(t, Options{Slippage: domain.D("0.005")})
		at := sent(t, b, brokertest.AtLimit(brokertest.Buy("atTheLimit", 1), "52260"))
		require.Equal(t, "52260", at.Fills[0].Price.String())
		for _, o := range []engine.Order{
			brokertest.AtLimit(brokertest.Buy("above", 1), "52259.95"), brokertest.AtLimit(brokertest.Sell("below", 1), "51740.05"),
		} {
			rests := sent(t, b, o)
			require.Equal(t, engine.BookOpen, rests.Status, o.Tag)
			require.Empty(t, rests.Fills)
			require.NoError(t, b.Cancel(t.Context(), rests.BrokerID))
			ended := again(t, b, rests.BrokerID)
			require.Equal(t, engine.BookCanceled, ended.Status)
			require.Equal(t, "on request", ended.Text)
		}
	})
}

func TestALimitThatIsNotReachedRestsHoweverLongOneWaits(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB, Options) audited) {
		c := newClock()
		b := open(t, Options{Delay: time.Second, Now: c.Now})
		rests := sent(t, b, brokertest.AtLimit(brokertest.Buy("rests", 1), "51999.95"))
		c.pass(30 * 24 * time.Hour)
		require.Equal(t, engine.BookOpen, again(t, b, rests.BrokerID).Status)
	})
}

func TestTheFeeIsAFractionOfPointValueLotsAndPrice(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB, Options) audited) {
		b := open(t, Options{Fee: domain.D("0.0005")})
		bought := sent(t, b, brokertest.Buy("bought", 3))
		require.Equal(t, "2340", bought.Fills[0].Fee.String()) // 0.0005 × 30 × 3 × 52000
		o := brokertest.Sell("sold", 3)
		o.RefPrice = domain.D("53000.05")
		require.Equal(t, "2385.00225", sent(t, b, o).Fills[0].Fee.String())
	})
}

func TestTheFeesOfThePartsAreExactlyTheFeeOfTheWhole(t *testing.T) {
	opts := Options{Fee: domain.D("0.000333"), Slippage: domain.D("0.000777"), PartialLots: 3}
	o := brokertest.Buy("parts", 10)
	o.RefPrice, o.PointValue = domain.D("51234.56789012"), domain.D("2.0001")
	got := sent(t, inMemory(t, opts), o)
	sum := domain.Decimal{}
	for _, f := range got.Fills {
		sum = sum.Add(f.Fee)
	}
	whole := opts.Fee.Mul(o.PointValue).Mul(domain.Int(10)).Mul(got.Fills[0].Price)
	require.Len(t, got.Fills, 4)
	require.Equal(t, whole.String(), sum.String())
}

func TestADelayedOrderFillsWhenItsTimeHasComeAndNotBefore(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB, Options) audited) {
		c := newClock()
		b := open(t, Options{Delay: 3 * time.Second, Now: c.Now})
		o := sent(t, b, brokertest.Buy("later", 2))
		require.Equal(t, engine.BookOpen, o.Status)
		c.pass(3*time.Second - 1)
		require.Empty(t, again(t, b, o.BrokerID).Fills)
		c.pass(1)
		filled := again(t, b, o.BrokerID)
		require.Equal(t, engine.BookComplete, filled.Status)
		require.Equal(t, o.PlacedAt.Add(3*time.Second), filled.Fills[0].At)
	})
}

func TestPartsFillOneEachDelayAtTheirOwnTimeWheneverOneLooks(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB, Options) audited) {
		c := newClock()
		b := open(t, Options{Delay: time.Second, PartialLots: 2, Now: c.Now})
		o := sent(t, b, brokertest.Buy("parts", 5))
		c.pass(time.Hour)
		got := again(t, b, o.BrokerID)
		require.Len(t, got.Fills, 3)
		for i, units := range []int{60, 60, 30} {
			require.Equal(t, units, got.Fills[i].Quantity)
			require.Equal(t, o.PlacedAt.Add(time.Duration(i+1)*time.Second), got.Fills[i].At)
		}
		require.Equal(t, []string{"P-1-1", "P-1-2", "P-1-3"}, []string{got.Fills[0].ExecID, got.Fills[1].ExecID, got.Fills[2].ExecID})
	})
}

func TestACancelKeepsWhatWasDueBeforeItThoughNobodyHadLooked(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB, Options) audited) {
		c := newClock()
		b := open(t, Options{Delay: time.Second, PartialLots: 1, Now: c.Now})
		o := sent(t, b, brokertest.Buy("parts", 4))
		c.pass(2500 * time.Millisecond)
		require.NoError(t, b.Cancel(t.Context(), o.BrokerID))
		c.pass(time.Hour)
		got := again(t, b, o.BrokerID)
		require.Equal(t, engine.BookCanceled, got.Status)
		require.Equal(t, 60, got.Filled())
	})
}

func TestACancelThatComesAfterTheLastFillWasDueFindsTheOrderComplete(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB, Options) audited) {
		c := newClock()
		b := open(t, Options{Delay: time.Second, Now: c.Now})
		o := sent(t, b, brokertest.Buy("parts", 4))
		c.pass(time.Second)
		require.NoError(t, b.Cancel(t.Context(), o.BrokerID))
		require.Equal(t, engine.BookComplete, again(t, b, o.BrokerID).Status)
	})
}

func TestAClockThatStepsBackTakesNoFillAway(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB, Options) audited) {
		c := newClock()
		b := open(t, Options{Delay: time.Second, PartialLots: 1, Now: c.Now})
		o := sent(t, b, brokertest.Buy("parts", 3))
		c.pass(2 * time.Second)
		require.Equal(t, 60, again(t, b, o.BrokerID).Filled())
		c.pass(-time.Hour)
		require.Equal(t, 60, again(t, b, o.BrokerID).Filled())
	})
}

func TestWithoutADelayAllPartsFillAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB, Options) audited) {
		got := sent(t, open(t, Options{PartialLots: 1}), brokertest.Buy("parts", 3))
		require.Equal(t, engine.BookComplete, got.Status)
		require.Len(t, got.Fills, 3)
	})
}

func TestAnOrderHasAtMostSoManyParts(t *testing.T) {
	b := inMemory(t, Options{PartialLots: 1})
	require.Len(t, sent(t, b, brokertest.Buy("edge", MaxParts)).Fills, MaxParts)
	more := sent(t, b, brokertest.Buy("beyond", MaxParts+1))
	require.Len(t, more.Fills, (MaxParts+2)/2) // two lots a part, one in the last
	require.Equal(t, engine.BookComplete, more.Status)
}
