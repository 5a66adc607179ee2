package engine

import (
	"context"
	"fmt"
	"time"

	"pm/domain"
	"pm/eventstore"
)

// message is one thing that waits for the writer: commands that belong together, or a look at the state.
type message struct {
	commands []domain.Command
	look     func(*domain.State, eventstore.Head)
	reply    chan []Result
}

// tickEvery is how often time alone makes the writer look for what is due.
const tickEvery = 250 * time.Millisecond

// Run is the writer. It returns when the context ends (nil) or when the log can no longer be trusted to take its events.
func (e *Engine) Run(ctx context.Context) error {
	defer close(e.stopped)
	appends := e.until(ctx)
	e.publish()
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		first, ended := e.first(ctx, ticker.C)
		if ended {
			return nil
		}
		// The step is finished even if the context ends meanwhile: an append must not be torn from its answer.
		if err := e.batch(appends, first); err != nil {
			return err
		}
	}
}

// first waits for what the next step begins with: nil if something was held back already.
func (e *Engine) first(ctx context.Context, tick <-chan time.Time) (m *message, ended bool) {
	if len(e.held) > 0 {
		return nil, ctx.Err() != nil
	}
	select {
	case <-ctx.Done():
		return nil, true
	case m = <-e.internal:
	case m = <-e.inbox:
		e.waiting.Add(-1)
	case <-tick:
		m = &message{}
	}
	return m, false
}

// batch takes what waits, reports of the broker first, and answers everything after one durable append. What finds no room in that
// append is held for the next one.
func (e *Engine) batch(ctx context.Context, first *message) error {
	messages := e.drain(first)
	t := e.begin()
	own := e.clockStep()
	for _, c := range own {
		if err := t.decide(c); err != nil {
			return err
		}
	}
	for i, m := range messages {
		if t.full() {
			messages, e.held = messages[:i], messages[i:]
			break
		}
		for _, c := range m.commands {
			if err := t.decide(c); err != nil {
				return err
			}
		}
	}
	results, err := t.finish(ctx)
	if err != nil {
		return err
	}
	e.answer(messages, results[len(own):])
	return nil
}

// answer gives each message its results, and a look what is durable now.
func (e *Engine) answer(messages []*message, results []Result) {
	for _, m := range messages {
		if m.look != nil {
			m.look(e.state, e.head)
		}
		if m.reply != nil {
			m.reply <- results[:len(m.commands)]
		}
		results = results[len(m.commands):]
	}
}

func (e *Engine) drain(first *message) []*message {
	var messages []*message
	if first != nil {
		messages = append(messages, first)
	}
	held := e.held
	e.held = nil
	for len(messages)+len(held) < e.o.MaxBatch {
		select {
		case m := <-e.internal:
			messages = append(messages, m)
			continue
		default:
		}
		if len(held) > 0 { // came before what is in the inbox
			messages, held = append(messages, held...), nil
			continue
		}
		select {
		case m := <-e.inbox:
			e.waiting.Add(-1)
			messages = append(messages, m)
		default:
			return messages
		}
	}
	return append(messages, held...)
}

// maxClockStep is how far the wall clock may go back without a word: log time just stands still meanwhile.
const maxClockStep = time.Second

func (e *Engine) clockStep() []domain.Command {
	now, last := e.wall(), e.lastSeen
	e.lastSeen = now
	if last.IsZero() || now.After(last.Add(-maxClockStep)) {
		return nil
	}
	return []domain.Command{domain.StepClock{From: last, To: now, Now: now}}
}

// Submit hands a command in and waits until it is durable. ErrBusy and ErrStopped: nothing was recorded. ErrOutcomeUnknown: the
// context ended first. Result.Err says why the rules did not record it. Exits, bars and people find room when entries do not.
func (e *Engine) Submit(ctx context.Context, c domain.Command) (Result, error) {
	if e.isStopped() {
		return Result{}, ErrStopped
	}
	limit := int64(e.o.Inbox)
	if urgent(c) {
		limit += int64(e.o.Reserve)
	}
	if e.waiting.Add(1) > limit {
		e.waiting.Add(-1)
		return Result{}, ErrBusy
	}
	m := &message{commands: []domain.Command{c}, reply: make(chan []Result, 1)}
	select {
	case e.inbox <- m:
	case <-e.stopped:
		e.waiting.Add(-1)
		return Result{}, ErrStopped
	}
	results, err := e.await(ctx, m)
	if err != nil {
		return Result{}, err
	}
	return results[0], nil
}

// urgent commands have room of their own in the inbox.
func urgent(c domain.Command) bool {
	s, ok := c.(domain.SubmitSignal)
	return !ok || s.Signal.Type == domain.Exit || s.Signal.Type == domain.MarketData || s.Signal.Type == domain.EODMonitor
}

func (e *Engine) await(ctx context.Context, m *message) ([]Result, error) {
	select {
	case results := <-m.reply:
		return results, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrOutcomeUnknown, context.Cause(ctx))
	case <-e.stopped:
	}
	select { // the answer may have come with the stop
	case results := <-m.reply:
		return results, nil
	default:
		return nil, ErrOutcomeUnknown
	}
}

// do hands in commands of the effects, which always find room: there are no more of them than workers.
func (e *Engine) do(ctx context.Context, commands ...domain.Command) ([]Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m := &message{commands: commands, reply: make(chan []Result, 1)}
	select {
	case e.internal <- m:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-e.stopped:
		return nil, ErrStopped
	}
	return e.await(ctx, m)
}

// Query lets look read the state and head between two steps: what it sees is durable. It must be quick, keep nothing of the state,
// and change nothing.
func (e *Engine) Query(ctx context.Context, look func(*domain.State, eventstore.Head)) error {
	if e.isStopped() {
		return ErrStopped
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m := &message{look: look, reply: make(chan []Result, 1)}
	select {
	case e.internal <- m:
	case <-ctx.Done():
		return ctx.Err()
	case <-e.stopped:
		return ErrStopped
	}
	_, err := e.await(ctx, m)
	return err
}

func (e *Engine) isStopped() bool {
	select {
	case <-e.stopped:
		return true
	default:
		return false
	}
}

// Waiting is how many commands wait in the inbox.
func (e *Engine) Waiting() int { return int(e.waiting.Load()) }

// publish gives the effects the orders that are not done.
func (e *Engine) publish() {
	open := e.state.OpenOrders()
	tasks := make([]domain.Order, len(open))
	for i, o := range open {
		tasks[i] = *o
	}
	e.mu.Lock()
	e.tasks = tasks
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *Engine) openOrders() []domain.Order {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tasks
}
