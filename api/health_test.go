package api

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/projections"
)

func TestAHistoryIsHealthyByItsProgress(t *testing.T) {
	for name, c := range map[string]struct {
		revision uint64
		is       projections.Health
		behind   uint64
		healthy  bool
	}{
		"at the head":             {9, projections.Health{Events: 10}, 0, true},
		"ahead of what was read":  {9, projections.Health{Events: 12}, 0, true},
		"as far behind as it may": {MaxHistoryLag - 1, projections.Health{}, MaxHistoryLag, true},
		"one event further":       {MaxHistoryLag, projections.Health{}, MaxHistoryLag + 1, false},
		"in trouble at the head":  {9, projections.Health{Events: 10, Trouble: errors.New("the disk is away")}, 0, false},
	} {
		h := health{Ready: true, Revision: &c.revision}
		h.watchHistory(c.is)
		require.Equal(t, c.healthy, h.History.Healthy, name)
		require.Equal(t, c.behind, h.History.Behind, name)
		require.Equal(t, !c.healthy, len(h.Degraded) == 1, name)
		require.True(t, h.Ready, "trading does not need it")
	}
}
