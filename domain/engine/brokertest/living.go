package brokertest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/engine"
)

func cancelResting(t testing.TB, h Harness) {
	b := h.Open(t)
	id := send(t, b, AtLimit(Buy("resting", 2), "51000"))
	require.Equal(t, engine.BookOpen, read(t, b, id).Status)
	require.NoError(t, b.Cancel(t.Context(), id))
	ended := read(t, b, id)
	require.Equal(t, engine.BookCanceled, ended.Status)
	require.Empty(t, ended.Fills)
	require.Empty(t, book(t, b).Net)
	require.NoError(t, b.Cancel(t.Context(), id))
	same(t, ended, read(t, b, id))
}

func cancelComplete(t testing.TB, h Harness) {
	b := h.Open(t)
	id := send(t, b, Buy("filled", 2))
	before := read(t, b, id)
	require.Equal(t, engine.BookComplete, before.Status)
	require.NoError(t, b.Cancel(t.Context(), id))
	same(t, before, read(t, b, id))
}

func callersOwn(t testing.TB, h Harness) {
	b := h.Open(t)
	order := AtLimit(Buy("order", 2), "52000")
	id := send(t, b, order)
	*order.LimitPrice = domain.D("1")
	want := read(t, b, id)
	require.Equal(t, "52000", want.LimitPrice.String())
	for range 2 { // the second time over what the first has changed
		held, err := b.Order(t.Context(), id)
		require.NoError(t, err)
		*held.LimitPrice, held.Fills[0].Quantity = domain.D("2"), 1
		held = book(t, b).Orders[0]
		*held.LimitPrice, held.Fills[0].Quantity = domain.D("3"), 1
	}
	book(t, b).Net[order.Contract] = 7
	got := read(t, b, id)
	require.Equal(t, "52000", got.LimitPrice.String())
	require.Equal(t, order.Quantity, got.Filled())
	require.Equal(t, order.Quantity, book(t, b).Net[order.Contract])
}

func fillsGrow(t testing.TB, h Harness) {
	const lots = 4
	b, tick := h.Partly(t)
	ids := []string{send(t, b, Buy("grows", lots)), send(t, b, AtLimit(Buy("grows2", lots), "53000"))}
	var before [2]engine.BookOrder
	for i, id := range ids {
		before[i] = read(t, b, id)
		require.Empty(t, before[i].Fills)
	}
	for step := 1; step <= lots+2; step++ {
		tick()
		for i, id := range ids {
			now := read(t, b, id)
			require.Equal(t, 30*min(step, lots), now.Filled())
			sameFills(t, before[i].Fills, now.Fills[:len(before[i].Fills)])
			before[i] = now
		}
		require.Equal(t, 2*30*min(step, lots), book(t, b).Net["BANKNIFTY26JANFUT"])
	}
	require.Equal(t, engine.BookComplete, before[0].Status)
}

func cancelKeepsFills(t testing.TB, h Harness) {
	b, tick := h.Partly(t)
	id := send(t, b, Buy("part", 4))
	tick()
	before := read(t, b, id)
	require.Equal(t, 30, before.Filled())
	require.NoError(t, b.Cancel(t.Context(), id))
	for range 3 {
		after := read(t, b, id)
		require.Equal(t, engine.BookCanceled, after.Status)
		sameFills(t, before.Fills, after.Fills)
		require.Equal(t, map[string]int{"BANKNIFTY26JANFUT": 30}, book(t, b).Net)
		tick()
	}
}

func survives(t testing.TB, h Harness) {
	b := h.Open(t)
	send(t, b, Buy("bought", 4))
	send(t, b, Sell("sold", 1))
	send(t, b, AtLimit(Buy("resting", 2), "51000.05"))
	require.NoError(t, b.Cancel(t.Context(), send(t, b, AtLimit(Buy("ended", 2), "51000"))))
	before := book(t, b)
	require.Len(t, before.Orders, 4)
	again := h.Reopen(t, b)
	sameBook(t, before, book(t, again))
	sameBook(t, before, book(t, h.Reopen(t, again)))
}

func cancelAfterRestart(t testing.TB, h Harness) {
	b := h.Open(t)
	id := send(t, b, AtLimit(Buy("resting", 2), "51000"))
	again := h.Reopen(t, b)
	require.NoError(t, again.Cancel(t.Context(), id))
	require.Equal(t, engine.BookCanceled, read(t, again, id).Status)
}

func idsGoOn(t testing.TB, h Harness) {
	b := h.Open(t)
	first := send(t, b, Buy("one", 1))
	again := h.Reopen(t, b)
	second := send(t, again, Buy("two", 1))
	require.NotEqual(t, first, second)
	require.Len(t, book(t, again).Orders, 2)
}
