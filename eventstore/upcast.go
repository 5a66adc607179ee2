package eventstore

import (
	"pm/domain"
	"pm/domain/canon"
)

// change is one change of form: from a log format on, a type is written in its next version. It keeps both ways between the version
// before and the present event.
type change struct {
	Type  string
	Since int // the log format that begins to write the new form
	// read turns the data of the version before into the present event. It accepts every byte string that was ever written in that
	// form, and nothing else; it never touches the stored bytes, so hashes stay. It is never deleted: a log is read from revision 0 for
	// as long as it exists.
	read func(*canon.Decoder, []byte) (domain.Event, error)
	// write gives the version before, for a log whose format has not been raised yet: what it cannot say is left out. It is needed
	// for one format back; after that it may become nil, and a log that old is raised with an earlier build.
	write func(domain.Event) any
}

// changes lists every change of form, oldest first. CONTRIBUTING says how one is made.
var changes = []change{
	{Type: "RecoveryCompleted", Since: 2, read: upcast(recoveryV1.present), write: recoveryToV1},
}

// upcast reads an old form strictly, as every form is read, and makes the present event of it.
func upcast[Old any](present func(Old) domain.Event) func(*canon.Decoder, []byte) (domain.Event, error) {
	return func(d *canon.Decoder, data []byte) (domain.Event, error) {
		var old Old
		if err := d.Decode(data, &old); err != nil {
			return nil, err
		}
		return present(old), nil
	}
}

// recoveryV1 is RecoveryCompleted before format 2: it said how the snapshot compared, not at which revision, and left the digest of the
// state to the report's file.
type recoveryV1 struct {
	ReportDigest string `json:"report_digest"`
	HeadRevision uint64 `json:"head_revision"`
	HeadHash     string `json:"head_hash"`
	Snapshot     string `json:"snapshot"`
}

func (old recoveryV1) present() domain.Event {
	return &domain.RecoveryCompleted{ReportDigest: old.ReportDigest, HeadRevision: old.HeadRevision, HeadHash: old.HeadHash, Snapshot: old.Snapshot}
}

func recoveryToV1(e domain.Event) any {
	r := e.(*domain.RecoveryCompleted) //nolint:forcetypeassert // it stands in the table beside this type
	return &recoveryV1{ReportDigest: r.ReportDigest, HeadRevision: r.HeadRevision, HeadHash: r.HeadHash, Snapshot: r.Snapshot}
}
