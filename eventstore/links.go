package eventstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Links checks records in the order of their log: each one's bytes against its hash, and its hash against the record after. It decodes
// nothing, so it is far cheaper than a Verifier, and leaves to one whatever the chain does not say: types, versions, times, epochs. It is for
// whoever keeps or hands on records that a reader will verify. One goroutine owns it.
type Links struct {
	head  Head
	known bool // the hash before the next record is head's

	buf []byte                // what is hashed; used again, since this runs for every record
	hex [2 * sha256.Size]byte // head's hash in text
}

// NewLinks expects the record that continues a head.
func NewLinks(at Head) *Links { return &Links{head: at, known: true} }

// NewLinksAt expects the record of a revision, whose link to the one before it is taken on trust.
func NewLinksAt(rev uint64) *Links { return &Links{head: Head{Next: rev}} }

// Head is what the records so far end in.
func (l *Links) Head() Head { return l.head }

// prevKey stands before the previous hash, which ends every metadata.
var prevKey = []byte(`","prev":"`)

// Check takes the next records. After an error, which is *Corrupt, it stands before the record at fault.
func (l *Links) Check(recs []Record) error {
	for i := range recs {
		r := &recs[i]
		if r.Rev != l.head.Next {
			return &Corrupt{l.head.Next, fmt.Sprintf("revision %d stands there", r.Rev)}
		}
		var hash Hash
		if l.buf, hash = hashOf(l.buf, r.Meta, r.Data); hash != r.Hash {
			return &Corrupt{r.Rev, "its bytes do not have its hash"}
		}
		if l.known && !l.continued(r.Meta) {
			return &Corrupt{r.Rev, "it does not continue the record before"}
		}
		l.head, l.known = r.After(), true
	}
	return nil
}

// continued says whether metadata ends in the hash of the record before.
func (l *Links) continued(meta []byte) bool {
	from := len(meta) - len(`"}`) - len(l.hex)
	if from < len(prevKey) || !bytes.Equal(meta[from-len(prevKey):from], prevKey) {
		return false
	}
	hex.Encode(l.hex[:], l.head.Hash[:])
	return bytes.Equal(meta[from:from+len(l.hex)], l.hex[:])
}
