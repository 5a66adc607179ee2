package brokertest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/engine"
)

func named(t testing.TB, h Harness) {
	b := h.Open(t)
	require.NotEmpty(t, b.Name())
	require.Positive(t, b.Traits().Poll)
	traits := b.Traits()
	require.GreaterOrEqual(t, traits.Settle, time.Duration(0), "a settling time")
	require.Equal(t, traits, b.Traits(), "traits that change")
}

func accepted(t testing.TB, h Harness) {
	b := h.Open(t)
	for i, o := range []engine.Order{
		Buy("tagOfAMarketOrder", 2), AtLimit(Buy("tagOfALimitOrder", 3), "52260"), Sell("tagOfASale", 1),
		AtLimit(Buy("tagOfARestingOrder", 1), "51000.05"),
	} {
		got := read(t, b, send(t, b, o))
		asSent(t, b, o, got)
		require.Len(t, book(t, b).Orders, i+1)
	}
}

func malformed(t testing.TB, h Harness) {
	for name, spoil := range map[string]func(*engine.Order){
		"no quantity":          func(o *engine.Order) { o.Quantity = 0 },
		"a negative quantity":  func(o *engine.Order) { o.Quantity = -30 },
		"not whole lots":       func(o *engine.Order) { o.Quantity = 31 },
		"no lot size":          func(o *engine.Order) { o.LotSize = 0 },
		"no tag":               func(o *engine.Order) { o.Tag = "" },
		"a tag of 21 letters":  func(o *engine.Order) { o.Tag = strings.Repeat("a", 21) },
		"a tag with a dash":    func(o *engine.Order) { o.Tag = "pm-1" },
		"a tag with an umlaut": func(o *engine.Order) { o.Tag = "pmü" },
		"no contract":          func(o *engine.Order) { o.Contract = "" },
		"no such side":         func(o *engine.Order) { o.Side = "buy" },
		"no such type":         func(o *engine.Order) { o.Type = "STOP" },
		"LIMIT without price":  func(o *engine.Order) { o.Type = "LIMIT" },
		"LIMIT at zero":        func(o *engine.Order) { *o = AtLimit(*o, "0") },
		"LIMIT below zero":     func(o *engine.Order) { *o = AtLimit(*o, "-1") },
	} {
		b, o := h.Open(t), Buy("malformed", 1)
		spoil(&o)
		got := b.Send(t.Context(), o)
		require.Equal(t, engine.Refused, got.Kind, name)
		require.NotEmpty(t, got.Code, name)
		require.NotEmpty(t, got.Text, name)
		require.Empty(t, book(t, b).Orders, name)
	}
}

func refused(t testing.TB, h Harness) {
	b := h.Refuses(t)
	got := b.Send(t.Context(), Buy("refused", 1))
	require.Equal(t, engine.Refused, got.Kind)
	require.Empty(t, got.BrokerID)
	require.NotEmpty(t, got.Code)
	require.NotEmpty(t, got.Text)
	after := book(t, b)
	require.Empty(t, after.Orders)
	require.Empty(t, after.Net)
}

func endedContext(t testing.TB, h Harness) {
	b := h.Open(t)
	ctx, end := context.WithCancel(t.Context())
	end()
	for range 32 { // a broker that leaves it to a race is wrong too, and passes now and then
		got := b.Send(ctx, Buy("late", 1))
		require.NotEqual(t, engine.Accepted, got.Kind)
		require.NotEmpty(t, got.Code)
		if got.Kind == engine.Refused {
			require.Empty(t, book(t, b).Orders, "refused, and in the book")
		}
	}
}

func endedReading(t testing.TB, h Harness) {
	b := h.Open(t)
	id := send(t, b, AtLimit(Buy("resting", 1), "51000"))
	ctx, end := context.WithCancel(t.Context())
	end()
	_, err := b.Book(ctx)
	require.ErrorIs(t, err, context.Canceled)
	_, err = b.Order(ctx, id)
	require.ErrorIs(t, err, context.Canceled)
	require.Error(t, b.Cancel(ctx, id))
	require.Equal(t, engine.BookOpen, read(t, b, id).Status, "cancelled under an ended context")
}

func sentTwice(t testing.TB, h Harness) {
	b := h.Open(t)
	first, second := send(t, b, Buy("doubled", 1)), send(t, b, Buy("doubled", 1))
	require.NotEqual(t, first, second)
	require.Len(t, book(t, b).Orders, 2)
	require.Equal(t, map[string]int{"BANKNIFTY26JANFUT": 60}, book(t, b).Net)
}

func concurrent(t testing.TB, h Harness) {
	const senders, each = 16, 8
	b := h.Open(t)
	var all sync.WaitGroup
	answers := make([][each]engine.Answer, senders)
	for i := range senders {
		all.Go(func() {
			for k := range each {
				answers[i][k] = b.Send(t.Context(), Buy(fmt.Sprintf("s%dx%d", i, k), 1))
			}
		})
	}
	all.Wait()
	got := book(t, b)
	require.Len(t, got.Orders, senders*each)
	require.Equal(t, 30*senders*each, got.Net["BANKNIFTY26JANFUT"])
	byID := map[string]engine.BookOrder{}
	for _, o := range got.Orders {
		byID[o.BrokerID] = o
	}
	require.Len(t, byID, senders*each)
	for i := range senders {
		for k, a := range answers[i] {
			require.Equal(t, engine.Accepted, a.Kind, a.Text)
			asSent(t, b, Buy(fmt.Sprintf("s%dx%d", i, k), 1), byID[a.BrokerID])
		}
	}
}

func lostAnswer(t testing.TB, h Harness) {
	b := h.Loses(t)
	got := b.Send(t.Context(), Buy("lost", 2))
	require.Equal(t, engine.Unknown, got.Kind)
	require.Empty(t, got.BrokerID, "an unknown answer that knows the id")
	require.NotEmpty(t, got.Code)
	for range 3 {
		after := book(t, b)
		require.Len(t, after.Orders, 1, "sent again, or lost from the book")
		asSent(t, b, Buy("lost", 2), after.Orders[0])
	}
	require.Equal(t, map[string]int{"BANKNIFTY26JANFUT": 60}, book(t, b).Net)
}

func dropped(t testing.TB, h Harness) {
	b := h.Drops(t)
	got := b.Send(t.Context(), Buy("dropped", 2))
	require.Equal(t, engine.Unknown, got.Kind)
	require.NotEmpty(t, got.Code)
	for range 3 {
		after := book(t, b)
		require.Empty(t, after.Orders)
		require.Empty(t, after.Net)
	}
}

func unknownID(t testing.TB, h Harness) {
	b := h.Open(t)
	send(t, b, Buy("only", 1))
	for _, id := range []string{"", "no such order", "P-2", "P-01", "P-+1", "P--1", "P-99999999999999999999"} {
		_, err := b.Order(t.Context(), id)
		require.Error(t, err, id)
		require.Error(t, b.Cancel(t.Context(), id), id)
	}
	require.Len(t, book(t, b).Orders, 1)
}

func fillsInWhole(t testing.TB, h Harness) {
	b := h.Open(t)
	for _, o := range []engine.Order{Buy("bought", 3), Sell("sold", 2), AtLimit(Buy("limited", 4), "52000")} {
		got := read(t, b, send(t, b, o))
		require.Equal(t, engine.BookComplete, got.Status)
		require.Equal(t, o.Quantity, got.Filled())
	}
}

func respectsLimit(t testing.TB, h Harness) {
	b := h.Open(t)
	for tag, o := range map[string]engine.Order{
		"b1": AtLimit(Buy("b1", 1), "52000"), "b2": AtLimit(Buy("b2", 1), "51999.95"), "b3": AtLimit(Buy("b3", 1), "60000"),
		"s1": AtLimit(Sell("s1", 1), "52000"), "s2": AtLimit(Sell("s2", 1), "52000.05"), "s3": AtLimit(Sell("s3", 1), "40000"),
	} {
		got := read(t, b, send(t, b, o))
		for _, f := range got.Fills {
			beyond := f.Price.Cmp(*o.LimitPrice)
			if o.Side == "SELL" {
				beyond = -beyond
			}
			require.LessOrEqual(t, beyond, 0, "%s filled at %s, limit %s", tag, f.Price, o.LimitPrice)
		}
		resting := tag == "b2" || tag == "s2"
		require.Equal(t, resting, got.Status == engine.BookOpen, "%s is %s", tag, got.Status)
	}
}

func netIsFills(t testing.TB, h Harness) {
	b := h.Open(t)
	other := Buy("gold", 5)
	other.Contract, other.Exchange, other.RefPrice = "GOLDM26JANFUT", "MCX", domain.D("78000")
	flat := Buy("flat1", 2)
	flat.Contract = "COPPER26JANFUT"
	closing := flat
	closing.Tag, closing.Side = "flat2", "SELL"
	for _, o := range []engine.Order{
		Buy("b1", 4), Sell("s1", 1), other, flat, closing, AtLimit(Buy("resting", 9), "51000"), Sell("s2", 1),
	} {
		send(t, b, o)
	}
	got := book(t, b)
	want := map[string]int{}
	for _, o := range got.Orders {
		if want[o.Contract] += o.Filled(); o.Side == "SELL" {
			want[o.Contract] -= 2 * o.Filled()
		}
	}
	require.Equal(t, map[string]int{"BANKNIFTY26JANFUT": 60, "GOLDM26JANFUT": 150, "COPPER26JANFUT": 0}, want)
	for contract, units := range want {
		require.Equal(t, units, got.Net[contract], contract)
	}
	require.LessOrEqual(t, len(got.Net), len(want), "a contract that was never traded")
}
