package engine

import (
	"context"
	"fmt"

	"pm/domain"
	"pm/eventstore"
)

// maxRounds bounds how many rounds of effects one settling may take: an order needs a handful.
const maxRounds = 64

// Settle runs the effects of everything that is due, in lockstep on the caller's goroutine, until no order wants anything. A backtest
// calls it behind each Step, so that the same input gives the same log.
func (e *Engine) Settle(ctx context.Context) error {
	w := e.work
	var failed error
	w.inline = true
	w.do = func(ctx context.Context, commands ...domain.Command) ([]Result, error) {
		results, err := e.Step(ctx, commands...)
		if err != nil {
			failed = err
		}
		return results, err
	}
	w.query = func(_ context.Context, look func(*domain.State, eventstore.Head)) error {
		look(e.state, e.head)
		return nil
	}
	for range maxRounds {
		before := e.head
		clear(w.next) // virtual time stands still while the effects run
		w.round(ctx)
		if failed != nil {
			return failed
		}
		if e.head == before {
			return nil
		}
	}
	return fmt.Errorf("the effects did not come to rest in %d rounds: this build has a defect", maxRounds)
}

// State is the engine's own: for a lockstep caller, between steps.
func (e *Engine) State() *domain.State { return e.state }

// Head is the end of the log: for a lockstep caller, between steps.
func (e *Engine) Head() eventstore.Head { return e.head }
