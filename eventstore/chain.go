package eventstore

import (
	"fmt"
	"time"

	"pm/domain"
)

// Verifier checks records in their order: each by itself and each against the one before. It starts at revision 0, or, after
// StartAt, at a later one whose own bytes are checked but whose past is taken on trust. One goroutine owns it.
type Verifier struct {
	portfolio domain.PortfolioID
	head      Head
	anchored  bool // false: the next record's prev is not checked
	at        time.Time
	epoch     uint64
	inst      string
	format    int // of the log so far; the newest of this build where the beginning was not read
	opener    *opener
}

// NewVerifier begins before revision 0 of a portfolio's log.
func NewVerifier(p domain.PortfolioID) *Verifier { return newVerifier(p, present) }

func newVerifier(p domain.PortfolioID, c *codec) *Verifier {
	return &Verifier{portfolio: p, head: Empty(p), anchored: true, format: domain.FirstFormat, opener: newOpener(c)}
}

// StartAt makes rev the first record that the verifier expects; what comes before it is not checked.
func (v *Verifier) StartAt(rev uint64) {
	v.head, v.anchored, v.format = Head{Next: rev}, rev == 0, v.opener.codec.format
	if rev == 0 {
		v.head, v.format = Empty(v.portfolio), domain.FirstFormat
	}
}

// Head is what the records so far end in.
func (v *Verifier) Head() Head { return v.head }

// Check takes the next record. The error is *Corrupt or *UnknownEvent, and the verifier stays where it was.
func (v *Verifier) Check(r Record) (domain.Recorded, error) {
	var op opened
	if err := v.opener.open(&r, &op); err != nil {
		return domain.Recorded{}, err
	}
	if err := v.link(&op); err != nil {
		return domain.Recorded{}, err
	}
	return op.Recorded, nil
}

// link checks what only neighbours can tell, and moves on. It is cheap, so that one goroutine keeps up with many openers.
func (v *Verifier) link(op *opened) error {
	if reason := v.objection(op); reason != "" {
		return &Corrupt{v.head.Next, reason}
	}
	v.head, v.anchored = Head{Next: op.Rev + 1, Hash: op.hash}, true
	v.at, v.epoch, v.inst = op.At, op.Epoch, op.Inst
	if f, ok := op.Event.(*domain.FormatRaised); ok {
		v.format = f.To
	}
	return nil
}

// objection says why a record cannot follow the one before, or "".
func (v *Verifier) objection(op *opened) string {
	switch {
	case op.Rev != v.head.Next:
		return fmt.Sprintf("a gap: revision %d follows", op.Rev)
	case op.Portfolio != v.portfolio:
		return fmt.Sprintf("a record of portfolio %q in the log of %q", op.Portfolio, v.portfolio)
	case v.anchored && op.prev != v.head.Hash:
		return fmt.Sprintf("the chain is broken: it continues %s, but the record before has %s", op.prev, v.head.Hash)
	case op.At.Before(v.at):
		return fmt.Sprintf("log time falls from %s to %s", v.at.Format(time.RFC3339Nano), op.At.Format(time.RFC3339Nano))
	case op.Epoch < v.epoch:
		return fmt.Sprintf("the epoch falls from %d to %d", v.epoch, op.Epoch)
	case op.Epoch == v.epoch && v.inst != op.Inst && v.inst != "":
		return fmt.Sprintf("two instances in epoch %d: %q and %q", op.Epoch, v.inst, op.Inst)
	case op.since > v.format:
		return fmt.Sprintf("%s version %d came with format %d, and nobody has raised this log beyond format %d", op.Type, op.V, op.since, v.format)
	}
	return ""
}

// CheckBatch says whether records may be appended at a head: the limits, each hash, and that each continues the one before.
// Every log calls it before it writes, so that a defect of a writer never becomes a broken log.
func CheckBatch(p domain.PortfolioID, at Head, recs []Record) error {
	if len(recs) == 0 {
		return fmt.Errorf("an append of no records")
	}
	if len(recs) > MaxBatch {
		return &TooLarge{"records of an append", len(recs), MaxBatch}
	}
	o, total := newOpener(present), 0
	v := Verifier{portfolio: p, head: at, anchored: true}
	for i := range recs {
		r := &recs[i]
		total += r.Size()
		if r.Size() > MaxRecord {
			return &TooLarge{"bytes of a record", r.Size(), MaxRecord}
		}
		if total > MaxBatchBytes {
			return &TooLarge{"bytes of an append", total, MaxBatchBytes}
		}
		var op opened
		if o.buf, op.hash = hashOf(o.buf, r.Meta, r.Data); op.hash != r.Hash {
			return &Corrupt{r.Rev, "the record to be appended does not have its hash"}
		}
		if err := o.openMeta(r, &op); err != nil {
			return err
		}
		if err := v.link(&op); err != nil {
			return err
		}
	}
	return nil
}
