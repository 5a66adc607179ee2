package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"pm/domain"
	"pm/eventstore"
)

// Open writes the first two events of an empty log. After ErrGrown the log was not empty, and the state is worth nothing. The end of the
// context is a stop, as it is of Run: what is being written is written, and only a store that does not answer is not waited for.
func (e *Engine) Open(ctx context.Context, opened domain.PortfolioOpened) error {
	ctx = e.until(ctx)
	e.author(1)
	return grown(e.one(ctx, domain.OpenPortfolio{Portfolio: opened, Instance: e.o.Instance, Now: e.now()}))
}

// Start makes this start's own epoch durable before anything else, then appends what the recovery found, changed settings, and marks
// orders that were being sent when the last process ended as unknown. After ErrGrown the state is as it was: with the epoch durable nobody else
// can append, so only the epoch can meet what a dead process had on its way. The end of the context is a stop, as with Open.
func (e *Engine) Start(ctx context.Context, recovery domain.RecoveryCompleted, settings map[string]string) error {
	ctx = e.until(ctx)
	now := e.now()
	e.author(e.state.Epoch + 1)
	if err := e.lead(ctx, domain.StartEpoch{Instance: e.o.Instance, Now: now}); err != nil {
		return err
	}
	results, err := e.Step(ctx,
		domain.RecordRecovery{Recovery: recovery, Now: now},
		domain.Configure{Settings: settings, Now: now},
		domain.AdoptOrders{Now: now},
	)
	for _, r := range results {
		err = errors.Join(err, r.Err)
	}
	return err
}

// until takes a context whose end is a stop, and gives the one for the appends, which a stop does not tear.
func (e *Engine) until(stop context.Context) context.Context {
	e.stopping = stop
	return context.WithoutCancel(stop)
}

// lead is the one step whose event the state sees only once it is durable.
func (e *Engine) lead(ctx context.Context, c domain.StartEpoch) error {
	decision, err := domain.Decide(e.state, c)
	if err != nil {
		return err
	}
	t := &turn{e: e, start: e.head, now: c.Now, began: e.o.Uptime()}
	for _, d := range decision.Drafts {
		if _, err := t.seal(d.Event, d.Corr, d.Cause); err != nil {
			return err
		}
	}
	decided := e.o.Uptime()
	if err := e.append(ctx, t.start, t.records); err != nil {
		return grown(err)
	}
	for _, r := range t.events {
		if err := t.apply(r); err != nil {
			return err
		}
	}
	t.commands, t.results = []domain.Command{c}, []Result{{Events: slices.Clone(t.events)}}
	t.observed(decided, e.o.Uptime())
	e.head = e.sealer.Head()
	t.report()
	return nil
}

// grown says of another writer that it was met by the first append of a start.
func grown(err error) error {
	var wrong *eventstore.WrongHead
	if errors.Is(err, ErrOtherWriter) && errors.As(err, &wrong) {
		return fmt.Errorf("%w: %w", ErrGrown, wrong)
	}
	return err
}
