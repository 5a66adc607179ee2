package main

import (
	"encoding/json"
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

func TestACloseAllThatWaitsForAnOrderSaysWhatItTakes(t *testing.T) {
	e := &domain.ExitRequested{
		Cause: domain.CauseCloseAll, Binds: []domain.OrderID{"o"}, By: "asha", Reason: "out",
		Claims: []domain.Claim{{PositionID: "A-1-Long_1", Lots: 2}, {PositionID: "A-1-Long_2"}},
	}
	require.Equal(t, "exit of 2 lots (close_all): A-1-Long_1 2, A-1-Long_2 0, and what the orders under way leave unsold or still fill by asha: out", exitWords(e))
	var answer outcomeOfCommand
	require.NoError(t, json.Unmarshal([]byte(`{"exits":[{"claims":[{"position_id":"A-1-Long_2","lots":0}]}]}`), &answer))
	var shown table
	answer.table(&shown)
	require.Equal(t, "A-1-Long_2 (what the order under way leaves)", shown.rows[0][4].text)
}
