package eventstore

import (
	"fmt"

	"pm/domain"
	"pm/domain/canon"
)

// Encode makes the record of an event in its newest form. The caller sets everything of the metadata but ID, Type and V, which follow
// from the event; an empty Corr becomes the record's own id. The event must be one of domain.EventTypes. A writer uses a Sealer,
// which keeps to the format of its log.
func Encode(m domain.Meta, e domain.Event) (Record, error) { return present.encode(m, e, Format) }

// Decode reads a record's metadata and event and checks its hash. Whether it continues the record before is a Verifier's question.
// The error is *Corrupt or *UnknownEvent.
func Decode(r Record) (domain.Recorded, error) {
	o := newOpener(present)
	var op opened
	err := o.open(&r, &op)
	return op.Recorded, err
}

// codec knows the forms of a build. There is one in a program; tests make others.
type codec struct {
	kinds  map[string]*kind
	format int  // the newest that the build knows
	ids    bool // a record must have the id that its place and bytes make
}

var present = newCodec(domain.EventTypes, changes, Format)

// kind is one type of event: how an empty one is made, and its forms, version 1 first.
type kind struct {
	make  func() domain.Event
	forms []form
	known int // how many of the forms the build knows
}

// form is one version of a type.
type form struct {
	since int                                                // the log format from which on it is written
	read  func(*canon.Decoder, []byte) (domain.Event, error) // nil: the bytes are those of the present event
	write func(domain.Event) any                             // nil with read: no longer written
}

// newCodec makes the codec of a build that knows formats up to the given one. Types come with their changes, oldest first.
func newCodec(types map[string]func() domain.Event, changes []change, format int) *codec {
	c := &codec{kinds: map[string]*kind{}, format: format}
	for name, make := range types {
		c.kinds[name] = &kind{make: make, forms: []form{{since: domain.FirstFormat}}, known: 1}
	}
	for _, ch := range changes {
		k := c.kinds[ch.Type]
		last := &k.forms[len(k.forms)-1]
		last.read, last.write = ch.read, ch.write
		k.forms = append(k.forms, form{since: ch.Since})
		if ch.Since <= format {
			k.known = len(k.forms)
		}
	}
	return c
}

// body is what an event looks like in a log of a format: its version, and the value to be written.
func (k *kind) body(e domain.Event, format int) (v int, body any, err error) {
	for v = k.known; k.forms[v-1].since > format; {
		v--
	}
	f := &k.forms[v-1]
	switch {
	case f.read == nil:
		return v, e, nil
	case f.write == nil:
		return v, nil, fmt.Errorf("this build no longer writes version %d, which a log of format %d needs: raise its format with an earlier build", v, format)
	}
	return v, f.write(e), nil
}

// encode makes the record of an event for a log of a format.
func (c *codec) encode(m domain.Meta, e domain.Event, format int) (Record, error) {
	if e == nil || c.kinds[e.EventType()] == nil {
		return Record{}, fmt.Errorf("encode revision %d: %T is not an event of this build", m.Rev, e)
	}
	v, body, err := c.kinds[e.EventType()].body(e, format)
	if err != nil {
		return Record{}, fmt.Errorf("encode revision %d, %s: %w", m.Rev, e.EventType(), err)
	}
	data, err := canon.Append(nil, body)
	if err != nil {
		return Record{}, fmt.Errorf("encode revision %d, %s: %w", m.Rev, e.EventType(), err)
	}
	m.ID, m.Type, m.V = domain.NewEventID(m.Portfolio, m.Rev, data), e.EventType(), v
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
	since      int // the log format that the record's form came with
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
	return o.event(r.Data, into)
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

// event decodes data into the present event.
func (o *opener) event(data []byte, into *opened) (err error) {
	m := &into.Meta
	k := o.codec.kinds[m.Type]
	if k == nil || m.V < 1 || m.V > k.known {
		return &UnknownEvent{m.Rev, m.Type, m.V, m.Build}
	}
	f := &k.forms[m.V-1]
	if into.since = f.since; f.read != nil {
		into.Event, err = f.read(&o.dec, data)
	} else {
		into.Event = k.make()
		err = o.dec.Decode(data, into.Event)
	}
	if err != nil {
		return &Corrupt{m.Rev, fmt.Sprintf("%s version %d, written by build %s, cannot be read: %v", m.Type, m.V, m.Build, err)}
	}
	if f, ok := into.Event.(*domain.FormatRaised); ok && f.To > o.codec.format {
		return &UnknownEvent{m.Rev, m.Type, f.To, m.Build}
	}
	return nil
}
