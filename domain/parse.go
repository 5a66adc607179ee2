package domain

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"pm/domain/canon"
)

// Problem is one fault of form: what is wrong with which field, and what to send instead. It never quotes a value,
// so no secret can stand in it.
type Problem struct {
	Code    string `json:"code"`            // BadJSON, MissingField or InvalidField
	Field   string `json:"field,omitempty"` // for example "indicators.atr"; empty for the body as a whole
	Message string `json:"message"`
}

// The codes of a problem.
const (
	BadJSON      = "bad_json"      // not JSON, not one object, or a key given twice
	MissingField = "missing_field" // absent or null
	InvalidField = "invalid_field" // of another type or outside its limits
)

// ParseSignal reads a sender's body. It decides nothing: what breaks the form becomes a Problem (all of them are
// listed, and then the Submission is empty), everything else is for Decide. The body's size is bounded by the caller.
//
// An EXIT gets through with less: only a body that is not JSON, or a fault of type, instrument or a missing position,
// stops it. Any other fault is put into Submission.Flags and its field left empty, because an exit that is not
// carried out costs more than an exit without a price. A position that names no layer is left empty and flagged
// for Decide to refuse; an unreadable or missing time becomes receivedAt.
//
// The second answer is the member "secret", empty if there is none or if it is no string; it is given even where there
// are problems, and it is cut out of Submission.Raw. Of a body that is not JSON it is what was read whole of it: a chart
// can send its secret nowhere else, and a NaN must not make a stranger of it.
func ParseSignal(body []byte, receivedAt time.Time) (Submission, string, []Problem) {
	src := string(body)
	root, duplicates, fault := readJSON(src)
	if fault != nil {
		return Submission{}, secretOf(&root), []Problem{{Code: BadJSON, Field: fault.path, Message: "the body is not JSON: " + fault.Error()}}
	}
	if root.kind != jsonObject {
		return Submission{}, "", []Problem{{Code: BadJSON, Message: "send one JSON object, for example " +
			`{"type":"EXIT","instrument":"BANK_NIFTY","position":"ALL"}`}}
	}
	f := &form{root: &root, duplicates: duplicates, receivedAt: receivedAt.UTC()}
	sub := f.submission()
	secret := secretOf(&root)
	if len(f.problems) > 0 {
		return Submission{}, secret, f.problems
	}
	sub.Flags = f.flags
	sub.Raw = cutMember(src, root.members, "secret")
	return sub, secret, nil
}

// secretOf is the secret as sent; a secret of another type is no secret, and one given twice is none either.
func secretOf(root *jsonValue) string {
	secret, times := "", 0
	for _, m := range root.members {
		if m.key == "secret" {
			times++
			secret = m.value.text
			if m.value.kind != jsonString {
				secret = ""
			}
		}
	}
	if times > 1 {
		return ""
	}
	return secret
}

// cutMember takes a member out of an object's text, with one comma and the white space around that comma,
// and leaves every other byte as it was.
func cutMember(src string, members []jsonMember, key string) string {
	i := slices.IndexFunc(members, func(m jsonMember) bool { return m.key == key })
	switch {
	case i < 0:
		return src
	case i+1 < len(members):
		return src[:members[i].start] + src[members[i+1].start:]
	case i > 0:
		return src[:members[i-1].end] + src[members[i].end:]
	default:
		return src[:members[i].start] + src[members[i].end:]
	}
}

// ID is the sender's id, else a hash over instrument, type, position and instant.
func (s Submission) ID() SignalID {
	if s.ClientID != "" {
		return SignalID(s.ClientID)
	}
	return DerivedSignalID(&s.Signal)
}

// Content is the signal's Content, without the time where the sender gave none that could be read: the moment of
// receipt is not what was sent, and a repeat of the same bytes must show the same content.
func (s Submission) Content() string {
	sig := s.Signal
	if slices.ContainsFunc(s.Flags, func(f string) bool { return strings.HasPrefix(f, "timestamp: ") }) {
		sig.Timestamp = time.Time{}
	}
	return sig.Content()
}

// Content is the hex SHA-256 of what the signal says: equal for two bodies that mean the same (1.50 and "1.5", the
// same instant in two zones, layers in another order), different as soon as one of its figures differs.
func (s *Signal) Content() string {
	sorted := *s
	sorted.Position = slices.Sorted(slices.Values(s.Position))
	text, err := canon.Append(nil, &sorted)
	if err != nil {
		// Nothing in a Signal can fail to encode; going on with an empty hash would make every signal a repeat of every other.
		panic(fmt.Sprintf("encode a signal: %v", err))
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
