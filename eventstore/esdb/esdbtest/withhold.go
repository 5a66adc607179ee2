package esdbtest

import "sync"

// withholding keeps back one append of a writer that is about to die.
type withholding struct {
	mu   sync.Mutex
	come chan struct{} // not nil: the next append is kept back, and this is closed then
	held *proposal
}

// Withhold keeps back the next append, as a network does that delivers after its sender's death: nobody answers it or its repetitions, and it is
// stored when another append arrives, just before that one. The channel is closed when it has come.
func (s *Server) Withhold() <-chan struct{} {
	s.withheld.mu.Lock()
	defer s.withheld.mu.Unlock()
	come := make(chan struct{})
	s.withheld.come = come
	return come
}

// take says whether an append is kept back, and else which one arrives before it, if any.
func (w *withholding) take(p *proposal) (kept bool, before *proposal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.come != nil:
		close(w.come)
		w.come, w.held = nil, p
		return true, nil
	case w.held != nil && w.held.events[0].ID == p.events[0].ID:
		return true, nil
	}
	before, w.held = w.held, nil
	return false, before
}
