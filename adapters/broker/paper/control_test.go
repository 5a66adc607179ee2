package paper

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/engine"
	"pm/domain/engine/brokertest"
)

// broken is a broker with defects: each function, where set, stands in front of the sound one.
type broken struct {
	engine.Broker
	send   func(engine.Broker, context.Context, engine.Order) engine.Answer
	cancel func(engine.Broker, context.Context, string) error
	see    func(*engine.BookOrder)
	book   func(*engine.Book)
	err    func(error) error
}

func (b *broken) Send(ctx context.Context, o engine.Order) engine.Answer {
	if b.send == nil {
		return b.Broker.Send(ctx, o)
	}
	return b.send(b.Broker, ctx, o)
}

func (b *broken) Cancel(ctx context.Context, id string) error {
	if b.cancel == nil {
		return b.Broker.Cancel(ctx, id)
	}
	return b.cancel(b.Broker, ctx, id)
}

func (b *broken) Order(ctx context.Context, id string) (engine.BookOrder, error) {
	o, err := b.Broker.Order(ctx, id)
	if b.see != nil {
		b.see(&o)
	}
	if b.err != nil {
		err = b.err(err)
	}
	return o, err
}

func (b *broken) Book(ctx context.Context) (engine.Book, error) {
	book, err := b.Broker.Book(ctx)
	for i := range book.Orders {
		if b.see != nil {
			b.see(&book.Orders[i])
		}
	}
	if b.book != nil {
		b.book(&book)
	}
	if b.err != nil {
		err = b.err(err)
	}
	return book, err
}

// TestTheSuiteFindsEachOfTheseBrokenBrokers is the suite's negative control: a promise that a wrong broker passes proves
// nothing about a right one.
func TestTheSuiteFindsEachOfTheseBrokenBrokers(t *testing.T) {
	for name, defect := range defects() {
		t.Run(name, func(t *testing.T) {
			h := harness(func(t testing.TB, opts Options) audited {
				b := defect
				b.Broker = inMemory(t, opts)
				return unaudited{&b}
			})
			require.NotEmpty(t, failing(t, h), "no promise noticed")
		})
	}
}

func TestASoundBrokerFailsNoPromise(t *testing.T) {
	require.Empty(t, failing(t, harness(func(t testing.TB, opts Options) audited {
		return unaudited{&broken{Broker: inMemory(t, opts)}}
	})))
}

func TestABrokerThatForgetsIsFoundOut(t *testing.T) {
	h := harness(inMemory)
	h.Reopen = func(testing.TB, engine.Broker) engine.Broker { return inMemory(t, Options{}) }
	require.ElementsMatch(t, []string{
		"the book is the same after a restart", "a resting order can be cancelled after a restart",
		"ids are not used again after a restart",
	}, failing(t, h))
}

// unaudited makes a broken broker fit the harness; the suite never asks for the audit.
type unaudited struct{ engine.Broker }

func (unaudited) AllOrders(context.Context) ([]engine.BookOrder, error) {
	return nil, errors.New("no audit of a broken broker")
}

// failing names the promises that the harness's brokers break.
func failing(t *testing.T, h brokertest.Harness) []string {
	var names []string
	for _, p := range brokertest.Promises() {
		if p.Needs(h) && fails(t, func(t testing.TB) { p.Check(t, h) }) {
			names = append(names, p.Name)
		}
	}
	return names
}

// verdict is a testing.TB that keeps a failure to itself.
type verdict struct {
	testing.TB
	failed bool
}

func (v *verdict) Errorf(string, ...any) { v.failed = true }
func (v *verdict) FailNow()              { v.failed = true; runtime.Goexit() }
func (v *verdict) Helper()               {}

func fails(t *testing.T, check func(testing.TB)) bool {
	v, done := &verdict{TB: t}, make(chan struct{})
	go func() {
		defer close(done)
		check(v)
	}()
	<-done
	return v.failed
}

func defects() map[string]broken {
	lots := func(o *engine.BookOrder) {
		for i := range o.Fills {
			o.Fills[i].Quantity /= 30
		}
	}
	return map[string]broken{
		"it calls every doubt an acceptance": {send: func(b engine.Broker, ctx context.Context, o engine.Order) engine.Answer {
			a := b.Send(ctx, o)
			a.Kind = engine.Accepted
			return a
		}},
		"it sends again when it hears nothing": {send: func(b engine.Broker, ctx context.Context, o engine.Order) engine.Answer {
			a := b.Send(ctx, o)
			if a.Kind == engine.Unknown {
				return b.Send(ctx, o)
			}
			return a
		}},
		"it drops a tag that it has seen":     deduplicating(),
		"it calls a lost answer a refusal":    {send: lostIsRefused},
		"it shows a refused order":            {book: func(b *engine.Book) { b.Orders = append(b.Orders, engine.BookOrder{BrokerID: "P-9"}) }},
		"it answers an empty book for errors": {err: func(error) error { return nil }},
		"it counts fills in lots":             {see: lots},
		"it fills at zero":                    {see: priced("0")},
		"it fills beyond the limit":           {see: priced("999999")},
		"it loses the tag":                    {see: func(o *engine.BookOrder) { o.Tag = "" }},
		"it shows the exchange's local time":  {see: func(o *engine.BookOrder) { o.PlacedAt = o.PlacedAt.In(time.FixedZone("IST", 19800)) }},
		"it calls every order complete":       {see: func(o *engine.BookOrder) { o.Status = engine.BookComplete }},
		"it forgets the net of sales":         {book: func(b *engine.Book) { b.Net = map[string]int{} }},
		"its book lags behind its orders":     {book: func(b *engine.Book) { b.Orders = b.Orders[:max(0, len(b.Orders)-1)] }},
		"it repeats exec ids":                 {see: func(o *engine.BookOrder) { rename(o.Fills) }},
		"it takes a cancel and does nothing":  {cancel: func(engine.Broker, context.Context, string) error { return nil }},
		"it fails to cancel what has ended":   {cancel: func(engine.Broker, context.Context, string) error { return errors.New("ended") }},
		"it cancels under an ended context":   {cancel: func(b engine.Broker, _ context.Context, id string) error { return b.Cancel(context.Background(), id) }},
		"it sends under an ended context": {send: func(b engine.Broker, _ context.Context, o engine.Order) engine.Answer {
			return b.Send(context.Background(), o)
		}},
		"it wipes fills when it cancels":      {see: func(o *engine.BookOrder) { wipe(o) }},
		"it mends a quantity without a word":  {send: mendsQuantity},
		"it gives every order the first's id": {see: func(o *engine.BookOrder) { o.BrokerID = "P-1" }},
		"it swaps the sides":                  {see: func(o *engine.BookOrder) { o.Side = map[string]string{"BUY": "SELL", "SELL": "BUY"}[o.Side] }},
		"it refuses without saying why":       {send: wordless},
	}
}

func deduplicating() broken {
	seen := map[string]engine.Answer{}
	return broken{send: func(b engine.Broker, ctx context.Context, o engine.Order) engine.Answer {
		if o.Tag != "doubled" {
			return b.Send(ctx, o)
		}
		if _, ok := seen[o.Tag]; !ok {
			seen[o.Tag] = b.Send(ctx, o)
		}
		return seen[o.Tag]
	}}
}

func lostIsRefused(b engine.Broker, ctx context.Context, o engine.Order) engine.Answer {
	a := b.Send(ctx, o)
	if a.Kind == engine.Unknown {
		a.Kind = engine.Refused
	}
	return a
}

func mendsQuantity(b engine.Broker, ctx context.Context, o engine.Order) engine.Answer {
	if o.LotSize > 0 {
		o.Quantity -= o.Quantity % o.LotSize
	}
	return b.Send(ctx, o)
}

func wordless(b engine.Broker, ctx context.Context, o engine.Order) engine.Answer {
	a := b.Send(ctx, o)
	a.Text = ""
	return a
}

func priced(price string) func(*engine.BookOrder) {
	return func(o *engine.BookOrder) {
		for i := range o.Fills {
			o.Fills[i].Price = domain.D(price)
		}
	}
}

func rename(fills []engine.BookFill) {
	for i := range fills {
		fills[i].ExecID = "the same"
	}
}

func wipe(o *engine.BookOrder) {
	if o.Status == engine.BookCanceled {
		o.Fills = slices.Delete(o.Fills, 0, len(o.Fills))
	}
}
