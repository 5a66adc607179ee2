package paper

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pm/domain"
	"pm/domain/engine"
	"pm/domain/engine/brokertest"
)

// written gives an order by value, so that two forms of the same decimal compare as equal.
func written(o engine.BookOrder) string {
	limit := ""
	if o.LimitPrice != nil {
		limit = o.LimitPrice.String()
	}
	text := fmt.Sprint(o.BrokerID, o.Tag, o.Exchange, o.Contract, o.Side, o.Type, o.Product, o.Quantity, limit, o.Status, o.Text, o.PlacedAt)
	for _, f := range o.Fills {
		text += fmt.Sprint("|", f.ExecID, f.Quantity, f.Price, f.Fee, f.At)
	}
	return text
}

func requireSameBook(ctx context.Context, t require.TestingT, memory, file engine.Broker) {
	want, err := memory.Book(ctx)
	require.NoError(t, err)
	got, err := file.Book(ctx)
	require.NoError(t, err)
	require.Equal(t, want.Net, got.Net)
	require.Equal(t, want.ReadAt, got.ReadAt)
	require.Len(t, got.Orders, len(want.Orders))
	for i := range want.Orders {
		require.Equal(t, written(want.Orders[i]), written(got.Orders[i]))
	}
}

// TestBothBrokersShowTheSameBookWhateverIsDone drives the broker with a file and the one in memory through the same random
// history, restarts of the former among it.
func TestBothBrokersShowTheSameBookWhateverIsDone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c, dir := newClock(), t.TempDir()
		opts := Options{
			Slippage: domain.D("0.001"), Fee: domain.D("0.0003"), Now: c.Now, Seed: rapid.Uint64Range(0, 3).Draw(rt, "seed"),
			Delay:       time.Duration(rapid.IntRange(0, 2).Draw(rt, "delay")) * time.Second,
			PartialLots: rapid.IntRange(0, 2).Draw(rt, "partial"),
			DropEvery:   7, LoseAnswerEvery: 5, RejectEvery: 6, RejectLaterEvery: 4, CancelRestEvery: 3,
		}
		memory := inMemory(t, opts)
		file, err := Open(dir, opts)
		require.NoError(rt, err)
		defer func() { require.NoError(rt, file.Close()) }()
		rt.Repeat(map[string]func(*rapid.T){
			"send": func(rt *rapid.T) {
				o := drawn(rt)
				require.Equal(rt, memory.Send(t.Context(), o), file.Send(t.Context(), o))
			},
			"cancel": func(rt *rapid.T) {
				id := fmt.Sprintf("P-%d", rapid.IntRange(0, 12).Draw(rt, "id"))
				want, got := memory.Cancel(t.Context(), id), file.Cancel(t.Context(), id)
				require.Equal(rt, want == nil, got == nil)
			},
			"order": func(rt *rapid.T) {
				id := fmt.Sprintf("P-%d", rapid.IntRange(1, 12).Draw(rt, "id"))
				want, none := memory.Order(t.Context(), id)
				got, err := file.Order(t.Context(), id)
				require.Equal(rt, none == nil, err == nil)
				require.Equal(rt, written(want), written(got))
			},
			"pass": func(rt *rapid.T) { c.pass(time.Duration(rapid.IntRange(-1, 3).Draw(rt, "seconds")) * time.Second) },
			"look": func(rt *rapid.T) {
				if rapid.IntRange(0, 3).Draw(rt, "restart") == 0 {
					require.NoError(rt, file.Close())
					file, err = Open(dir, opts)
					require.NoError(rt, err)
				}
				requireSameBook(t.Context(), rt, memory, file)
			},
		})
		requireSameBook(t.Context(), rt, memory, file)
	})
}

func drawn(rt *rapid.T) engine.Order {
	o := brokertest.Buy("tag"+fmt.Sprint(rapid.IntRange(0, 3).Draw(rt, "tag")), rapid.IntRange(0, 4).Draw(rt, "lots"))
	o.Side = rapid.SampledFrom([]string{"BUY", "SELL"}).Draw(rt, "side")
	o.Contract = rapid.SampledFrom([]string{"BANKNIFTY", "GOLDM"}).Draw(rt, "contract")
	if price := rapid.SampledFrom([]string{"", "51900", "52000", "52100"}).Draw(rt, "limit"); price != "" {
		return brokertest.AtLimit(o, price)
	}
	return o
}

func TestTheBookShowsTheNewestOrdersAndEveryOneThatHasNotEnded(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(testing.TB, Options) audited) {
		b := open(t, Options{})
		resting := sent(t, b, brokertest.AtLimit(brokertest.Buy("resting", 1), "51000"))
		ended := sent(t, b, brokertest.Buy("ended", 1))
		fill(t, b, BookOrders-1)
		book, err := b.Book(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{resting.BrokerID, ended.BrokerID, "P-3"}, ids(book)[:3], "at the limit both are shown")
		fill(t, b, 1)
		book, err = b.Book(t.Context())
		require.NoError(t, err)
		require.Len(t, book.Orders, BookOrders+1)
		require.Equal(t, []string{resting.BrokerID, "P-3"}, ids(book)[:2], "beyond it the one that ended is not")
		require.Equal(t, 30*(BookOrders+1), book.Net["BANKNIFTY26JANFUT"], "net is over everything")
		require.Equal(t, ended.Fills, again(t, b, ended.BrokerID).Fills, "by its id every order is found")
		all, err := b.AllOrders(t.Context())
		require.NoError(t, err)
		require.Len(t, all, BookOrders+2)
		require.NoError(t, b.Cancel(t.Context(), resting.BrokerID))
		book, err = b.Book(t.Context())
		require.NoError(t, err)
		require.Equal(t, "P-3", ids(book)[0], "once it has ended it is as old as it is")
	})
}

func ids(b engine.Book) (ids []string) {
	for _, o := range b.Orders {
		ids = append(ids, o.BrokerID)
	}
	return ids
}

// fill puts n complete orders into the book, for a broker with a file without a sync for each.
func fill(t testing.TB, b audited, n int) {
	t.Helper()
	file, ok := b.(*Broker)
	if !ok {
		for range n {
			sent(t, b, brokertest.Buy("filler", 1))
		}
		return
	}
	require.NoError(t, file.write(t.Context(), func() error {
		for range n {
			if _, err := file.take(brokertest.Buy("filler", 1)); err != nil {
				return err
			}
		}
		return nil
	}))
}

func TestMoreOrdersThanOneTransactionTakesBecomeDueTogether(t *testing.T) {
	c := newClock()
	b := openIn(t, t.TempDir(), Options{Delay: time.Second, Now: c.Now})
	fill(t, b, 2*settleBatch+1)
	c.pass(time.Second)
	book, err := b.Book(t.Context())
	require.NoError(t, err)
	for _, o := range book.Orders {
		require.Equal(t, engine.BookComplete, o.Status, o.BrokerID)
	}
	require.Equal(t, 30*(2*settleBatch+1), book.Net["BANKNIFTY26JANFUT"])
}
