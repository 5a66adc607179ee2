package eventstore

import (
	"context"
	"fmt"

	"pm/domain"
)

// auditing is the present codec, which also holds the id of each record against the rule that makes it. The rule costs a hash a
// record and tells nothing that the chain does not, except that the writer kept it; so a start does without, and evidence does not.
var auditing = func() *codec {
	c := *present
	c.ids = true
	return &c
}()

// NewAuditor is a Verifier that also checks the id of each record.
func NewAuditor(p domain.PortfolioID) *Verifier { return newVerifier(p, auditing) }

// Audit does what Replay does from revision 0, and checks the id of each record as well. each may be nil.
func Audit(ctx context.Context, log Log, each func(domain.Recorded, Hash) error) (Head, error) {
	if each == nil {
		each = func(domain.Recorded, Hash) error { return nil }
	}
	return auditing.replay(ctx, log, 0, each)
}

// objectionToID says why a record cannot have its id, or "".
func objectionToID(m *domain.Meta, data []byte) string {
	if id := domain.NewEventID(m.Portfolio, m.Rev, data); id != m.ID {
		return fmt.Sprintf("its id is %s, but its place and bytes make %s", m.ID, id)
	}
	return ""
}
