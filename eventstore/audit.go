package eventstore

import (
	"context"
	"errors"
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
	head, err := auditing.replay(ctx, log, 0, each)
	return head, rechecked(ctx, log, err)
}

// Holds says whether a log still has a head that it once had: a log that ends earlier, or has another hash there, is *Corrupt. A log
// that lost its end at a record boundary, or was replaced by an older copy of itself, is sound in every other respect, so whoever
// keeps a head outside the log asks here. The record before the head's is read, too, not the whole log.
func Holds(ctx context.Context, log Log, head Head) error {
	if head.Next == 0 {
		return nil
	}
	now, err := log.Head(ctx)
	if err != nil {
		return fmt.Errorf("read the head of the log: %w", err)
	}
	if now.Next < head.Next {
		return &Corrupt{now.Next, fmt.Sprintf("the log ends before it; it once went up to %s", head)}
	}
	_, err = Replay(ctx, log, head.Next-1, func(r domain.Recorded, hash Hash) error {
		if hash != head.Hash {
			return &Corrupt{r.Rev, fmt.Sprintf("it has the hash %s, and once had %s: another log stands here", hash, head.Hash)}
		}
		return errSeen
	})
	if errors.Is(err, errSeen) {
		return nil
	}
	return err
}

var errSeen = errors.New("the record has been seen")

// objectionToID says why a record cannot have its id, or "".
func objectionToID(m *domain.Meta, data []byte) string {
	if id := domain.NewEventID(m.Portfolio, m.Rev, data); id != m.ID {
		return fmt.Sprintf("its id is %s, but its place and bytes make %s", m.ID, id)
	}
	return ""
}
