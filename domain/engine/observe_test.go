package engine_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore"
)

func TestAStoreThatBrokeInACommitEndsTheWriterInsteadOfBeingAskedForEver(t *testing.T) {
	r := newRig(t)
	broken := fmt.Errorf("%w: commit: %w: no space left", eventstore.ErrBroken, eventstore.ErrOutcomeUnknown)
	asked := 0
	r.log.Fault(eventstore.Faults{BeforeAppend: func(context.Context, eventstore.Head, []eventstore.Record) error {
		if asked++; asked > 1 {
			t.Fatal("asked again")
		}
		return broken
	}})
	_, err := r.engine.Step(t.Context(), r.base())
	require.ErrorIs(t, err, eventstore.ErrBroken)
}

func TestAStepIsObservedOnlyOnceItIsDurableWithWhatItTook(t *testing.T) {
	var seen []engine.Observation
	r := newRig(t, func(o *engine.Options) { o.Observe = func(s engine.Observation) { seen = append(seen, s) } })
	require.Len(t, seen, 1, "the opening")
	seen = nil
	r.log.Fault(eventstore.Faults{BeforeAppend: func(context.Context, eventstore.Head, []eventstore.Record) error {
		require.Empty(t, seen, "nothing is counted that may still be lost")
		r.clock.add(3 * time.Millisecond)
		return nil
	}})
	_, err := r.engine.Step(t.Context(), r.base())
	require.NoError(t, err)
	require.Len(t, seen, 1)
	require.Len(t, seen[0].Commands, 1)
	require.Equal(t, domain.VerdictAccepted, seen[0].Results[0].Verdict)
	require.Equal(t, "SignalReceived", seen[0].Events[0].Type)
	require.Equal(t, 3*time.Millisecond, seen[0].Append)

	r.log.Fault(eventstore.Faults{})
	seen = nil
	_, err = r.engine.Step(t.Context())
	require.NoError(t, err)
	require.Empty(t, seen, "time alone is no step")
	_, err = r.engine.Step(t.Context(), r.base())
	require.NoError(t, err)
	require.Len(t, seen, 1)
	require.Equal(t, domain.VerdictDuplicate, seen[0].Results[0].Verdict, "a repeat records nothing and counts all the same")
	require.Zero(t, seen[0].Append)
}
