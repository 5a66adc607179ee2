package eventstore

import (
	"context"
	"errors"
	"fmt"

	"pm/domain"
)

// Log is the port to whatever keeps a portfolio's events. logtest holds the promises that every log keeps.
type Log interface {
	// Portfolio is whose log this is.
	Portfolio() domain.PortfolioID
	// Head is the end of the log now.
	Head(ctx context.Context) (Head, error)
	// Append stores the records whole and durably, or none of them, if the log ends at at. It answers *WrongHead if it
	// does not, *TooLarge or *Corrupt for records that no log may hold, ErrOutcomeUnknown if nobody knows whether they were
	// stored, ErrBroken if the log can no longer be written; after any other error nothing was stored.
	Append(ctx context.Context, at Head, recs []Record) error
	// Read hands out the records from a revision on, in order and in chunks, up to the head at the time of the call.
	// each may keep them but not change them; its error ends the reading and is returned.
	// The records are as stored: Replay and Verifier check them.
	Read(ctx context.Context, from uint64, each func([]Record) error) error
	// Follow does what Read does and goes on with what is appended later, until the context ends; it always returns an error.
	Follow(ctx context.Context, from uint64, each func([]Record) error) error
	// Close ends the use of this log; every later call and every reading under way answers ErrClosed.
	Close() error
}

var (
	// ErrOutcomeUnknown says that nobody knows whether an append was stored: repeat the same records at the same head, or read back.
	ErrOutcomeUnknown = errors.New("the outcome of the append is unknown")
	// ErrClosed says that the log was closed.
	ErrClosed = errors.New("the log is closed")
	// ErrBroken says that a write failed and the log takes no more of them: only a restart finds out what is on the disk.
	ErrBroken = errors.New("the log is broken: a write failed")
	// ErrReadOnly says that the log was opened for reading.
	ErrReadOnly = errors.New("the log was opened read-only")
	// ErrNotEmpty says that an import met events.
	ErrNotEmpty = errors.New("the target of an import must be empty")
)

// WrongHead says that the log does not end where the writer believed: someone else has written.
type WrongHead struct {
	Expected, Actual Head
}

// Error names both heads.
func (e *WrongHead) Error() string {
	return fmt.Sprintf("the log ends at %s, not at %s", e.Actual, e.Expected)
}

// TooLarge says which limit an append met.
type TooLarge struct {
	What     string
	Got, Max int
}

// Error names the limit.
func (e *TooLarge) Error() string {
	return fmt.Sprintf("too large: %s %d, at most %d", e.What, e.Got, e.Max)
}

// Corrupt says that a record is not what the chain says it must be. The log was damaged or changed; it is never mended.
type Corrupt struct {
	Rev    uint64
	Reason string
}

// Error begins with the code that operators know.
func (e *Corrupt) Error() string {
	return fmt.Sprintf("%s: revision %d: %s", e.Code(), e.Rev, e.Reason)
}

// Code is the code under which the runbook explains it.
func (e *Corrupt) Code() string { return "DATA_CORRUPT" }

// UnknownEvent says that a record is sound but newer than this build.
type UnknownEvent struct {
	Rev   uint64
	Type  string
	V     int    // of FormatRaised to a format that this build does not know: that format
	Build string // which wrote it
}

// Error names the build that is needed.
func (e *UnknownEvent) Error() string {
	return fmt.Sprintf("%s: revision %d holds %s version %d, which this build does not know: use build %s or a later one", e.Code(), e.Rev, e.Type, e.V, e.Build)
}

// Code is the code under which the runbook explains it.
func (e *UnknownEvent) Code() string { return "UNKNOWN_EVENT" }
