package main

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/projections"
)

func TestADivergenceWhileHaltedIsAnAlarmAndLeavesTheHalt(t *testing.T) {
	s, errs := begunOn(t, free(900))
	_, err := s.engine.Step(t.Context(), domain.SetTrading{To: domain.Halted, Reason: "lunch", By: "asha"})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.engine.Run(ctx) }()
	found := s.diverged(&projections.Halt{Code: projections.CodeValidationFailed, Err: errors.New("Stop mismatch")})
	stop()
	require.NoError(t, <-done)
	require.NoError(t, found)

	state := s.engine.State()
	require.Equal(t, domain.Halted, state.Trading.Mode)
	require.Equal(t, "asha", state.Trading.By)
	require.NotNil(t, state.Alarms["late_divergence/snapshot"])
	require.Contains(t, errs.String(), "Stop mismatch")
}
