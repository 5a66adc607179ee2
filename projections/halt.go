package projections

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"pm/eventstore"
)

// The codes with which a start ends because the log cannot be trusted or read, or says something else than the snapshot. The runbook
// has an entry for each.
const (
	CodeDataCorrupt           = "DATA_CORRUPT"
	CodeUnknownEvent          = "UNKNOWN_EVENT"
	CodeValidationFailed      = "VALIDATION_FAILED"
	CodeEventstoreUnavailable = "EVENTSTORE_UNAVAILABLE"
)

// The codes of what a start warns of and goes on: the log alone says what is held.
const (
	CodeSnapshotMissing  = "SNAPSHOT_MISSING"
	CodeSnapshotOutdated = "SNAPSHOT_OUTDATED"
	CodeSnapshotNewer    = "SNAPSHOT_NEWER"
	CodeDBUnavailable    = "DB_UNAVAILABLE"
)

// Halt ends a start: the log cannot be trusted or not be read. Nothing was written.
type Halt struct {
	Code     string
	Revision uint64 // the record at fault; meaningful for DATA_CORRUPT and UNKNOWN_EVENT
	Hint     string // what a person does next, with the command to run; "--data DIR" in it stands for where the log is
	Err      error
	Report   *Report // of a recovery: what was read and found
}

// Error begins with the code, which the log's own errors have already: at their beginning, or behind what was being done.
func (h *Halt) Error() string {
	return h.Code + ": " + strings.Replace(h.Err.Error(), h.Code+": ", "", 1)
}

// Unwrap gives the cause.
func (h *Halt) Unwrap() error { return h.Err }

// halted turns what stopped a replay into what a person is told.
func halted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("recovery: %w", ctx.Err())
	}
	var corrupt *eventstore.Corrupt
	var unknown *eventstore.UnknownEvent
	switch {
	case errors.As(err, &corrupt):
		return &Halt{
			Code: CodeDataCorrupt, Revision: corrupt.Rev, Err: err,
			Hint: fmt.Sprintf("the log was damaged or changed at revision %d and is never mended: keep the folder as it is, look at it with "+
				"`pmctl log info --data DIR`, and restore a copy that this command finds sound", corrupt.Rev),
		}
	case errors.As(err, &unknown):
		return &Halt{
			Code: CodeUnknownEvent, Revision: unknown.Rev, Err: err,
			Hint: fmt.Sprintf("a newer build wrote this log: start build %s or a later one (`pmctl log info --data DIR` shows who wrote)", unknown.Build),
		}
	}
	return &Halt{
		Code: CodeEventstoreUnavailable, Err: fmt.Errorf("read the log: %w", err),
		Hint: "without the log nothing is known: see whether the folder and its disk can be read, `pmctl log info --data DIR`, then start again",
	}
}
