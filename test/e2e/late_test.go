package e2e

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

// withhold makes the store keep back the next append until another one arrives.
func (s *store) withhold() {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGUSR1))
	require.Equal(s.t, "withholding", s.line())
}

// The bytes of a signal are on their way when its process dies, and reach the event store only when the next process has read the log to its
// end: just before its first event.
func TestTheLastSignalOfAKilledProcessArrivesWhileTheNextOneStarts(t *testing.T) {
	s := newRemoteSite(t, plain, 1)
	s.Start()
	body := fmt.Sprintf(`{"id":"late","type":"MARKET_DATA","instrument":"BANK_NIFTY","timestamp":%q,"price":52000,"atr":220,"supertrend":51650}`,
		time.Now().UTC().Format(time.RFC3339Nano))
	s.store.withhold()
	ctx, giveUp := context.WithCancel(t.Context())
	posted := make(chan error, 1)
	go func() {
		_, _, err := s.Post(ctx, []byte(body))
		posted <- err
	}()
	require.Equal(t, "withheld", s.store.line())
	s.Kill()
	giveUp()
	require.Error(t, <-posted, "nobody was told anything")

	s.Start()
	require.Contains(t, s.Said(), "read on: 2 events had come since the log was read")
	code, answer, err := s.Post(t.Context(), []byte(body))
	require.NoError(t, err)
	require.Equal(t, 200, code, string(answer))
	require.Contains(t, string(answer), `"duplicate"`, "it is in the log, once")

	var list []domain.Recorded
	log := s.openLog()
	defer log.Close()
	_, err = eventstore.Replay(t.Context(), log, 2, func(r domain.Recorded, _ eventstore.Hash) error {
		list = append(list, r)
		return nil
	})
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(list), 4)
	for i, want := range []string{"SignalReceived", "BarClosed", "LeaderEpochStarted", "RecoveryCompleted"} {
		require.Equal(t, want, list[i].Type)
	}
	recorded := list[3].Event.(*domain.RecoveryCompleted)
	require.Equal(t, list[1].Rev, recorded.HeadRevision)
	require.Equal(t, list[2].Prev, recorded.HeadHash)
	require.Zero(t, s.Stop())
}
