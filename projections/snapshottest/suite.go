// Package snapshottest is the suite that every snapshot passes: what a projections.Snapshot promises, held against it.
//
//	snapshottest.Run(t, func(t *testing.T) snapshottest.Place { ... an empty place ... })
//
// A place is where a snapshot lives (a file, a schema of a database); the suite opens several sessions on it, as pm and pmctl do, and
// changes it behind their backs, as a person with an SQL shell does.
//
// It also makes what tests of recovery need: Sample and Nasty make rows of every table, Filled writes them, Tampers lists one change
// for each column there is, and Memory is a snapshot that fails when it is told to. Only tests import it.
package snapshottest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pm/projections"
)

// Place is one place that a snapshot can live in, empty at first.
type Place struct {
	// Open starts a session; the test's cleanup closes it.
	Open func(t *testing.T) projections.Snapshot
	// Exec runs a plain statement in the store, as a person with an SQL shell would. A snapshot without SQL has none, and is not held
	// to the promises about it.
	Exec func(t *testing.T, sql string)
}

// HeadTable is the name that the table of the head row has in every store. Its columns are those of SnapshotHead, by their JSON names.
const HeadTable = "head"

// promise is one thing that a snapshot promises.
type promise struct {
	name string
	hold func(*testing.T, Place)
}

// Run holds a snapshot against every promise. Each promise gets a place of its own.
func Run(t *testing.T, place func(t *testing.T) Place) {
	t.Helper()
	all := []promise{
		{"an empty place has no head and no shape", empty},
		{"whatever a row holds comes back byte for byte", comesBack},
		{"the rows of a real log come back, and their hash", realLog},
		{"a copy is in the order of the key, numbers as numbers and texts by their bytes", copyOrder},
		{"the head comes back as it was written", headComesBack},
		{"a row that is put replaces the one with its key, one that is gone is gone", putAndGone},
		{"rows of history are added to those that are there", historyGrows},
		{"what is written stays when the session ends", stays},
		{"a write on another head than the one there changes nothing", movedWrite},
		{"a write is whole or not at all", wholeOrNot},
		{"a view sees one moment, whatever is written meanwhile", oneMoment},
		{"the error of who looks comes back", looksError},
		{"of two sessions that write, the second is told", twoSessions},
		{"readers never see half of a write", neverHalf},
		{"who reads during the first write sees nothing or all of it", firstSeen},
		{"what is built beside is seen by nobody until the switch", besideUnseen},
		{"what is built beside goes on after a restart", besideResumes},
		{"what is built beside can be given up", besideDiscarded},
		{"a switch checks both heads", switchChecks},
		{"a switch can be repeated", switchAgain},
		{"a switch of some tables leaves the others", switchSome},
		{"readers see the old or the new, never a mix", switchWhole},
		{"a context that has ended ends every call", endedContext},
		{"a closed snapshot answers nothing", closed},
	}
	if place(t).Exec != nil {
		all = append(all,
			promise{"a change of any column of any table is seen", tampered},
			promise{"a decimal is its value, however many zeros end it", zeros},
			promise{"a row that is deleted or added by hand is seen", rowsByHand},
			promise{"a table or a column that is not there is damage", notThere},
			promise{"a version that is built beside mends what is damaged", mended},
		)
	}
	for _, p := range all {
		t.Run(p.name, func(t *testing.T) { p.hold(t, place(t)) })
	}
}

// seen is what a session shows at one moment.
type seen struct {
	Head    *projections.SnapshotHead
	State   map[string][]string // by table
	History map[string]string   // by table
}

// look reads everything there is.
func look(t *testing.T, s projections.Snapshot) seen {
	t.Helper()
	var all seen
	require.NoError(t, s.Read(t.Context(), func(v projections.SnapshotView) (err error) {
		all, err = view(v)
		return err
	}))
	return all
}

// must makes a write.
func must(t *testing.T, s projections.Snapshot, c projections.Change) {
	t.Helper()
	require.NoError(t, s.Write(t.Context(), c))
}

// begun opens a session on a place and fills it with plain rows.
func begun(t *testing.T, p Place) (projections.Snapshot, Rows) {
	t.Helper()
	s, rows := p.Open(t), Sample(3)
	Filled(t, s, Head(1), rows)
	return s, rows
}
