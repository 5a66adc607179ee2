package domain

import (
	"crypto/sha256"
	"encoding/hex"

	"pm/domain/canon"
)

// Canonical is the state as canonical JSON: the same state has the same bytes in every process. What is remembered of the last days
// stands in it as counts and a hash.
func (s *State) Canonical() []byte {
	s.Recent.seal()
	out, err := canon.Append(nil, s)
	if err != nil {
		panic("the state has a form that cannot be written: " + err.Error()) // a defect of this build, found by its first test
	}
	return out
}

// Digest is the hex SHA-256 of Canonical.
func (s *State) Digest() string {
	sum := sha256.Sum256(s.Canonical())
	return hex.EncodeToString(sum[:])
}
