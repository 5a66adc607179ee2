package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"pm/test/programs"
)

// heard is what a sender was told about a signal.
type heard struct {
	instrument string
	id         string // the sender's
	Status     string `json:"status"`
	SignalID   string `json:"signal_id"`
	Revision   uint64 `json:"revision"`
	First      uint64 `json:"first_revision"`
}

// senders post the feeds, one goroutine an instrument, through every death of the service.
type senders struct {
	site     *site
	answered atomic.Int64
	retries  atomic.Int64
	posting  atomic.Int64 // signals that wait for their answer

	mu    sync.Mutex
	heard []heard
}

// run sends everything. An error is a refusal of form: the service must never say that to a sound signal.
func (s *senders) run(ctx context.Context, feeds []feed) error {
	failed := make(chan error, len(feeds))
	var wg sync.WaitGroup
	for _, f := range feeds {
		wg.Go(func() { failed <- s.feed(ctx, f) })
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *senders) feed(ctx context.Context, f feed) error {
	for n, l := range f.lines {
		if err := s.ordersDone(ctx, f.instrument); err != nil {
			return err
		}
		body, err := l.stamped()
		if err != nil {
			return err
		}
		h, err := s.send(ctx, body)
		if err != nil {
			return fmt.Errorf("%s, signal %d: %w", f.instrument, n+1, err)
		}
		h.instrument, h.id = f.instrument, l.id
		s.mu.Lock()
		s.heard = append(s.heard, h)
		s.mu.Unlock()
		s.answered.Add(1)
	}
	return nil
}

// ordersDone waits until no order of the instrument is under way, and no exit waits for its next one.
func (s *senders) ordersDone(ctx context.Context, instrument string) error {
	for !s.site.Settled(ctx, instrument) {
		if ctx.Err() != nil {
			return errTooLong
		}
		programs.Pause(ctx, 20*time.Millisecond)
	}
	return nil
}

// firstWait and lastWait bound the wait between two attempts.
const (
	firstWait = 20 * time.Millisecond
	lastWait  = 500 * time.Millisecond
)

// send repeats the very same bytes until somebody answers them.
func (s *senders) send(ctx context.Context, body []byte) (heard, error) {
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		s.posting.Add(1)
		code, answer, err := s.site.Post(ctx, body)
		s.posting.Add(-1)
		switch {
		case err == nil && code == http.StatusOK:
			var h heard
			err := unmarshal(answer, &h)
			return h, err
		case err == nil && code < http.StatusInternalServerError:
			return heard{}, fmt.Errorf("answered %d: %s", code, answer)
		case ctx.Err() != nil:
			return heard{}, errTooLong
		}
		s.retries.Add(1)
		programs.Pause(ctx, wait/2+rand.N(wait/2+1))
	}
}

// unmarshal wants the whole of an answer.
func unmarshal(answer []byte, h *heard) error {
	if err := json.Unmarshal(answer, h); err != nil {
		return fmt.Errorf("an answer that cannot be read: %w: %s", err, answer)
	}
	return nil
}
