package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"

	"pm/cmd/internal/installation"
	"pm/domain/engine"
	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/sqlite"
	"pm/projections"
)

// halt ends the process with exit code 1: its text and its hint are the last lines that the operator sees.
type halt = projections.Halt

// The codes of a halt beside those of a recovery.
const (
	codeLogLocked         = "LOG_LOCKED"
	codeWrongPortfolio    = "WRONG_PORTFOLIO"
	codeLogWriteFailed    = "LOG_WRITE_FAILED"
	codeOtherWriter       = "OTHER_WRITER"
	codeBrokerUnavailable = "BROKER_UNAVAILABLE"
	codeBrokerMismatch    = "BROKER_MISMATCH"
	codeListenFailed      = "LISTEN_FAILED"
	codeDataFolder        = "DATA_FOLDER"
	codeDefect            = "DEFECT"
)

// where is how pmctl is told the place of this log, and of the folder with its pin.
func (s *service) where() string {
	if s.cfg.EventStore.Server {
		return installation.LogPlace(esdb.WithPortfolio(esdb.Redacted(s.cfg.EventStore.URL.Reveal()), s.cfg.Portfolio.ID), "", s.cfg.Data)
	}
	return installation.LogPlace("", s.cfg.EventStore.Dir, s.cfg.Data)
}

// placed names the log in the hint of a recovery, which knows no place.
func (s *service) placed(err error) error {
	var h *halt
	if errors.As(err, &h) {
		h.Hint = s.hint(h.Hint)
	}
	return err
}

// hint names the place of this log in the words of a recovery.
func (s *service) hint(text string) string { return strings.ReplaceAll(text, "--data DIR", s.where()) }

// logHalt says why the log could not be opened.
func (s *service) logHalt(err error) error {
	dir := s.cfg.EventStore.Dir
	var locked *sqlite.Locked
	if errors.As(err, &locked) {
		return &halt{
			Code: codeLogLocked, Err: err,
			Hint: fmt.Sprintf("one pm runs on this folder already; stop process %d first, or give this one another folder with --data DIR", locked.Holder.PID),
		}
	}
	var other *sqlite.OtherPortfolio
	if errors.As(err, &other) {
		return &halt{
			Code: codeWrongPortfolio, Err: err,
			Hint: fmt.Sprintf("set portfolio.id to %s, or give portfolio %s a folder of its own with --data DIR", other.Owner, other.Wanted),
		}
	}
	var corrupt *eventstore.Corrupt
	if errors.As(err, &corrupt) {
		return &halt{
			Code: projections.CodeDataCorrupt, Revision: corrupt.Rev, Err: err,
			Hint: fmt.Sprintf("the log was damaged and is never mended: keep the folder as it is and look at it with `pmctl log info %s`", s.where()),
		}
	}
	return &halt{
		Code: projections.CodeEventstoreUnavailable, Err: err,
		Hint: fmt.Sprintf("see whether %s can be written and its disk has room (`pmctl log info %s`), then start again", dir, s.where()),
	}
}

// engineHalt says why the writer ended. What is on the disk is found out by the next start.
func (s *service) engineHalt(err error) error {
	again := fmt.Sprintf("nothing was answered that is not on the disk; `pmctl log info %s` shows it, the next start is the same recovery", s.where())
	var corrupt *eventstore.Corrupt
	switch {
	case errors.As(err, &corrupt) && s.cfg.EventStore.Server:
		return s.remoteHalt(err)
	case errors.Is(err, esdb.ErrRefused):
		return &halt{Code: codeLogWriteFailed, Err: err, Hint: fmt.Sprintf("give the user of %s the right to write the stream %s again, or the password that it has now, then start again; %s",
			esdb.Redacted(s.cfg.EventStore.URL.Reveal()), esdb.Stream(s.cfg.Portfolio.ID), again)}
	case errors.Is(err, esdb.ErrAppendSize):
		return &halt{Code: codeLogWriteFailed, Err: err, Hint: "set MaxAppendSize of the event store back to its own 1 MiB or above what is named here, then start again; " + again}
	case errors.Is(err, engine.ErrOtherWriter):
		return &halt{Code: codeOtherWriter, Err: err, Hint: "somebody else writes this log: end the other writer before starting again; " + again}
	case errors.Is(err, eventstore.ErrBroken), errors.Is(err, eventstore.ErrOutcomeUnknown):
		return &halt{Code: codeLogWriteFailed, Err: err, Hint: s.storeHint() + ", then start again; " + again}
	}
	return &halt{Code: codeDefect, Err: err, Hint: "keep the log and report this; " + again}
}

// listenHalt says why the address could not be had.
func (s *service) listenHalt(err error) error {
	hint := "choose an address of this machine with --listen HOST:PORT"
	if errors.Is(err, syscall.EADDRINUSE) {
		hint = fmt.Sprintf("another program has %s, perhaps another pm: stop it, or choose another port with --listen %s", s.cfg.Listen, nextPort(s.cfg.Listen))
	}
	return &halt{Code: codeListenFailed, Err: err, Hint: hint}
}

// nextPort is the address with a port that is perhaps free.
func nextPort(address string) string {
	host, port, _ := net.SplitHostPort(address)
	n, err := strconv.Atoi(port)
	if err != nil || n >= 65535 {
		n = 8080
	}
	return net.JoinHostPort(host, strconv.Itoa(n+1))
}
