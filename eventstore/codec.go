package eventstore

import (
	"fmt"

	"pm/domain"
	"pm/domain/canon"
)

// Encode makes the record of an event. The caller sets everything of the metadata but ID, Type and V, which follow from
// the event; an empty Corr becomes the record's own id. The event must be one of domain.EventTypes.
func Encode(m domain.Meta, e domain.Event) (Record, error) { return present.encode(m, e) }

// Decode reads a record's metadata and event and checks its hash. Whether it continues the record before is a Verifier's question.
// The error is *Corrupt or *UnknownEvent.
func Decode(r Record) (domain.Recorded, error) {
	o := newOpener(present)
	var op opened
	err := o.open(&r, &op)
	return op.Recorded, err
}

// form is how an event is written: its type and its version.
type form struct {
	Type string
	V    int
}

// codec knows the forms of a build. There is one in a program; tests make others.
type codec struct {
	makers  map[string]func() domain.Event // an empty event of each present type
	version int                            // the present version of every type
	upcasts map[form]upcast                // the older forms
	ids     bool                           // a record must have the id that its place and bytes make
}

var present = &codec{makers: domain.EventTypes, version: domain.EventVersion, upcasts: upcasts}

func (c *codec) encode(m domain.Meta, e domain.Event) (Record, error) {
	if e == nil || c.makers[e.EventType()] == nil {
		return Record{}, fmt.Errorf("encode revision %d: %T is not an event of this build", m.Rev, e)
	}
	data, err := canon.Append(nil, e)
	if err != nil {
		return Record{}, fmt.Errorf("encode revision %d, %s: %w", m.Rev, e.EventType(), err)
	}
	m.ID, m.Type, m.V = domain.NewEventID(m.Portfolio, m.Rev, data), e.EventType(), c.version
	if m.Corr == "" {
		m.Corr = m.ID
	}
	meta, err := canon.Append(nil, &m)
	if err != nil {
		return Record{}, fmt.Errorf("encode the metadata of revision %d, %s: %w", m.Rev, m.Type, err)
	}
	if n := len(meta) + len(data); n > MaxRecord {
		return Record{}, fmt.Errorf("encode revision %d, %s: %w", m.Rev, m.Type, &TooLarge{"bytes of a record", n, MaxRecord})
	}
	return Record{Rev: m.Rev, Meta: meta, Data: data, Hash: HashOf(meta, data)}, nil
}

// opened is a record whose own bytes were found right.
type opened struct {
	domain.Recorded
	hash, prev Hash
}

// opener checks and decodes records one by one: the costly part of verification, which needs no neighbour. One goroutine owns it.
type opener struct {
	codec *codec
	dec   canon.Decoder
	meta  metaReader
	buf   []byte
}

func newOpener(c *codec) *opener {
	return &opener{codec: c, dec: canon.Decoder{Memory: new(canon.Memory)}}
}

// open checks a record's length, hash, metadata, type and version and decodes its event.
func (o *opener) open(r *Record, into *opened) error {
	if n := r.Size(); n > MaxRecord {
		return &Corrupt{r.Rev, fmt.Sprintf("%d bytes, more than any record has", n)}
	}
	o.buf, into.hash = hashOf(o.buf, r.Meta, r.Data)
	if into.hash != r.Hash {
		return &Corrupt{r.Rev, "the bytes do not have the hash that stands beside them"}
	}
	if err := o.openMeta(r, into); err != nil {
		return err
	}
	if o.codec.ids {
		if reason := objectionToID(&into.Meta, r.Data); reason != "" {
			return &Corrupt{r.Rev, reason}
		}
	}
	e, err := o.event(&into.Meta, r.Data)
	into.Event = e
	return err
}

// openMeta decodes the metadata and the hash of the record before.
func (o *opener) openMeta(r *Record, into *opened) (err error) {
	if err := o.meta.read(&o.dec, r.Meta, &into.Meta); err != nil {
		return &Corrupt{r.Rev, "the metadata cannot be read: " + err.Error()}
	}
	if into.Rev != r.Rev {
		return &Corrupt{r.Rev, fmt.Sprintf("the metadata says revision %d", into.Rev)}
	}
	if into.prev, err = ParseHash(into.Prev); err != nil {
		return &Corrupt{r.Rev, "the hash of the record before cannot be read: " + err.Error()}
	}
	return nil
}

// event decodes data into the present form.
func (o *opener) event(m *domain.Meta, data []byte) (domain.Event, error) {
	if up := o.codec.upcasts[form{m.Type, m.V}]; up != nil {
		e, err := up(data)
		if err != nil {
			return nil, &Corrupt{m.Rev, fmt.Sprintf("%s version %d cannot be read: %v", m.Type, m.V, err)}
		}
		return e, nil
	}
	make := o.codec.makers[m.Type]
	if make == nil || m.V != o.codec.version {
		return nil, &UnknownEvent{m.Rev, m.Type, m.V, m.Build}
	}
	e := make()
	if err := o.dec.Decode(data, e); err != nil {
		return nil, &Corrupt{m.Rev, fmt.Sprintf("%s cannot be read: %v", m.Type, err)}
	}
	if f, ok := e.(*domain.FormatRaised); ok && f.To > Format {
		return nil, &UnknownEvent{m.Rev, m.Type, f.To, m.Build}
	}
	return e, nil
}
