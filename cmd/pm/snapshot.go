package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"pm/cmd/internal/stores"
	"pm/domain"
	"pm/projections"
)

// openSnapshot opens the snapshot without needing it: a database that is down keeps nobody from trading. An embedded one that cannot be
// read as what it is differs from the log already.
func (s *service) openSnapshot(context.Context) error {
	snapshot, err := stores.Snapshot(s.cfg.Snapshot)
	switch {
	case errors.Is(err, projections.ErrSnapshotDamaged):
		return s.placed(&halt{
			Code: projections.CodeValidationFailed, Err: fmt.Errorf("open the snapshot: %w", err),
			Hint: "the log is as it was (`pmctl verify --data DIR` checks it); keep a copy of the snapshot's folder, then move it away: the next start makes the snapshot anew",
		})
	case err != nil:
		return &halt{
			Code: codeDataFolder, Err: fmt.Errorf("open the snapshot: %w", err),
			Hint: "name another place with snapshot.url, or bring back what the message says; `pmctl snapshot show " + s.where() + "` looks at it",
		}
	case snapshot != nil:
		s.snapshot = snapshot
		s.onClose("snapshot", snapshot.Close)
	}
	return nil
}

// recover folds the whole log, holds it against the snapshot and says what it found.
func (s *service) recover(ctx context.Context) error {
	s.web.api.SetStatus(recoveringStatus, "the log is being read and held against the snapshot")
	r, err := projections.Recover(ctx, s.store, projections.RecoverOptions{
		Snapshot: s.snapshot, Instance: s.instance, Build: s.p.build, Waits: s.p.retryWaits,
		Retrying: func(what string, err error, wait time.Duration) {
			s.log.Warn("cannot be reached; trying again", "what", what, "wait", wait, "error", err)
		},
	})
	if err != nil {
		return s.placed(err)
	}
	s.recovery = r
	s.sayRecovered(&r.Report)
	return nil
}

// sayRecovered puts the report into a sentence for whoever started the service.
func (s *service) sayRecovered(r *projections.Report) {
	for _, finding := range r.Findings {
		s.log.Warn(finding)
	}
	if r.Events == 0 {
		fmt.Fprintln(s.p.out, "the log is empty: nothing to recover")
		return
	}
	fmt.Fprintf(s.p.out, "recovered %d events, %s; %s; took %s (%.0f events/s); head %d %s\n",
		r.Events, openPositions(r), snapshotWords(r), time.Duration(r.Seconds*float64(time.Second)).Round(time.Microsecond), r.EventsPerSecond,
		r.HeadRevision, r.HeadHash)
	s.log.Info("recovered", "events", r.Events, "positions", r.OpenPositions, "snapshot", r.Snapshot, "head", r.HeadRevision, "hash", r.HeadHash, "digest", r.StateDigest)
}

func openPositions(r *projections.Report) string {
	if r.OpenPositions == 1 {
		return "1 position open"
	}
	return fmt.Sprintf("%d positions open", r.OpenPositions)
}

func snapshotWords(r *projections.Report) string {
	switch r.Snapshot {
	case projections.SnapshotNone:
		return "no snapshot configured"
	case projections.SnapshotAgreed:
		c := r.Compared
		return fmt.Sprintf("the snapshot (%s) agrees at revision %d: %d values in %d tables and %d rows of history compared",
			r.SnapshotPlace, c.Revision, c.Values, c.Tables, c.HistoryRows)
	}
	return fmt.Sprintf("WARNING %s: nothing was compared with the snapshot (%s)", r.Code, r.SnapshotPlace)
}

// followSnapshot keeps the snapshot. Trading does not need it: what goes wrong is shown in health and tried again.
func (s *service) followSnapshot(ctx context.Context) {
	if s.snapshot == nil {
		return
	}
	if err := s.follower.Run(ctx); err != nil {
		s.log.Error("the snapshot is no longer written; trading goes on", "error", err)
	}
}

// The wait of a stop for the snapshot, so that the next start is held against the very end of the log.
const (
	drainTimeout = 2 * time.Second
	drainEvery   = 5 * time.Millisecond
)

// awaitSnapshot lets the follower come to the end of the log, unless something holds it up.
func (s *service) awaitSnapshot() {
	if s.follower == nil {
		return
	}
	head, err := s.store.Head(context.Background())
	if err != nil || head.Next == 0 {
		return
	}
	for end := time.Now().Add(drainTimeout); time.Now().Before(end); time.Sleep(drainEvery) {
		if h := s.follower.Health(); h.Written == projections.HeadOf(head) || h.Trouble != nil {
			return
		}
	}
}

// newFollower makes the follower of the snapshot once the start knows what it agreed on.
func (s *service) newFollower(context.Context) error {
	if s.snapshot == nil {
		return nil
	}
	s.follower = projections.NewFollower(s.store, s.snapshot, projections.FollowerOptions{
		Instance: s.instance, Build: s.p.build, Agreed: s.recovery.Agreed,
		Notice:   func(text string) { s.log.Info("snapshot: " + text) },
		Diverged: s.diverged, Rebuilt: s.rebuilt,
	})
	return nil
}

// diverged stops entries: what is traded on and what was written down are not the same, and only a person can say which is right. An
// error makes the follower call again.
func (s *service) diverged(h *projections.Halt) error {
	s.log.Error("a comparison with the snapshot found a difference: entries stop until a person resumes; the next start will halt", "code", h.Code, "error", h, "hint", s.hint(h.Hint))
	s.keep(h.Report)
	ctx, cancel := context.WithTimeout(context.Background(), divergedTimeout)
	defer cancel()
	if _, err := s.engine.Submit(ctx, stopEntries(domain.ReasonLateDivergence, limited(h.Error()))); err != nil {
		return fmt.Errorf("entries could not be stopped: %w", err)
	}
	return nil
}

// maxSaid is how many differences of a rebuild in the background are put into the log; pmctl lists all of them.
const maxSaid = 20

// rebuilt says what the switch to a new version has changed for readers: it may have been a hand, and not only the version.
func (s *service) rebuilt(r *projections.Rebuilt) {
	d := &r.Diff
	s.log.Info("the snapshot has a new version", "to", d.To.String(), "added", d.Added, "dropped", d.Dropped, "columns", d.Columns, "differences", d.Count)
	for _, difference := range d.List[:min(maxSaid, len(d.List))] {
		s.log.Warn("the old version of the snapshot did not say what the log says", "path", difference.Path, "log", difference.Log, "snapshot", difference.Snapshot,
			"revision", difference.Revision)
	}
}

// divergedTimeout bounds how long the order to stop entries may wait for the writer.
const divergedTimeout = 30 * time.Second

// maxReason is the longest cause that is put into the log, in bytes.
const maxReason = 300

// limited cuts a text where a character begins: the log takes nothing that is not UTF-8, and a cause may hold what somebody wrote into a
// database.
func limited(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= maxReason {
		return text
	}
	end := maxReason
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "..."
}

// keep writes the report of a comparison that found something, so that it can be shown later. It must not stop anything.
func (s *service) keep(r *projections.Report) {
	if r == nil || s.cfg.EventStore.Memory {
		return
	}
	if _, err := keepReport(s.recoveryFolder(), r.Finished, r.JSON(), s.key); err != nil {
		s.log.Error("the report could not be kept", "error", err)
	}
}

// snapshotHealth is for the api; nil where there is no snapshot.
func (s *service) snapshotHealth() func() projections.FollowerHealth {
	if s.follower == nil {
		return nil
	}
	return s.follower.Health
}
