package signature

import (
	"crypto/sha256"
	"encoding/hex"

	"pm/domain"
	"pm/eventstore"
)

// Format is the form of the side file.
const Format = "pm-sig/1"

// The forms of what is signed.
const (
	OfExport = eventstore.ExportFormat // an export of the log, by its head
	OfReport = "pm-recovery/1"         // a recovery report, by its bytes
	OfPin    = "pm-pin/1"              // the head of a log at some moment, kept outside the log
)

// Suffix is what the name of a side file has behind the name of its file.
const Suffix = ".sig"

// Statement is what a signature covers. Of a log it names the portfolio, the last revision and its hash, of another file the bytes.
type Statement struct {
	Format       string             `json:"format"`
	Of           string             `json:"of"`
	Portfolio    domain.PortfolioID `json:"portfolio,omitempty"`
	HeadRevision uint64             `json:"head_revision,omitempty"` // left out where it is 0
	HeadHash     string             `json:"head_hash,omitempty"`     // 64 hex digits
	Bytes        uint64             `json:"bytes,omitempty"`         // the length of the file
	SHA256       string             `json:"sha256,omitempty"`        // of the file, 64 hex digits
	KeyID        KeyID              `json:"key_id"`
}

// OfLog speaks of a log up to its head, in the form of an export. A log without events ends at revision 0 with the hash before it.
func OfLog(p domain.PortfolioID, head eventstore.Head) Statement { return ofHead(OfExport, p, head) }

// OfHead speaks of the head that a log had.
func OfHead(p domain.PortfolioID, head eventstore.Head) Statement { return ofHead(OfPin, p, head) }

func ofHead(of string, p domain.PortfolioID, head eventstore.Head) Statement {
	return Statement{Format: Format, Of: of, Portfolio: p, HeadRevision: max(head.Next, 1) - 1, HeadHash: head.Hash.String()}
}

// OfFile speaks of a whole file.
func OfFile(of string, content []byte) Statement {
	sum := sha256.Sum256(content)
	return Statement{Format: Format, Of: of, Bytes: uint64(len(content)), SHA256: hex.EncodeToString(sum[:])}
}

// By is the statement as the holder of a key makes it.
func (s Statement) By(id KeyID) Statement {
	s.KeyID = id
	return s
}
