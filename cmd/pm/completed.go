package main

import (
	"pm/domain"
	"pm/projections"
)

// completed is what the log keeps of a recovery: enough for an auditor who has the log alone. digest is that of the report's file.
func completed(r *projections.Report, digest string) domain.RecoveryCompleted {
	out := domain.RecoveryCompleted{
		ReportDigest: digest, HeadRevision: r.HeadRevision, HeadHash: r.HeadHash, Snapshot: r.Snapshot, StateDigest: r.StateDigest,
	}
	if r.SnapshotHead != nil {
		out.SnapshotRevision = &r.SnapshotHead.Revision
	}
	return out
}
