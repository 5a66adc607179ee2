// Package engine is the single writer of a portfolio's log. It drains what waits in its inbox, decides each command on the state
// that the earlier ones left, appends everything in one durable write, and only then answers. Effects (orders out, reports in) run
// beside it, come back as commands, and never block it.
//
// Order of a start: Replay into a state, New, Open or Start (the epoch), then Run and RunEffects. A backtest calls Step and Settle
// instead of the two Runs: the same code in lockstep.
//
// Any error that Run, Step or RunEffects returns ends the process: what is on the disk is then found out by the next start, which is
// the same recovery as every start.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"pm/domain"
	"pm/eventstore"
)

var (
	// ErrBusy says that the inbox is full: nothing was recorded.
	ErrBusy = errors.New("the inbox is full")
	// ErrStopped says that the engine takes nothing more: nothing was recorded.
	ErrStopped = errors.New("the engine has stopped")
	// ErrOutcomeUnknown says that the caller's time ran out: the command may or may not have been recorded.
	ErrOutcomeUnknown = errors.New("whether the command was recorded is not known")
	// ErrOtherWriter says that somebody else has written to the log: this instance must not write any more.
	ErrOtherWriter = errors.New("another writer has appended to the log")
	// ErrGrown is an ErrOtherWriter that a start met with its very first append: the log had grown since it was read, and nothing of this
	// start is in it. Whoever reads on, with every check of a recovery, may begin again with a new engine.
	ErrGrown = fmt.Errorf("%w since it was read", ErrOtherWriter)
)

// Options of an engine. Zero values of the limits take the defaults below.
type Options struct {
	Log      eventstore.Log
	Broker   Broker
	Instance string
	Build    string
	Clock    func() time.Time     // wall clock
	Uptime   func() time.Duration // a clock that never steps and runs on during suspend; nil: Go's monotonic clock
	Logger   *slog.Logger
	Inbox    int // commands that may wait
	Reserve  int // further places for exits and bars
	MaxBatch int // commands decided in one append
	// MaxBytes ends what one append of Run takes: once the events that were decided have as many bytes, what waits goes into the next. An
	// append has at most this, one more command and what became due. 0: the log's own limit is far enough away.
	MaxBytes int
	// WatchBars calls a person when bars stop coming for an open position. A backtest leaves it out: its clock jumps.
	WatchBars bool
	// Observe sees each step once it is durable, on the writer's goroutine: it must be quick, and change nothing. nil: nobody looks.
	Observe func(Observation)
}

// Observation is one step of the writer for whoever measures it. What the slices point at is shared: nobody writes to it.
type Observation struct {
	Commands []domain.Command
	Results  []Result          // of the commands, in their order
	Events   []domain.Recorded // of the whole step: those of the commands and what became due
	Decision time.Duration     // deciding, sealing and applying everything
	Append   time.Duration     // until it was durable; 0 if nothing was recorded
}

// The limits of the engine.
const (
	DefaultInbox    = 256
	DefaultReserve  = 1024
	DefaultMaxBatch = 256
	// DigestEvery is the number of revisions between two logged state digests.
	DigestEvery = 100
	// maxTicks bounds how often due work may make more due work within one append.
	maxTicks = 8
)

// Engine owns a state and the head of its log. Its methods other than Step, Settle and the starts may be called from any goroutine.
type Engine struct {
	o      Options
	state  *domain.State
	head   eventstore.Head
	sealer *eventstore.Sealer

	inbox    chan *message // from callers
	internal chan *message // from effects
	held     []*message    // found no room in the last append; the writer's own
	waiting  atomic.Int64
	stopped  chan struct{}
	lastSeen time.Time // wall clock at the last look
	time     steady
	stopping context.Context // of the start, and then of Run: its end is a stop

	mu    sync.Mutex
	tasks []domain.Order // orders that are not done, as of the last durable append
	wake  chan struct{}
	work  *effects
}

// Result is what became of one command.
type Result struct {
	Verdict       domain.Verdict
	FirstRevision uint64            // of a duplicate
	Events        []domain.Recorded // recorded for this command
	Revision      uint64            // of the last event when it became durable
	Err           error             // *domain.Refusal, domain.ErrNotDue or another reason why nothing was recorded
}

// New makes an engine that continues the state at the head that it was replayed from.
func New(o Options, state *domain.State, head eventstore.Head) *Engine {
	o.Inbox, o.Reserve, o.MaxBatch = orDefault(o.Inbox, DefaultInbox), orDefault(o.Reserve, DefaultReserve), orDefault(o.MaxBatch, DefaultMaxBatch)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Uptime == nil {
		began := time.Now()
		o.Uptime = func() time.Duration { return time.Since(began) }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{
		o: o, state: state, head: head, inbox: make(chan *message, o.Inbox+o.Reserve), internal: make(chan *message, maxSends*2),
		stopped: make(chan struct{}), lastSeen: state.At, stopping: context.Background(), wake: make(chan struct{}, 1),
	}
	e.time.last, e.time.uptime = state.At, e.o.Uptime()
	e.work = newEffects(e)
	return e
}

func orDefault(n, standard int) int {
	if n <= 0 {
		return standard
	}
	return n
}

func (e *Engine) author(epoch uint64) {
	e.sealer = eventstore.NewSealer(e.head, e.state.At, eventstore.Author{
		Portfolio: e.o.Log.Portfolio(), Instance: e.o.Instance, Build: e.o.Build, Epoch: epoch,
		Format: e.state.Format,
	})
}

func (e *Engine) one(ctx context.Context, c domain.Command) error {
	results, err := e.Step(ctx, c)
	if err != nil {
		return err
	}
	return results[0].Err
}

// Step decides the commands one after another, appends all their events in one durable write together with what became due, and
// gives the results in the same order. An error ends the engine. Only the engine's own goroutine may call it.
func (e *Engine) Step(ctx context.Context, commands ...domain.Command) ([]Result, error) {
	t := e.begin()
	for _, c := range commands {
		if err := t.decide(c); err != nil {
			return nil, err
		}
	}
	return t.finish(ctx)
}

// begin is a turn in which nothing is decided yet.
func (e *Engine) begin() *turn { return &turn{e: e, start: e.head, now: e.now(), began: e.o.Uptime()} }

// decide takes one command into the turn.
func (t *turn) decide(c domain.Command) error {
	result, err := t.take(c)
	if err != nil {
		return err
	}
	t.commands, t.results = append(t.commands, c), append(t.results, result)
	return nil
}

// finish decides what became due, appends the turn's events and gives the results of its commands.
func (t *turn) finish(ctx context.Context) ([]Result, error) {
	if err := t.due(); err != nil {
		return nil, err
	}
	e, decided := t.e, t.e.o.Uptime()
	if len(t.records) == 0 {
		t.observed(decided, decided)
		return t.results, nil
	}
	if err := e.append(ctx, t.start, t.records); err != nil {
		return nil, err
	}
	t.observed(decided, e.o.Uptime())
	e.head = e.sealer.Head()
	for i := range t.results {
		t.results[i].Revision = e.head.Next - 1
	}
	t.report()
	e.publish()
	return t.results, nil
}

// wall is the wall clock in UTC: what senders' times are held against.
func (e *Engine) wall() time.Time { return e.o.Clock().UTC() }

// now is log time: the wall clock, unless that has gone back.
func (e *Engine) now() time.Time { return e.time.now(e.wall(), e.o.Uptime()) }

// turn is one step on its way to the disk.
type turn struct {
	e        *Engine
	start    eventstore.Head
	now      time.Time
	began    time.Duration // uptime
	commands []domain.Command
	results  []Result // of the commands
	records  []eventstore.Record
	size     int // bytes of the records
	events   []domain.Recorded
	digests  []digest
}

// full says that the turn takes no further command.
func (t *turn) full() bool { return t.e.o.MaxBytes > 0 && t.size >= t.e.o.MaxBytes }

type digest struct {
	revision uint64
	value    string
}

// take decides one command and applies its events. An error is a defect or a damaged state: the process must end.
func (t *turn) take(c domain.Command) (Result, error) {
	if signal, ok := c.(domain.SubmitSignal); ok {
		signal.Log = t.now
		c = signal
	}
	decision, err := domain.Decide(t.e.state, c)
	if err != nil {
		return Result{Err: err}, nil //nolint:nilerr // a refusal is the answer
	}
	result := Result{Verdict: decision.Verdict, FirstRevision: decision.FirstRevision}
	made := make([]domain.Recorded, 0, len(decision.Drafts))
	for _, d := range decision.Drafts {
		corr, cause := d.Corr, d.Cause
		if d.After >= 0 {
			corr, cause = made[d.After].Corr, made[d.After].ID
		}
		rec, err := t.seal(d.Event, corr, cause)
		if err == nil {
			err = t.apply(rec)
		}
		if err != nil {
			return Result{}, err
		}
		made = append(made, rec)
	}
	result.Events = made
	return result, nil
}

func (t *turn) seal(event domain.Event, corr, cause domain.EventID) (domain.Recorded, error) {
	at := t.now
	if last := t.e.sealer.Last(); at.Before(last) {
		at = last
	}
	record, recorded, err := t.e.sealer.Seal(eventstore.Draft{Event: event, At: at, Corr: corr, Cause: cause})
	if err != nil {
		return recorded, fmt.Errorf("seal %s: %w", event.EventType(), err)
	}
	t.records, t.events = append(t.records, record), append(t.events, recorded)
	t.size += record.Size()
	return recorded, nil
}

func (t *turn) apply(r domain.Recorded) error {
	if err := t.e.state.Apply(r); err != nil {
		return fmt.Errorf("a decision made an event that cannot be applied: %w", err)
	}
	if r.Rev%DigestEvery == 0 && r.Rev > 0 {
		t.digests = append(t.digests, digest{r.Rev, t.e.state.Digest()})
	}
	return nil
}

// due runs what time and the new events made due, until nothing more is.
func (t *turn) due() error {
	if t.e.state.Events == 0 {
		return nil
	}
	for range maxTicks {
		result, err := t.take(domain.Tick{Now: t.now, Watch: t.e.o.WatchBars})
		if err != nil || result.Err != nil {
			return errors.Join(err, result.Err)
		}
		if len(result.Events) == 0 {
			return nil
		}
	}
	return fmt.Errorf("due work made more due work %d times: this build has a defect", maxTicks)
}

// observed tells whoever measures. A step without commands and events is only the clock's.
func (t *turn) observed(decided, durable time.Duration) {
	if t.e.o.Observe == nil || len(t.commands)+len(t.events) == 0 {
		return
	}
	t.e.o.Observe(Observation{Commands: t.commands, Results: t.results, Events: t.events, Decision: decided - t.began, Append: durable - decided})
}

// report writes one log line a step of the life of a signal or an order, once it is durable.
func (t *turn) report() {
	log := t.e.o.Logger
	for i := range t.events {
		r := &t.events[i]
		log.Info(r.Type, "revision", r.Rev, "subject", subject(r.Event), "corr", r.Corr)
		if a, ok := r.Event.(*domain.AlarmRaised); ok {
			log.Warn("alarm", "code", a.Code, "subject", a.Subject, "meaning", domain.Alarms[a.Code])
		}
	}
	for _, d := range t.digests {
		log.Info("state digest", "revision", d.revision, "digest", d.value)
	}
}

// append makes the records durable. When nobody knows whether an append was stored, the same records go again at the same head,
// until the log itself tells; meanwhile nothing is decided, sent or answered.
func (e *Engine) append(ctx context.Context, at eventstore.Head, records []eventstore.Record) error {
	after := e.sealer.Head()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := e.o.Log.Append(ctx, at, records)
		var wrong *eventstore.WrongHead
		switch {
		case err == nil:
			return nil
		case errors.As(err, &wrong) && wrong.Actual == after:
			return nil // an earlier attempt of ours was stored
		case errors.As(err, &wrong):
			return fmt.Errorf("%w: %w", ErrOtherWriter, err)
		case errors.Is(err, eventstore.ErrBroken), !errors.Is(err, eventstore.ErrOutcomeUnknown):
			// A store that says it is broken, for example by a commit on a full disk, answers the same for ever: asking again would
			// keep the process alive and deaf, exits included.
			return fmt.Errorf("append %d events at %s: %w", len(records), at, err)
		}
		e.o.Logger.Warn("append outcome unknown, asking again", "head", at.String(), "error", err)
		select {
		case <-ctx.Done():
			return fmt.Errorf("append at %s: %w", at, errors.Join(err, ctx.Err()))
		case <-e.stopping.Done(): // a stop does not wait for a store that does not answer: the next start reads what is there
			return fmt.Errorf("append at %s while stopping: %w", at, err)
		case <-time.After(wait):
		}
	}
}
