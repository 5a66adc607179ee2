package engine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

func TestTheSubjectOfALogLineHasNoBlankAtItsEnd(t *testing.T) {
	rejected := &domain.SignalRejected{Reasons: []domain.Reason{{Code: domain.ReasonCampaignOpen}, {Code: domain.ReasonZeroLots}}}
	require.Equal(t, "campaign_open zero_lots", subject(rejected))
	require.Equal(t, "disk", subject(&domain.AlarmRaised{Code: "disk"}))
}
