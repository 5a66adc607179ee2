package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
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
