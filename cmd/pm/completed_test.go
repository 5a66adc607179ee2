package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/projections"
)

func TestTheLogKeepsOfARecoveryWhatAnAuditorAsks(t *testing.T) {
	r := projections.Report{HeadRevision: 41, HeadHash: "60303ae2", StateDigest: "d2a84f4b", Snapshot: projections.SnapshotNone}
	want := domain.RecoveryCompleted{ReportDigest: "9f86d081", HeadRevision: 41, HeadHash: "60303ae2", Snapshot: "none", StateDigest: "d2a84f4b"}
	require.Equal(t, want, completed(&r, "9f86d081"))

	r.Snapshot, r.SnapshotHead = projections.SnapshotAgreed, &projections.SnapshotHead{Revision: 40}
	stood := uint64(40)
	want.Snapshot, want.SnapshotRevision = "agreed", &stood
	require.Equal(t, want, completed(&r, "9f86d081"))
}
