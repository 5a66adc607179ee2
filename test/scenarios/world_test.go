package scenarios

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore"
	"pm/projections"
	"pm/test/invariants"
)

// world is one telling of a story: the disk and the market outlive the process, which may be dead.
type world struct {
	ctx      context.Context
	now      time.Time
	disk     *disk
	market   *market
	settings map[string]string
	starts   int

	engine *engine.Engine // nil: the process is dead
	guard  *invariants.Sends

	shadow *domain.State // fed from the log alone
	stream *invariants.Stream
	seen   eventstore.Head
	out    []string
	prefix string // of event lines while the clock moves
	batch  []domain.Command
	inside bool // of a batch
}

// began is where the clock starts: a trading Monday, ten o'clock at the exchange.
var began = time.Date(2026, time.January, 5, 10, 0, 0, 0, exchange)

var exchange = time.FixedZone("IST", 5*3600+30*60)

const startCapital = "5000000"

func newWorld(ctx context.Context, d *disk, marketDir string, settings map[string]string) *world {
	w := &world{ctx: ctx, now: began, disk: d, settings: settings, shadow: domain.NewState(), stream: invariants.NewStream(), seen: eventstore.Empty(portfolio)}
	w.market = newMarket(marketDir, w.clock)
	return w
}

func (w *world) clock() time.Time { return w.now.UTC() }

func (w *world) say(format string, args ...any) { w.out = append(w.out, fmt.Sprintf(format, args...)) }

// start is a start of the service: the broker's book, the log, recovery, the epoch, and the work that was left.
func (w *world) start() error {
	w.starts++
	instance := fmt.Sprintf("story-%d", w.starts)
	if err := w.disk.open(instance); err != nil {
		return err
	}
	recovered, err := projections.Recover(w.ctx, w.disk.log, projections.RecoverOptions{})
	if err != nil {
		return fmt.Errorf("recovery: %w", err)
	}
	if err := w.market.open(); err != nil {
		return fmt.Errorf("broker: %w", err)
	}
	w.market.die = ""
	w.guard = invariants.NewSends(w.market, w.disk.log)
	w.engine = engine.New(engine.Options{
		Log: w.disk.log, Broker: w.guard, Instance: instance, Build: "story", Clock: w.clock, Uptime: func() time.Duration { return w.now.Sub(began) },
		WatchBars: true,
	}, recovered.State, recovered.Head)
	report := recovered.Report
	if report.Events == 0 {
		return w.open(startCapital)
	}
	w.say("recovered %d events", report.Events)
	recovery := domain.RecoveryCompleted{
		ReportDigest: report.StateDigest, HeadRevision: report.HeadRevision, HeadHash: report.HeadHash, Snapshot: report.Snapshot,
		StateDigest: report.StateDigest,
	}
	if err := w.engine.Start(w.ctx, recovery, w.settings); err != nil {
		return err
	}
	return w.run()
}

func (w *world) open(capital string) error {
	return w.engine.Open(w.ctx, domain.PortfolioOpened{ID: portfolio, Currency: "INR", InitialCapital: domain.D(capital), Settings: w.settings})
}

// kill is kill -9: what is durable stays, everything else is gone.
func (w *world) kill() error {
	w.engine = nil
	return errors.Join(w.disk.close(), w.market.close())
}

// do decides commands in one durable append, answers, and lets the effects come to rest. die says where the process ends on the way.
func (w *world) do(die crash, commands ...domain.Command) error {
	if w.engine == nil {
		w.say("-> no answer: the process is dead")
		return nil
	}
	results, err := w.engine.Step(w.ctx, commands...)
	if err != nil {
		return w.halt(err)
	}
	if err := w.observe(); err != nil {
		return err
	}
	if die != afterSignal {
		for i := range results {
			w.answer(commands[i], &results[i])
		}
	}
	if die == afterSignal || die == beforeSend {
		return w.crashed(die)
	}
	w.market.die = die
	return w.run()
}

// halt is an error of the writer: the process ends, and the sender hears nothing.
func (w *world) halt(err error) error {
	w.say("halted: %v", err)
	return w.kill()
}

func (w *world) crashed(die crash) error {
	w.say("crashed %s", die)
	return w.kill()
}

// run lets the effects come to rest, or the process die in the middle of them.
func (w *world) run() error {
	died, err := w.settle()
	if err != nil {
		return w.halt(err)
	}
	if err := w.observe(); err != nil {
		return err
	}
	if died != "" {
		return w.crashed(died)
	}
	return nil
}

func (w *world) settle() (died crash, err error) {
	defer func() {
		if p := recover(); p != nil {
			var ok bool
			if died, ok = p.(crash); !ok {
				panic(p)
			}
		}
	}()
	return "", w.engine.Settle(w.ctx)
}

// The seconds for which the clock moves second by second, and how many steps it takes over anything longer.
const (
	fineSteps   = 300
	coarseSteps = 300
)

// advance moves the clock in small steps, each with what becomes due.
func (w *world) advance(span time.Duration) error {
	end := w.now.Add(span)
	fine := min(span, fineSteps*time.Second)
	coarse := max(time.Second, (span-fine)/coarseSteps)
	for from := w.now; w.now.Before(end); {
		step := time.Second
		if w.now.Sub(from) >= fine {
			step = coarse
		}
		w.now = w.now.Add(min(step, end.Sub(w.now)))
		w.prefix = "+" + w.now.Sub(from).String() + " "
		if w.engine == nil {
			continue
		}
		if err := w.do(""); err != nil {
			return err
		}
	}
	w.prefix = ""
	return nil
}

// observe reads what the log has new, as every follower does, tells it, and proves the rules after each event: the chain, the fold,
// the invariants. A state that is fed from the log alone must have the bytes of the live one.
func (w *world) observe() error {
	if w.engine != nil && w.engine.Head() == w.seen {
		return w.guard.Err()
	}
	_, err := eventstore.Replay(w.ctx, w.disk.log, w.seen.Next, func(r domain.Recorded, h eventstore.Hash) error {
		if err := w.shadow.Apply(r); err != nil {
			return err
		}
		w.seen = eventstore.Head{Next: r.Rev + 1, Hash: h}
		w.say("%s", w.prefix+w.line(r))
		return w.stream.Take(r, w.shadow)
	})
	if err != nil || w.engine == nil {
		return err
	}
	if !bytes.Equal(w.shadow.Canonical(), w.engine.State().Canonical()) {
		return fmt.Errorf("V3 violated: at revision %d the replayed state differs from the live one", w.seen.Next-1)
	}
	return w.guard.Err()
}

// proveEnd is what holds when the story is over.
func (w *world) proveEnd() error {
	if w.engine == nil {
		return nil // it ended in a halt that the story tells
	}
	again := domain.NewState()
	head, err := eventstore.Replay(w.ctx, w.disk.log, 0, func(r domain.Recorded, _ eventstore.Hash) error { return again.Apply(r) })
	if err != nil {
		return err
	}
	if head != w.seen || !bytes.Equal(again.Canonical(), w.engine.State().Canonical()) {
		return fmt.Errorf("V3 violated: a replay from zero differs from the live state")
	}
	orders, err := w.market.all(w.ctx)
	if err != nil {
		return err
	}
	if len(again.Orders) > 0 {
		return invariants.Once(orders)
	}
	return invariants.AtRest(again, orders)
}
