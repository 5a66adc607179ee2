package eventstore

import (
	"bytes"
	"strconv"

	"pm/domain"
	"pm/domain/canon"
)

// The fixed pieces of the metadata, and the lengths of an id and of a hash in text.
const (
	metaID    = `{"id":"`
	metaType  = `","type":"`
	metaAt    = `,"at":`
	metaCorr  = `,"corr":"`
	metaCause = `","cause":"`
	metaEnd   = `"}`
	idLen     = 36
	hashLen   = 64
)

// metaReader reads metadata. A record nearly always has the version, portfolio, epoch, instance and build of its neighbour, so
// those stretches are compared as bytes with the last ones that canon has read, and only the rest is looked at. Whatever does not fit
// goes to canon, which alone decides what is right: the short cut accepts a subset of it, with equal results, as a fuzz test holds.
type metaReader struct {
	same  domain.Meta // what the records so far have in common: version, portfolio, epoch, instance, build; and the last ids
	front string      // from behind the type to before the revision
	back  string      // from behind the cause to before the previous hash
	ids   [idLen + hashLen]byte
}

// read decodes metadata exactly as canon does.
func (m *metaReader) read(dec *canon.Decoder, data []byte, into *domain.Meta) error {
	if m.front != "" && m.quick(dec, data, into) {
		return nil
	}
	if err := dec.Decode(data, into); err != nil {
		return err
	}
	return m.learn(into)
}

// learn writes down the stretches that the next records will most likely repeat.
func (m *metaReader) learn(from *domain.Meta) (err error) {
	m.same = *from
	if !canon.Plain([]byte(from.Corr)) || !canon.Plain([]byte(from.Cause)) {
		m.same.Corr, m.same.Cause = "", "" // pick compares with what stands for itself
	}
	front := append([]byte(`","v":`), strconv.Itoa(from.V)...)
	if front, err = canon.Append(append(front, `,"portfolio":`...), from.Portfolio); err != nil {
		return err
	}
	m.front = string(front) + `,"rev":`
	back := strconv.AppendUint([]byte(`","epoch":`), from.Epoch, 10)
	if back, err = canon.Append(append(back, `,"inst":`...), from.Inst); err != nil {
		return err
	}
	if back, err = canon.Append(append(back, `,"build":`...), from.Build); err != nil {
		return err
	}
	m.back = string(back) + `,"prev":"`
	return nil
}

// quick reads metadata whose stretches are the known ones; false says that canon has to look.
func (m *metaReader) quick(dec *canon.Decoder, data []byte, into *domain.Meta) bool {
	c := cutter{rest: data}
	ok := c.skip(metaID)
	id := c.take(idLen)
	ok = ok && c.skip(metaType)
	kind := c.until('"')
	ok = ok && c.skip(m.front)
	rev, digits := revision(c.until(','))
	ok = ok && digits && c.skip(metaAt)
	at := c.until(',')
	ok = ok && c.skip(metaCorr)
	corr := c.until('"')
	ok = ok && c.skip(metaCause)
	cause := c.until('"')
	ok = ok && c.skip(m.back)
	prev := c.take(hashLen)
	if !ok || string(c.rest) != metaEnd || !canon.Plain(id) || !canon.Plain(kind) || !canon.Plain(prev) {
		return false
	}
	t, err := canon.ParseTime(at)
	if err != nil {
		return false
	}
	both := string(append(append(m.ids[:0], id...), prev...)) // one piece of memory for two texts
	*into = m.same
	into.Rev, into.At, into.Type, into.ID, into.Prev = rev, t, dec.Memory.Text(kind), domain.EventID(both[:idLen]), both[idLen:]
	into.Corr, ok = pick(corr, into.ID, m.same.Corr)
	into.Cause, digits = pick(cause, into.Corr, m.same.Cause)
	if !ok || !digits {
		return false
	}
	m.same.Corr, m.same.Cause = into.Corr, into.Cause
	return true
}

// pick gives the id that raw spells, one of the two if it is one: chains repeat their ids, and this saves looking at them and copying
// them. False says that raw is not plain.
func pick(raw []byte, a, b domain.EventID) (domain.EventID, bool) {
	switch {
	case string(raw) == string(a):
		return a, true
	case string(raw) == string(b):
		return b, true
	}
	return domain.EventID(raw), canon.Plain(raw)
}

// cutter takes bytes apart from the front.
type cutter struct{ rest []byte }

// skip moves past s, if s comes next.
func (c *cutter) skip(s string) bool {
	if len(c.rest) < len(s) || string(c.rest[:len(s)]) != s {
		return false
	}
	c.rest = c.rest[len(s):]
	return true
}

// take cuts n bytes, or none if there are fewer.
func (c *cutter) take(n int) []byte {
	if len(c.rest) < n {
		return nil
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

// until cuts what stands before the next end, or nothing if there is none.
func (c *cutter) until(end byte) []byte { return c.take(max(0, bytes.IndexByte(c.rest, end))) }

// maxDigits is how many digits surely fit a uint64.
const maxDigits = 19

// revision reads 0|[1-9][0-9]* of at most maxDigits.
func revision(b []byte) (n uint64, ok bool) {
	if len(b) == 0 || len(b) > maxDigits || b[0] == '0' && len(b) > 1 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}
