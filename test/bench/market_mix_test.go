package bench

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/projections"
	"pm/test/invariants"
)

func TestTheHistoryHasARealisticMixAndBothCopiesGiveTheSameState(t *testing.T) {
	h := makeHistory(t, 20_000)
	for _, want := range []string{
		"SignalReceived", "SignalRejected", "BarClosed", "StopMoved", "OrderInitialized", "OrderSendStarted", "OrderAccepted", "OrderFilled",
		"OrderUnknown", "OrderRejected", "OrderCanceled", "ExitRequested",
	} {
		require.Positive(t, h.types[want], want)
	}
	log := h.open(t)
	defer log.Close()
	a, err := projections.Recover(t.Context(), log, projections.RecoverOptions{})
	require.NoError(t, err)
	b, err := projections.Recover(t.Context(), h.bare, projections.RecoverOptions{})
	require.NoError(t, err)
	require.Equal(t, a.Report.StateDigest, b.Report.StateDigest)
	require.Equal(t, h.events, a.Report.Events)
}

func TestTheHistoryKeepsEveryRule(t *testing.T) {
	log := eventstore.NewMemory(portfolio)
	newMarket(t, log, 2).run(10_000)
	s, stream := domain.NewState(), invariants.NewStream()
	_, err := eventstore.Replay(t.Context(), log, 0, func(r domain.Recorded, _ eventstore.Hash) error {
		if err := s.Apply(r); err != nil {
			return err
		}
		return stream.Take(r, s)
	})
	require.NoError(t, err)
}
