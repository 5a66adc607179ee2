package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/projections"
)

func TestEveryEventHasWordsOfItsOwn(t *testing.T) {
	for kind, empty := range domain.EventTypes {
		n := newNarrator(domain.NewState())
		e := empty()
		n.note(e)
		require.NotEmpty(t, n.words(e), "%s: say in narrate*.go what it changed", kind)
	}
}

func TestARecoveryIsToldWithWhatItsFormHas(t *testing.T) {
	n, stood := newNarrator(domain.NewState()), uint64(40)
	old := &domain.RecoveryCompleted{HeadRevision: 41, Snapshot: "agreed"}
	require.Equal(t, "recovered up to revision 41, snapshot agreed", n.words(old))
	full := &domain.RecoveryCompleted{HeadRevision: 41, Snapshot: "agreed", SnapshotRevision: &stood, StateDigest: "d2a84f4b"}
	require.Equal(t, "recovered up to revision 41, snapshot agreed at revision 40, state d2a84f4b", n.words(full))
}

func TestADifferenceIsToldWithWhichSideHasMore(t *testing.T) {
	require.Equal(t, "the broker holds 30 units of X more than the log says: compare the books, then pmctl accept X-diff-7",
		differenceWords(projections.Difference{ID: "X-diff-7", Contract: "X", Units: 30}))
	require.Contains(t, differenceWords(projections.Difference{Units: -30}), "holds 30 units of  less")
}
