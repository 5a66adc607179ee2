package localcopy

import (
	"bytes"
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
}

// prevKey stands before the previous hash, which ends every metadata.
var prevKey = []byte(`","prev":"`)

func (c *chain) check(recs []eventstore.Record) error {
	for i := range recs {
		r := &recs[i]
		if r.Rev != c.next {
			return &damage{c.next, fmt.Sprintf("revision %d stands there", r.Rev)}
		}
		if eventstore.HashOf(r.Meta, r.Data) != r.Hash {
			return &damage{r.Rev, "its bytes do not have its hash"}
		}
		if c.known {
			prev, ok := prevOf(r.Meta)
			if !ok || prev != c.before {
				return &damage{r.Rev, "it does not continue the record before"}
			}
		}
		c.next, c.before, c.known = r.Rev+1, r.Hash, true
	}
	return nil
}

// prevOf cuts the previous hash off the end of the metadata.
func prevOf(meta []byte) (eventstore.Hash, bool) {
	const hex, end = 64, 2
	from := len(meta) - end - hex
	if from < len(prevKey) || !bytes.Equal(meta[from-len(prevKey):from], prevKey) {
		return eventstore.Hash{}, false
	}
	h, err := eventstore.ParseHash(string(meta[from : from+hex]))
	return h, err == nil
}
