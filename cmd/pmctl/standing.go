package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// standingFile is where pm says in its data folder what the last start is doing, or how it ended.
const standingFile = "status.json"

// maxStanding is the most bytes of that file; more is none.
const maxStanding = 1 << 20

// The states of an instance, as pm writes them; gone is what pm cannot write.
const (
	standingRecovering = "recovering"
	standingActive     = "active"
	standingStopped    = "stopped"
	standingCrashed    = "crashed"
	standingGone       = "gone"
)

// standing is how the last start of an instance stands.
type standing struct {
	Instance string    `json:"instance"`
	Build    string    `json:"build"`
	PID      int       `json:"pid"`
	Listen   string    `json:"listen,omitempty"`
	Status   string    `json:"status"` // recovering, active, stopped, crashed; gone: its process no longer runs and said no word
	Since    time.Time `json:"since"`
	Code     string    `json:"code,omitempty"` // of a crash; the runbook has an entry for each
	Message  string    `json:"message,omitempty"`
	Hint     string    `json:"hint,omitempty"`
}

// standing reads the file of the data folder; nil where there is none: pm never ran there, or an older build did.
func (c *cli) standing() (*standing, error) {
	if remote(c.eventstore) && c.data == "" {
		return nil, nil // a log across the wire stands in no data folder
	}
	data, err := c.dataDir()
	if err != nil {
		return nil, err
	}
	name := filepath.Join(data, standingFile)
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && info.Size() > maxStanding {
		return nil, fmt.Errorf("%s is no status of pm: it has %d bytes", name, info.Size())
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var s standing
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("%s is no status of pm: %w", name, err)
	}
	if (s.Status == standingActive || s.Status == standingRecovering) && !running(s.PID) {
		s.Message = fmt.Sprintf("it was %s, and its process %d does not run on this machine: it was killed, or the machine went down", s.Status, s.PID)
		s.Hint = "start pm again: a start recovers whatever was under way"
		s.Status = standingGone
	}
	return &s, nil
}

// running says whether a process with this id is there. It may be another one: ids are used again.
func running(pid int) bool {
	process, err := os.FindProcess(pid)
	if err != nil || pid <= 0 {
		return false
	}
	err = process.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}

// table says in a row how it stands, and below what a person does about it.
func (s *standing) table(t *table) {
	text := fmt.Sprintf("%s since %s IST (%s, build %s)", s.Status, clock(s.Since), s.Instance, s.Build)
	if s.Status == standingActive || s.Status == standingRecovering {
		text = fmt.Sprintf("%s since %s IST (%s, process %d, %s, build %s)", s.Status, clock(s.Since), s.Instance, s.PID, s.Listen, s.Build)
	}
	t.row("instance", text)
	switch s.Status {
	case standingActive, standingStopped:
		t.paint(1, colorGood)
	case standingCrashed, standingGone:
		t.paint(1, colorBad)
	}
	if s.Message != "" {
		t.foot = append(t.foot, s.Message)
	}
	if s.Hint != "" {
		t.foot = append(t.foot, "hint: "+s.Hint)
	}
}
