package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"pm/cmd/internal/installation"
	"pm/eventstore"
	"pm/eventstore/signature"
	"pm/projections"
)

// pinEvery is how old the pin of the head may get while the log grows: what a truncation can take away unseen.
const pinEvery = 2 * time.Second

// checkPin holds the log against the head that the data folder remembers. A log that lost its end at a record boundary, or was
// replaced by an older copy of itself, is sound in every other respect. A missing pin says nothing: an older build wrote none.
func (s *service) checkPin(ctx context.Context) error {
	if s.key == nil {
		return nil
	}
	pin, err := installation.TrustedPin(s.cfg.Data, s.key.ID())
	if errors.Is(err, fs.ErrNotExist) {
		s.log.Info("no head of this log was pinned yet")
		return nil
	}
	if err == nil {
		err = installation.CheckPin(ctx, s.store, pin.Statement)
	}
	var corrupt *eventstore.Corrupt
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case errors.As(err, &corrupt):
		return s.pinHalt(fmt.Errorf("revision %d: %s", corrupt.Rev, corrupt.Reason), corrupt.Rev) // the halt says the code
	case errors.Is(err, signature.ErrSignature):
		return s.pinHalt(err, 0)
	}
	return s.logHalt(err)
}

func (s *service) pinHalt(err error, rev uint64) error {
	return &halt{
		Code: projections.CodeDataCorrupt, Revision: rev, Err: fmt.Errorf("the pinned head: %w", err),
		Hint: installation.PinHint(err, s.cfg.Data, s.where()),
	}
}

// pinHeads keeps the pin young, beside the writer and never in its way, until the context ends. The error is the *halt of a log that is
// corrupt.
func (s *service) pinHeads(ctx context.Context) error {
	tick := time.NewTicker(pinEvery)
	defer tick.Stop()
	return s.pinAtEach(ctx, tick.C)
}

// pinAtEach pins the head now and at each tick. It says when that begins to fail and when it works again, not each time. A log that is found
// corrupt ends it: no start would take that log, so nothing more may be acknowledged.
func (s *service) pinAtEach(ctx context.Context, tick <-chan time.Time) error {
	failing := false
	for {
		err := s.pinHead(ctx)
		var h *halt
		if errors.As(err, &h) && ctx.Err() == nil {
			return h
		}
		if failed := err != nil && ctx.Err() == nil; failed != failing {
			failing = failed
			if failed {
				s.log.Error("the head of the log cannot be pinned: a truncation would not show", "error", err)
			} else {
				s.log.Info("the head of the log is pinned again")
			}
		}
		select {
		case <-tick:
		case <-ctx.Done():
			return nil
		}
	}
}

// pinLast pins the head that a stop leaves behind.
func (s *service) pinLast(ctx context.Context) error {
	err := s.pinHead(ctx)
	var h *halt
	if errors.As(err, &h) {
		return h
	}
	if err != nil {
		s.log.Error("the last head of the log cannot be pinned", "error", err)
	}
	return nil
}

// pinHead pins the head that a reader of the log sees, which is durable. A log that did not grow keeps its pin. One that is corrupt, that has lost
// a head which was pinned before, or that has begun to forget is a *halt: the next start would refuse it.
func (s *service) pinHead(ctx context.Context) error {
	if s.key == nil {
		return nil
	}
	err := s.pinGrown(ctx)
	if err == nil && s.remembers != nil {
		err = s.remembers(ctx)
	}
	var corrupt *eventstore.Corrupt
	if errors.As(err, &corrupt) {
		return s.corruptHalt(err)
	}
	return err
}

// pinGrown pins the head if there is more than the pin knows. A log with less keeps its pin.
func (s *service) pinGrown(ctx context.Context) error {
	head, err := s.store.Head(ctx)
	if err != nil || head == s.pinned {
		return err
	}
	if head.Next <= s.pinned.Next && s.pinned.Next > 0 {
		return s.pinHalt(fmt.Errorf("the log ends at %s, and once went up to %s", head, s.pinned), head.Next)
	}
	if head.Next == 0 {
		return nil
	}
	if err := installation.WritePin(s.key, s.cfg.Data, s.store.Portfolio(), head); err != nil {
		return err
	}
	s.pinned = head
	return nil
}

// corruptHalt says of a log that was open already that it is corrupt.
func (s *service) corruptHalt(err error) error {
	if s.cfg.EventStore.Server {
		return s.remoteHalt(err)
	}
	return s.logHalt(err)
}
