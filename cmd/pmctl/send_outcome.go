package main

import (
	"errors"
	"fmt"
	"sync"

	"pm/projections"
)

// The outcomes of a signal that did not get one of the webhook's own (accepted, rejected, duplicate).
const (
	statusRefused    = "refused"    // the service will never take these bytes: form, secret, id conflict, size
	statusUnanswered = "unanswered" // nobody knows whether it was taken
	statusNotSent    = "not_sent"
)

// outcome is what became of one signal.
type outcome struct {
	File       string                `json:"file"`
	Line       int                   `json:"line"`
	Type       string                `json:"type,omitempty"`
	Instrument string                `json:"instrument,omitempty"`
	Status     string                `json:"status"`
	HTTP       int                   `json:"http,omitempty"` // of the last attempt
	Attempts   int                   `json:"attempts"`
	SignalID   string                `json:"signal_id,omitempty"`
	Revision   *uint64               `json:"revision,omitempty"`
	First      *uint64               `json:"first_revision,omitempty"` // of a duplicate
	FirstState string                `json:"first_status,omitempty"`
	Decision   *projections.Decision `json:"decision,omitempty"` // of a duplicate: the first one's
	Reasons    []projections.Reason  `json:"reasons,omitempty"`
	Code       string                `json:"code,omitempty"`
	Message    string                `json:"message,omitempty"`
	position   string
}

func (j *job) outcome() *outcome {
	return &outcome{File: j.file, Line: j.line, Type: j.kind, Instrument: j.instrument, position: j.position}
}

func (o *outcome) failed(status, message string) *outcome {
	o.Status, o.Message = status, message
	return o
}

func (o *outcome) unanswered(message string) *outcome { return o.failed(statusUnanswered, message) }

// take copies the webhook's answer.
func (o *outcome) take(a *answer) {
	o.Status, o.SignalID, o.Revision, o.First, o.Decision, o.Reasons = a.Status, a.SignalID, a.Revision, a.First, a.Decision, a.Reasons
	o.Code, o.Message = "", ""
	if a.Earlier != nil {
		o.FirstState, o.Decision, o.Reasons = a.Earlier.Status, a.Earlier.Decision, a.Earlier.Reasons
	}
}

// words is the outcome in a line.
func (o *outcome) words() string {
	at := ""
	switch {
	case o.Revision != nil:
		at = fmt.Sprintf(" at revision %d", *o.Revision)
	case o.First != nil:
		at = fmt.Sprintf(" of revision %d", *o.First)
	}
	text := o.Status + at
	if followed := followed(o.Decision, o.Reasons); followed != "" {
		text += ": " + followed
	}
	if o.Message != "" {
		text += ": " + o.Message
	}
	if o.Attempts > 1 {
		text += fmt.Sprintf(" [%d attempts]", o.Attempts)
	}
	return text
}

// summary counts outcomes.
type summary struct {
	Signals    int `json:"signals"`
	Accepted   int `json:"accepted"`
	Rejected   int `json:"rejected"`
	Duplicates int `json:"duplicates"`
	Refused    int `json:"refused"`
	Unanswered int `json:"unanswered"`
	NotSent    int `json:"not_sent"`
	Attempts   int `json:"attempts"`
}

// outcomes prints what comes in, from any sender, and counts it.
type outcomes struct {
	c        *cli
	mu       sync.Mutex
	sum      summary
	kept     []any // json and yaml are one document at the end
	progress *progress
	failed   error // of writing
}

func newOutcomes(c *cli, total int) *outcomes {
	o := &outcomes{c: c, kept: []any{}, progress: c.quiet()}
	if !c.outTerminal {
		o.progress = c.progress("signals", uint64(total))
	}
	return o
}

func (s *outcomes) add(o *outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum.count(o)
	s.progress.step(1)
	switch s.c.form {
	case formJSON, formYAML:
		s.kept = append(s.kept, o)
	case formNDJSON:
		text, err := compact(o)
		if err == nil {
			err = write(s.c.out, text)
		}
		s.failed = errors.Join(s.failed, err)
	default:
		_, err := fmt.Fprintf(s.c.out, "%s:%-5d %-11s %-12s %-8s %s\n", o.File, o.Line, o.Type, o.Instrument, o.position, o.words())
		s.failed = errors.Join(s.failed, err)
	}
}

func (s *summary) count(o *outcome) {
	s.Signals++
	s.Attempts += o.Attempts
	switch o.Status {
	case "accepted":
		s.Accepted++
	case "rejected":
		s.Rejected++
	case "duplicate":
		s.Duplicates++
	case statusRefused:
		s.Refused++
	case statusNotSent:
		s.NotSent++
	default:
		s.Unanswered++
	}
}

// finish prints the summary and gives the error that the whole ends in.
func (s *outcomes) finish() error {
	s.progress.done()
	n := s.sum
	words := fmt.Sprintf("%s: %d accepted, %d rejected, %s, %d refused, %d unanswered, %d not sent; %s",
		counted(n.Signals, "signal"), n.Accepted, n.Rejected, counted(n.Duplicates, "duplicate"), n.Refused, n.Unanswered, n.NotSent, counted(n.Attempts, "attempt"))
	err := s.failed
	switch s.c.form {
	case formJSON, formYAML:
		err = errors.Join(err, s.c.show(document{{"outcomes", s.kept}, {"summary", n}}, nil, nil))
	case formNDJSON:
		fmt.Fprintln(s.c.errs, words)
	default:
		err = errors.Join(err, write(s.c.out, []byte(words+"\n")))
	}
	switch {
	case err != nil:
		return err
	case n.Unanswered+n.NotSent > 0:
		return fmt.Errorf("not answered: %s, not sent: %d", counted(n.Unanswered, "signal"), n.NotSent)
	case n.Refused > 0:
		return refused(fmt.Errorf("refused for good: %s", counted(n.Refused, "signal")))
	}
	return nil
}
