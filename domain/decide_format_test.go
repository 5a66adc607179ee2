package domain_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

func raise(to int) step {
	return command(func(st *story) domain.Command {
		return domain.RaiseFormat{To: to, By: "asha", ID: "raise-1", Now: st.now}
	})
}

func TestTheFormatIsRaisedOnceAndToWhatTheBuildKnows(t *testing.T) {
	st := given(t)
	require.Equal(t, domain.FirstFormat, st.state.Format)
	st.when(raise(domain.FirstFormat)).then()
	st.when(raise(domain.Format)).then(fmt.Sprintf("FormatRaised to=%d by=asha", domain.Format))
	require.Equal(t, domain.Format, st.state.Format)
	st.when(raise(domain.Format)).then()
	st.when(raise(domain.Format - 1)).refused("already_raised")
	st.when(raise(domain.Format + 1)).refused("unknown_format")
}

func TestARaiseWithTheIDOfAnotherCommandRecordsNothing(t *testing.T) {
	st := given(t, command(func(st *story) domain.Command {
		return domain.MoveCapital{Amount: domain.D("1"), By: "asha", ID: "raise-1", Now: st.now}
	}))
	st.when(raise(domain.Format)).then()
	require.Equal(t, domain.FirstFormat, st.state.Format)
}

func TestAFormatThatDoesNotRiseIsImpossible(t *testing.T) {
	for _, to := range []int{-1, 0, domain.FirstFormat} {
		st := given(t)
		err := st.state.Apply(domain.Recorded{Meta: metaNext(st, "FormatRaised"), Event: &domain.FormatRaised{To: to, By: "asha"}})
		require.ErrorIs(t, err, domain.ErrImpossible)
		require.ErrorContains(t, err, "it is 1")
	}
}
