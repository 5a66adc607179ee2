package esdbtest

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Fault is one way in which an append or a read goes wrong.
type Fault int

// What can happen to an append. All but the first three store nothing.
const (
	None         Fault = iota
	LoseAnswer         // stored, never answered: the caller's deadline ends the waiting
	LateAnswer         // stored, answered after Options.LateBy
	ResetAfter         // stored, then the call breaks off
	ResetBefore        // the call breaks off
	StoreLate          // answered by nobody, and stored only after Options.LateBy: when the caller has given up
	WrongVersion       // answered with another expected version, whatever the stream has
	NotLeader          // refused with the endpoint of the leader, Options.Leader
	Denied             // refused: the user may not write
	Expired            // the server's own deadline has passed
	Drop               // every connection of the server is cut, nothing stored
)

// What can happen to a read or a subscription, beside NotLeader, Denied, Expired and Drop.
const (
	CutShort   Fault = 100 + iota // breaks off after Options.CutAfter events
	Slow                          // each event takes Options.SlowBy
	BadCreated                    // the server's own time of each event is no number
	NoCreated                     // and here it is missing
	Stall                         // says nothing until the caller gives up
)

// faults decides what happens to the next call: first what a test has asked for, then chance.
type faults struct {
	mu      sync.Mutex
	appends []Fault
	reads   []Fault
	o       Options
	rng     *rand.Rand
}

func newFaults(o Options) *faults {
	return &faults{o: o, rng: rand.New(rand.NewPCG(o.Seed, 0))}
}

func (f *faults) nextAppend() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.appends) > 0 {
		first := f.appends[0]
		f.appends = f.appends[1:]
		return first
	}
	return f.draw([]chance{
		{f.o.LostPercent, LoseAnswer}, {f.o.LatePercent, LateAnswer}, {f.o.StoreLatePercent, StoreLate}, {f.o.ResetPercent, ResetAfter},
		{f.o.WrongPercent, WrongVersion}, {f.o.NotLeaderPercent, NotLeader}, {f.o.DeniedPercent, Denied}, {f.o.ExpiredPercent, Expired}, {f.o.DropPercent, Drop},
	})
}

// draw is one draw a call, so that a seed gives the same row of faults whatever the percentages of the others are.
func (f *faults) draw(kinds []chance) Fault {
	n := f.rng.IntN(100)
	for _, kind := range kinds {
		if n -= kind.percent; n < 0 {
			return kind.fault
		}
	}
	return None
}

type chance struct {
	percent int
	fault   Fault
}

func (f *faults) nextRead() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.reads) > 0 {
		first := f.reads[0]
		f.reads = f.reads[1:]
		return first
	}
	return f.draw([]chance{{f.o.CutPercent, CutShort}, {f.o.SlowPercent, Slow}})
}

// FailAppends says what happens to the next appends, one fault each; after them chance has its say again.
func (s *Server) FailAppends(next ...Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.appends = append(s.faults.appends, next...)
}

// FailReads says what happens to the next reads and subscriptions.
func (s *Server) FailReads(next ...Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.reads = append(s.faults.reads, next...)
}

// orElse is a duration, or what is usual.
func orElse(d, usual time.Duration) time.Duration {
	if d == 0 {
		return usual
	}
	return d
}
