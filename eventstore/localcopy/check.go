package localcopy

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"pm/eventstore"
)

// damage says that a copy is not what its chain says.
type damage struct {
	rev    uint64
	reason string
}

// Error names the revision.
func (d *damage) Error() string { return fmt.Sprintf("revision %d: %s", d.rev, d.reason) }

// chain checks records in their order: each one's bytes against its hash, and its hash against the next record. It looks at nothing
// else: the readers' Verifier does, and the remote log's records were checked before they were kept.
type chain struct {
	next   uint64
	before eventstore.Hash
	known  bool // before is known

	buf []byte   // what is hashed; used again, since this runs for every record of a start
	hex [64]byte // before in text
}

// prevKey stands before the previous hash, which ends every metadata.
var prevKey = []byte(`","prev":"`)

func (c *chain) check(recs []eventstore.Record) error {
	for i := range recs {
		r := &recs[i]
		if r.Rev != c.next {
			return &damage{c.next, fmt.Sprintf("revision %d stands there", r.Rev)}
		}
		if c.hashOf(r) != r.Hash {
			return &damage{r.Rev, "its bytes do not have its hash"}
		}
		if c.known && !c.continued(r.Meta) {
			return &damage{r.Rev, "it does not continue the record before"}
		}
		c.next, c.before, c.known = r.Rev+1, r.Hash, true
	}
	return nil
}

// continued says whether metadata ends in the hash of the record before.
func (c *chain) continued(meta []byte) bool {
	const end = 2 // "}
	from := len(meta) - end - len(c.hex)
	if from < len(prevKey) || !bytes.Equal(meta[from-len(prevKey):from], prevKey) {
		return false
	}
	hex.Encode(c.hex[:], c.before[:])
	return bytes.Equal(meta[from:from+len(c.hex)], c.hex[:])
}

// hashOf is eventstore.HashOf without a piece of memory for each record.
func (c *chain) hashOf(r *eventstore.Record) eventstore.Hash {
	c.buf = binary.BigEndian.AppendUint32(c.buf[:0], uint32(len(r.Meta)))
	c.buf = append(c.buf, r.Meta...)
	c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(len(r.Data)))
	c.buf = append(c.buf, r.Data...)
	return sha256.Sum256(c.buf)
}
