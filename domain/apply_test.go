package domain_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

// stranger is an event of no list.
type stranger struct{}

func (stranger) EventType() string { return "Stranger" }

const noArm = "an event type that this build cannot apply"

func TestApplyHasAnArmForEveryEventOfTheListAndForNoOther(t *testing.T) {
	for kind, empty := range domain.EventTypes {
		st := given(t)
		err := st.state.Apply(domain.Recorded{Meta: domain.Meta{Rev: st.state.Events, At: st.now, Type: kind}, Event: empty()})
		if err != nil { // an empty event may well be impossible; unknown it must not be
			require.NotContains(t, err.Error(), noArm, kind)
		}
	}
	st := given(t)
	err := st.state.Apply(domain.Recorded{Meta: domain.Meta{Rev: st.state.Events, At: st.now, Type: "Stranger"}, Event: stranger{}})
	require.ErrorIs(t, err, domain.ErrImpossible)
	require.ErrorContains(t, err, noArm)
}
