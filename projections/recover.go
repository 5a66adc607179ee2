package projections

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"pm/domain"
	"pm/eventstore"
)

// The codes with which a start ends because the log cannot be trusted or read. The runbook has an entry for each.
const (
	CodeDataCorrupt           = "DATA_CORRUPT"
	CodeUnknownEvent          = "UNKNOWN_EVENT"
	CodeEventstoreUnavailable = "EVENTSTORE_UNAVAILABLE"
)

// SnapshotNone is Report.Snapshot where no snapshot is configured.
const SnapshotNone = "none"

// recoveryGC is the garbage collector's target while a log is folded: nearly everything that a replay makes is garbage at once, and
// collecting it at the usual pace costs a third of the rate.
const recoveryGC = 800

// Halt ends a start: the log cannot be trusted or not be read. Nothing was written.
type Halt struct {
	Code     string
	Revision uint64 // the record at fault; meaningful for DATA_CORRUPT and UNKNOWN_EVENT
	Hint     string // what a person does next, with the command to run; "--data DIR" in it stands for where the log is
	Err      error
}

// Error begins with the code.
func (h *Halt) Error() string {
	text := h.Err.Error()
	if len(text) >= len(h.Code) && text[:len(h.Code)] == h.Code {
		return text // the log's own errors begin with it already
	}
	return h.Code + ": " + text
}

// Unwrap gives the cause.
func (h *Halt) Unwrap() error { return h.Err }

// Report is what a recovery read and found. It is kept as a file; its digest goes into the log.
type Report struct {
	Portfolio       domain.PortfolioID `json:"portfolio"`
	Instance        string             `json:"instance"` // of the start
	Build           string             `json:"build"`
	Started         time.Time          `json:"started"`
	Finished        time.Time          `json:"finished"`
	Seconds         float64            `json:"seconds"`
	Events          uint64             `json:"events"`
	EventsPerSecond float64            `json:"events_per_second"`
	HeadRevision    uint64             `json:"head_revision"` // of the last event; 0 with an empty head_hash where there is none
	HeadHash        string             `json:"head_hash"`
	StateDigest     string             `json:"state_digest"`
	Snapshot        string             `json:"snapshot"` // what comparing with the snapshot gave: none
	Findings        []string           `json:"findings"` // what was noticed and did not stop the start
}

// JSON is the report as its file holds it.
func (r *Report) JSON() []byte {
	out, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic("a recovery report cannot be written: " + err.Error()) // it holds texts and numbers only
	}
	return append(out, '\n')
}

// Recovery is a state as the log has it, and where the log ends.
type Recovery struct {
	State  *domain.State
	Head   eventstore.Head
	Report Report // Instance and Build are the caller's to fill in
}

// Recover folds a log from zero, checking every record, and writes nothing. An empty log gives an empty state. The error is *Halt, or
// the context's if it ended first.
func Recover(ctx context.Context, log eventstore.Log) (*Recovery, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(recoveryGC))
	started := time.Now()
	state := domain.NewState()
	head, err := eventstore.Replay(ctx, log, 0, func(r domain.Recorded, _ eventstore.Hash) error {
		if err := state.Apply(r); err != nil {
			return &eventstore.Corrupt{Rev: r.Rev, Reason: fmt.Sprintf("%s cannot be applied: %v", r.Type, err)}
		}
		return nil
	})
	if err != nil {
		return nil, halted(ctx, err)
	}
	finished := time.Now()
	last := HeadOf(head)
	seconds := finished.Sub(started).Seconds()
	report := Report{
		Portfolio: log.Portfolio(), Started: started.UTC(), Finished: finished.UTC(), Seconds: seconds, Events: head.Next,
		HeadRevision: last.Revision, HeadHash: last.Hash, StateDigest: state.Digest(), Snapshot: SnapshotNone, Findings: []string{},
	}
	if seconds > 0 {
		report.EventsPerSecond = float64(head.Next) / seconds
	}
	return &Recovery{State: state, Head: head, Report: report}, nil
}

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
