package eventstore

import (
	"fmt"
	"time"

	"pm/domain"
)

// Author is what a writer puts on all its events: the portfolio, the instance, its build and the epoch that it leads. Format is that of
// the log where the writer begins (State.Format), 0 for a new one; what it seals is written in the forms of that format.
type Author struct {
	Portfolio       domain.PortfolioID
	Instance, Build string
	Epoch           uint64
	Format          int
}

// Draft is an event before it has a place. An empty Corr begins a chain of its own; an empty Cause has none.
type Draft struct {
	Event       domain.Event
	At          time.Time // log time, not before that of the record before
	Corr, Cause domain.EventID
}

// Sealer turns drafts into records that continue a head, one after another. It writes nothing: the records go to Log.Append at
// the head that the sealer had before the first of them. One goroutine owns it.
type Sealer struct {
	author Author
	head   Head
	last   time.Time
	format int // of the log, as of head
	opener *opener
}

// NewSealer continues a head whose last record has the log time last (zero for an empty log).
func NewSealer(at Head, last time.Time, by Author) *Sealer {
	return &Sealer{author: by, head: at, last: last, format: max(by.Format, domain.FirstFormat), opener: newOpener(present)}
}

// Head is the head once everything sealed so far has been appended.
func (s *Sealer) Head() Head { return s.head }

// Last is the log time of the last record sealed.
func (s *Sealer) Last() time.Time { return s.last }

// Seal makes the next record. Behind a FormatRaised the forms are those of the new format. The event that comes back is read from the record's own bytes, not the draft's: what the writer
// applies is exactly what every later reader will apply. On an error the sealer stays where it was.
func (s *Sealer) Seal(d Draft) (Record, domain.Recorded, error) {
	if d.At.Before(s.last) {
		return Record{}, domain.Recorded{}, fmt.Errorf("seal revision %d: log time falls from %s to %s", s.head.Next,
			s.last.Format(time.RFC3339Nano), d.At.Format(time.RFC3339Nano))
	}
	rec, err := s.opener.codec.encode(domain.Meta{
		Portfolio: s.author.Portfolio, Rev: s.head.Next, At: d.At, Corr: d.Corr, Cause: d.Cause,
		Epoch: s.author.Epoch, Inst: s.author.Instance, Build: s.author.Build, Prev: s.head.Hash.String(),
	}, d.Event, s.format)
	if err != nil {
		return Record{}, domain.Recorded{}, err
	}
	var op opened
	if err := s.opener.open(&rec, &op); err != nil {
		return Record{}, domain.Recorded{}, fmt.Errorf("read back what was sealed: %w", err)
	}
	if raised, ok := op.Event.(*domain.FormatRaised); ok {
		s.format = raised.To
	}
	s.head, s.last = rec.After(), op.At
	return rec, op.Recorded, nil
}
