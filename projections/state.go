package projections

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"pm/domain"
	"pm/eventstore"
)

// Head is the last event of a log: what an answer was read at.
type Head struct {
	Revision uint64 // of the last event; 0 with an empty Hash where there is none yet
	Hash     string // hex
}

// HeadOf turns the end of a log, which names the next revision, into its last event.
func HeadOf(h eventstore.Head) Head {
	if h.Next == 0 {
		return Head{}
	}
	return Head{Revision: h.Next - 1, Hash: h.Hash.String()}
}

// StateDocument is the whole state on one line that ends in a newline:
//
//	{"revision":R,"digest":"<hex SHA-256 of state>","state":<canonical JSON>}
//
// R is the revision of the last event applied, -1 before the first. The API's state and `pmctl replay --state` both print
// exactly this, so two of them at the same revision are compared byte by byte.
func StateDocument(s *domain.State) []byte {
	state := s.Canonical()
	sum := sha256.Sum256(state)
	out := make([]byte, 0, len(state)+128)
	out = append(out, `{"revision":`...)
	out = strconv.AppendInt(out, int64(s.Events)-1, 10)
	out = append(out, `,"digest":"`...)
	out = hex.AppendEncode(out, sum[:])
	out = append(out, `","state":`...)
	out = append(out, state...)
	return append(out, "}\n"...)
}
