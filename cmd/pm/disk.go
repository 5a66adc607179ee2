package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pm/domain"
	"pm/domain/engine"
)

const (
	// minFreePercent is how much of a disk must be free for entries. What is left below it is for exits, which need room in the log
	// as well.
	minFreePercent = 5
	// diskEvery is the wait between two looks.
	diskEvery = 5 * time.Second
)

// diskReason is the cause that the log keeps; a person reads the figures behind it.
const diskReason = "disk_full"

// checkDisk looks once before signals are taken: a start on a full disk must not take an entry first.
func (s *service) checkDisk(ctx context.Context) error {
	reason := s.lookAtDisk()
	if reason == "" {
		return nil
	}
	results, err := s.engine.Step(context.WithoutCancel(ctx), stopEntries(diskReason, reason))
	if err == nil {
		err = results[0].Err
	}
	return s.begun(err)
}

// watchDisk looks until the context ends. A person may resume while the disk is still full: the next look reduces again.
func (s *service) watchDisk(ctx context.Context) {
	every := s.p.diskEvery
	if every == 0 {
		every = diskEvery
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		reason := s.lookAtDisk()
		if reason == "" {
			continue
		}
		_, err := s.engine.Submit(ctx, stopEntries(diskReason, reason))
		if err != nil && ctx.Err() == nil && !errors.Is(err, engine.ErrStopped) { // an engine that has ended says so elsewhere
			s.log.Error("the disk is nearly full and entries could not be stopped; the next look tries again", "error", err)
		}
	}
}

// stopEntries is the service's own word; Decide takes it from ACTIVE only.
func stopEntries(cause, text string) domain.StopEntries {
	return domain.StopEntries{Cause: cause, Text: text, Now: time.Now().UTC()}
}

// lookAtDisk gives the reason why entries must stop, "" while there is room. What changed is said once.
func (s *service) lookAtDisk() (reason string) {
	least := 100.0
	for _, dir := range s.written() {
		free, total, err := s.room(dir)
		if err != nil || total == 0 {
			s.unmeasured.Do(func() { s.log.Warn("the room on the disk is not known and not watched", "folder", dir, "error", err) })
			continue
		}
		least = min(least, 100*float64(free)/float64(total))
		if free*100 < total*minFreePercent {
			reason = fmt.Sprintf("%d MiB of %d MiB are free for %s, less than %d %%", free>>20, total>>20, dir, minFreePercent)
		}
	}
	s.web.api.Metrics().DiskFree(least)
	if tight := reason != ""; tight != s.tight {
		s.tight = tight
		if tight {
			s.log.Warn("the disk is nearly full: entries stop, exits go on; make room, then resume", "reason", reason)
		} else {
			s.log.Info("the disk has room again; only a person resumes")
		}
	}
	return reason
}

// written lists the folders that the service writes to.
func (s *service) written() []string {
	if s.cfg.EventStore.Memory {
		return nil
	}
	return []string{s.cfg.Data, s.cfg.EventStore.Dir}
}
