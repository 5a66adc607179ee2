package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore"
)

// rig is an engine on a memory log with a broker whose every answer the test decides.
type rig struct {
	t      testing.TB
	log    *eventstore.Memory
	broker *script
	engine *engine.Engine
	clock  *clock
	stop   func() error
}

// clock is wall time and uptime that move only when the test says so.
type clock struct {
	mu     sync.Mutex
	wall   time.Time
	uptime time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
}

func (c *clock) up() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.uptime
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.uptime = c.wall.Add(d), c.uptime+max(0, d)
}

// jump moves the wall clock alone.
func (c *clock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = c.wall.Add(d)
}

// script is a broker that answers what it is told to and remembers what it was asked.
type script struct {
	mu     sync.Mutex
	traits engine.Traits
	answer func(engine.Order) engine.Answer
	take   bool // a sent order comes into the book, filled
	book   []engine.BookOrder
	nets   []map[string]int // of the next books; the last one stays
	sends  []engine.Order
	books  int // how often the book was read
	clock  *clock
}

func (s *script) Name() string          { return "script" }
func (s *script) Traits() engine.Traits { return s.traits }

func (s *script) Send(_ context.Context, o engine.Order) engine.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sends = append(s.sends, o)
	id := fmt.Sprintf("S%d", len(s.sends))
	if s.take {
		s.book = append(s.book, engine.BookOrder{
			BrokerID: id, Tag: o.Tag, Exchange: o.Exchange, Contract: o.Contract, Side: o.Side, Type: o.Type, Product: o.Product, Quantity: o.Quantity,
			LimitPrice: o.LimitPrice, Status: engine.BookComplete, PlacedAt: s.clock.now(),
			Fills: []engine.BookFill{{ExecID: "F" + id, Quantity: o.Quantity, Price: o.RefPrice}},
		})
	}
	if s.answer != nil {
		return s.answer(o)
	}
	return engine.Answer{Kind: engine.Accepted, BrokerID: id}
}

func (s *script) Cancel(context.Context, string) error { return nil }

func (s *script) Order(_ context.Context, id string) (engine.BookOrder, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.book {
		if o.BrokerID == id {
			return o, nil
		}
	}
	return engine.BookOrder{}, fmt.Errorf("no order %s", id)
}

func (s *script) Book(context.Context) (engine.Book, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.books++
	out := engine.Book{ReadAt: s.clock.now(), Orders: append([]engine.BookOrder(nil), s.book...)}
	if len(s.nets) > 0 {
		out.Net = s.nets[0]
		s.nets = s.nets[min(1, len(s.nets)-1):]
	}
	return out, nil
}

func (s *script) sent() []engine.Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]engine.Order(nil), s.sends...)
}

func newRig(t testing.TB, change ...func(*engine.Options)) *rig {
	c := &clock{wall: time.Date(2026, 1, 7, 5, 0, 0, 0, time.UTC)}
	r := &rig{t: t, log: eventstore.NewMemory("rig"), clock: c, broker: &script{traits: engine.Traits{Tags: true}, take: true, clock: c}}
	r.build(domain.NewState(), eventstore.Empty("rig"), change...)
	require.NoError(t, r.engine.Open(t.Context(), domain.PortfolioOpened{
		ID: "rig", Currency: "INR", InitialCapital: domain.D("5000000"), Settings: settings(t),
	}))
	return r
}

func (r *rig) build(s *domain.State, head eventstore.Head, change ...func(*engine.Options)) {
	o := engine.Options{Log: r.log, Broker: r.broker, Instance: "rig", Build: "test", Clock: r.clock.now, Uptime: r.clock.up}
	for _, f := range change {
		f(&o)
	}
	r.engine = engine.New(o, s, head)
}

// run starts the writer and, if asked, the effects; the test ends them.
func (r *rig) run(effects bool) {
	ctx, cancel := context.WithCancel(context.Background())
	inner, stopEffects := context.WithCancel(ctx)
	done, idle := make(chan error, 1), make(chan struct{})
	go func() { done <- r.engine.Run(ctx) }()
	go func() {
		defer close(idle)
		if effects {
			r.engine.RunEffects(inner)
		}
	}()
	r.stop = sync.OnceValue(func() error {
		stopEffects()
		<-idle
		cancel()
		return <-done
	})
	r.t.Cleanup(func() { _ = r.stop() })
}

// read replays the log.
func (r *rig) read() (*domain.State, eventstore.Head) {
	s := domain.NewState()
	head, err := eventstore.Replay(context.Background(), r.log, 0, func(rec domain.Recorded, _ eventstore.Hash) error { return s.Apply(rec) })
	require.NoError(r.t, err)
	return s, head
}

// restart replays the log into a new engine, as a start does after a crash.
func (r *rig) restart(change ...func(*engine.Options)) {
	s, head := r.read()
	r.build(s, head, change...)
	require.NoError(r.t, r.engine.Start(context.Background(), domain.RecoveryCompleted{HeadRevision: head.Next - 1, HeadHash: head.Hash.String(), Snapshot: "none"}, settings(r.t)))
}

func settings(t testing.TB) map[string]string {
	f, err := os.Open("../testdata/settings.txt")
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	out := map[string]string{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		k, v, _ := strings.Cut(sc.Text(), "=")
		out[k] = v
	}
	return out
}

func (r *rig) signal(kind, extra string) domain.SubmitSignal {
	now := r.clock.now()
	body := fmt.Sprintf(`{"type":%q,"instrument":"BANK_NIFTY","position":"Long_1","timestamp":%q%s}`, kind, now.Format(time.RFC3339Nano), extra)
	sub, _, problems := domain.ParseSignal([]byte(body), now)
	require.Empty(r.t, problems)
	return domain.SubmitSignal{Submission: sub, Now: now}
}

func (r *rig) base() domain.SubmitSignal {
	return r.signal("BASE_ENTRY", `,"price":52000,"stop":51650,"atr":350,"er":1,"supertrend":51650`)
}

func (r *rig) exit() domain.SubmitSignal { return r.signal("EXIT", `,"price":52100`) }

// types lists the log's events from a revision on.
func (r *rig) types(from uint64) []string {
	out := []string{}
	_, err := eventstore.Replay(context.Background(), r.log, from, func(rec domain.Recorded, _ eventstore.Hash) error {
		out = append(out, rec.Type)
		return nil
	})
	require.NoError(r.t, err)
	return out
}

// until waits for the state to be as asked, in real time.
func (r *rig) until(what string, ok func(*domain.State) bool) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		good := false
		err := r.engine.Query(context.Background(), func(s *domain.State, _ eventstore.Head) { good = ok(s) })
		return err == nil && good
	}, 10*time.Second, time.Millisecond, what)
}

func held(lots int) func(*domain.State) bool {
	return func(s *domain.State) bool {
		n := 0
		for _, l := range s.Layers() {
			n += l.Lots
		}
		return n == lots && len(s.OpenOrders()) == 0
	}
}
