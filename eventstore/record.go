package eventstore

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"pm/domain"
)

// Format is the newest log format that this build reads and writes.
const Format = domain.Format

// Limits of every log. A log refuses what is larger with *TooLarge and stores nothing.
const (
	MaxRecord     = 256 << 10 // bytes of meta and data together
	MaxBatch      = 10_000    // records of one append
	MaxBatchBytes = 32 << 20  // bytes of meta and data of one append
	ChunkRecords  = 512       // records that Read and Follow hand out at once
	ChunkBytes    = 1 << 20   // a chunk ends with the record that reaches this many bytes
)

// Hash is a SHA-256.
type Hash [sha256.Size]byte

// String is the hash in lower-case hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// ParseHash reads 64 lower-case hex digits.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != 2*len(h) {
		return h, fmt.Errorf("a hash has %d hex digits, not %d", 2*len(h), len(s))
	}
	for i := range h {
		hi, lo := hexValue[s[2*i]], hexValue[s[2*i+1]]
		if hi|lo > 15 {
			return h, fmt.Errorf("a hash is written in 0-9 and a-f")
		}
		h[i] = hi<<4 | lo
	}
	return h, nil
}

// hexValue is the value of a lower-case hex digit, 255 for every other byte.
var hexValue = func() (t [256]byte) {
	for c := range t {
		t[c] = 255
	}
	for i, c := range []byte("0123456789abcdef") {
		t[c] = byte(i)
	}
	return t
}()

// Record is one event as it is stored. Meta and Data are shared with the log: nobody changes them.
type Record struct {
	Rev        uint64
	Meta, Data []byte
	Hash       Hash
}

// Size is the bytes that count for the limits.
func (r Record) Size() int { return len(r.Meta) + len(r.Data) }

// Head is the end of a log: how many events it has, which is the revision of the next one, and the hash of the last.
type Head struct {
	Next uint64
	Hash Hash // of an empty log: Genesis
}

// String reads "revision 41 (hash 9f2c...)", or "empty".
func (h Head) String() string {
	if h.Next == 0 {
		return "empty"
	}
	return fmt.Sprintf("revision %d (hash %s)", h.Next-1, h.Hash)
}

// After is the head once r has been appended.
func (r Record) After() Head { return Head{Next: r.Rev + 1, Hash: r.Hash} }

// Genesis is what revision 0 names as the hash before it.
func Genesis(p domain.PortfolioID) Hash { return sha256.Sum256([]byte("pm-log/1/" + string(p))) }

// Empty is the head of a log without events.
func Empty(p domain.PortfolioID) Head { return Head{Hash: Genesis(p)} }

// HashOf is the hash of a record: both byte strings, each behind its length.
func HashOf(meta, data []byte) Hash {
	_, h := hashOf(make([]byte, 0, len(meta)+len(data)+8), meta, data)
	return h
}

// hashOf does the same in a buffer that is used again, since this runs once a record of every read.
func hashOf(buf, meta, data []byte) ([]byte, Hash) {
	buf = binary.BigEndian.AppendUint32(buf[:0], uint32(len(meta)))
	buf = append(buf, meta...)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(data)))
	buf = append(buf, data...)
	return buf, sha256.Sum256(buf)
}
