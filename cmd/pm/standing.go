package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"pm/api"
	"pm/cmd/internal/durable"
)

// standingFile says in the data folder what the last start is doing, or how it ended: for whoever comes when nothing answers any more.
const standingFile = "status.json"

// The states of an instance, the same words as the API's.
const (
	recoveringStatus = api.Recovering
	standingActive   = api.Active
	standingStopped  = "stopped"
	standingCrashed  = api.Crashed
)

// standing is the content of the file.
type standing struct {
	Instance string    `json:"instance"`
	Build    string    `json:"build"`
	PID      int       `json:"pid"`
	Listen   string    `json:"listen,omitempty"`
	Status   string    `json:"status"` // recovering, active, stopped, crashed
	Since    time.Time `json:"since"`
	Code     string    `json:"code,omitempty"` // of a crash; the runbook has an entry for each
	Message  string    `json:"message,omitempty"`
	Hint     string    `json:"hint,omitempty"`
}

// stand writes the file. It is for people: that it cannot be written stops nothing.
func (s *service) stand(status string, h *halt) {
	if s.cfg.EventStore.Memory || !s.owns {
		return // a process that did not get the log must not speak for the one that has it
	}
	now := standing{Instance: s.instance, Build: s.p.build, PID: os.Getpid(), Status: status, Since: time.Now().UTC()}
	if s.web != nil {
		now.Listen = s.web.address
	}
	if h != nil {
		now.Code, now.Message, now.Hint = h.Code, h.Error(), h.Hint
	}
	text, err := json.MarshalIndent(now, "", "  ")
	if err == nil {
		err = durable.Write(filepath.Join(s.cfg.Data, standingFile), append(text, '\n'))
	}
	if err != nil {
		s.log.Warn("the status file could not be written", "error", err)
	}
}

// crashed says how the start or the service ended, while the port still answers. An error without a code is a defect of this program.
func (s *service) crashed(err error) error {
	if err == nil {
		s.stand(standingStopped, nil)
		return nil
	}
	var h *halt
	if !errors.As(err, &h) {
		h = &halt{Code: codeDefect, Err: err, Hint: "keep the data folder and report this; the next start is the same recovery"}
		err = h
	}
	if s.web != nil {
		s.web.api.SetStatus(standingCrashed, h.Error())
	}
	s.keep(h.Report)
	s.stand(standingCrashed, h)
	return err
}
