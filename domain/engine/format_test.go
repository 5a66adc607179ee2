package engine_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

func TestALogIsWrittenInItsFormatByThisStartAndTheNext(t *testing.T) {
	r := newRig(t)
	r.restart()
	results, err := r.engine.Step(t.Context(), domain.RaiseFormat{To: domain.Format, By: "asha", Now: r.clock.now()})
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	r.restart()
	var versions []int
	_, err = eventstore.Replay(context.Background(), r.log, 0, func(rec domain.Recorded, _ eventstore.Hash) error {
		if rec.Type == "RecoveryCompleted" {
			versions = append(versions, rec.V)
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []int{1, 2}, versions)
}
