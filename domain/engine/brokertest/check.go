package brokertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain/engine"
)

// send expects the order to be accepted and gives its id.
func send(t testing.TB, b engine.Broker, o engine.Order) string {
	t.Helper()
	got := b.Send(t.Context(), o)
	require.Equal(t, engine.Accepted, got.Kind, "the answer to %s: %s %s", o.Tag, got.Code, got.Text)
	require.NotEmpty(t, got.BrokerID, "accepted without an id")
	return got.BrokerID
}

// read gives the order as Order and Book both show it.
func read(t testing.TB, b engine.Broker, id string) engine.BookOrder {
	t.Helper()
	alone, err := b.Order(t.Context(), id)
	require.NoError(t, err)
	for _, o := range book(t, b).Orders {
		if o.BrokerID == id {
			same(t, alone, o)
			return o
		}
	}
	require.Fail(t, "the book does not show the order", id)
	return alone
}

// book reads the book and checks what holds for every book.
func book(t testing.TB, b engine.Broker) engine.Book {
	t.Helper()
	got, err := b.Book(t.Context())
	require.NoError(t, err)
	require.False(t, got.ReadAt.IsZero(), "a book without the time of its reading")
	require.Equal(t, time.UTC, got.ReadAt.Location())
	ids, execs := map[string]bool{}, map[string]bool{}
	for _, o := range got.Orders {
		require.False(t, ids[o.BrokerID], "id %s twice in the book", o.BrokerID)
		ids[o.BrokerID] = true
		wellFormed(t, o, execs)
	}
	return got
}

// wellFormed checks what holds for every order of every book.
func wellFormed(t testing.TB, o engine.BookOrder, execs map[string]bool) {
	t.Helper()
	require.NotEmpty(t, o.BrokerID)
	require.Equal(t, time.UTC, o.PlacedAt.Location())
	require.False(t, o.PlacedAt.IsZero())
	require.Contains(t, []engine.BookStatus{engine.BookOpen, engine.BookComplete, engine.BookCanceled, engine.BookRejected}, o.Status)
	require.LessOrEqual(t, o.Filled(), o.Quantity, "more filled than ordered")
	require.Equal(t, o.Status == engine.BookComplete, o.Filled() == o.Quantity, "%s with %d of %d filled", o.Status, o.Filled(), o.Quantity)
	last := o.PlacedAt
	for _, f := range o.Fills {
		require.NotEmpty(t, f.ExecID)
		require.False(t, execs[f.ExecID], "exec id %s twice", f.ExecID)
		execs[f.ExecID] = true
		require.Positive(t, f.Quantity)
		require.True(t, f.Price.IsPos(), "a fill at %s", f.Price)
		require.False(t, f.Fee.IsNeg(), "a fee of %s", f.Fee)
		require.Equal(t, time.UTC, f.At.Location())
		require.False(t, f.At.Before(last), "a fill at %s after one at %s", f.At, last)
		last = f.At
	}
}

// asSent checks that the book repeats what was ordered.
func asSent(t testing.TB, b engine.Broker, want engine.Order, got engine.BookOrder) {
	t.Helper()
	tag := want.Tag
	if !b.Traits().Tags {
		tag = ""
	}
	require.Equal(t, tag, got.Tag)
	require.Equal(t, []string{want.Exchange, want.Contract, want.Side, want.Type, want.Product},
		[]string{got.Exchange, got.Contract, got.Side, got.Type, got.Product})
	require.Equal(t, want.Quantity, got.Quantity)
	require.Equal(t, want.LimitPrice == nil, got.LimitPrice == nil)
	if want.LimitPrice != nil {
		require.Zero(t, want.LimitPrice.Cmp(*got.LimitPrice), "limit %s, want %s", got.LimitPrice, want.LimitPrice)
	}
}

// same compares two readings of one order by value: a decimal may be held in more than one form.
func same(t testing.TB, want, got engine.BookOrder) {
	t.Helper()
	require.Equal(t, want.LimitPrice == nil, got.LimitPrice == nil)
	if want.LimitPrice != nil {
		require.Equal(t, want.LimitPrice.String(), got.LimitPrice.String())
	}
	sameFills(t, want.Fills, got.Fills)
	want.LimitPrice, got.LimitPrice, want.Fills, got.Fills = nil, nil, nil, nil
	require.Equal(t, want, got)
}

func sameFills(t testing.TB, want, got []engine.BookFill) {
	t.Helper()
	require.Len(t, got, len(want))
	for i, w := range want {
		g := got[i]
		require.Equal(t, []any{w.ExecID, w.Quantity, w.Price.String(), w.Fee.String(), w.At},
			[]any{g.ExecID, g.Quantity, g.Price.String(), g.Fee.String(), g.At})
	}
}

// sameBook compares two readings of a book, apart from when they were made.
func sameBook(t testing.TB, want, got engine.Book) {
	t.Helper()
	require.Equal(t, want.Net, got.Net)
	require.Len(t, got.Orders, len(want.Orders))
	for i := range want.Orders {
		same(t, want.Orders[i], got.Orders[i])
	}
}
