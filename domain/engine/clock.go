package engine

import (
	"sync"
	"time"
)

// steady makes log time of the wall clock: it never falls, and it never stands still. While the wall clock is behind, it runs at half
// speed on the clock that does not step, until the wall clock has caught up: expiries and retries go on, a little slower, and an hour
// that a clock was wrong is gone after two.
type steady struct {
	mu     sync.Mutex
	last   time.Time
	uptime time.Duration
}

func (s *steady) now(wall time.Time, uptime time.Duration) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	passed := max(0, uptime-s.uptime)
	s.uptime = max(s.uptime, uptime)
	if !wall.Before(s.last) {
		s.last = wall
	} else {
		s.last = s.last.Add(passed / 2)
	}
	return s.last
}
