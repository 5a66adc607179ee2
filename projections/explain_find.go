package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"pm/domain"
	"pm/eventstore"
)

// ErrNoSubject says that nothing has this name.
var ErrNoSubject = errors.New("no signal, order, position or exit has this id, no order this tag, and the log no such revision")

// Chain finds the events that explain an id, the tag of an order, or a revision: through the history where they stand, and from the
// log, checked, what they say. Whoever sends signals gives them ids, so an id goes before a revision that reads the same. held is the
// position that is held, nil if it is closed or the id is of something else.
func Chain(ctx context.Context, h *History, j *Journal, id string, held *Position) (Explanation, error) {
	c := &chain{ctx: ctx, h: h, j: j, revs: map[uint64]bool{}, events: map[uint64]domain.Recorded{}}
	subject, err := c.begin(id)
	if err != nil {
		return Explanation{}, err
	}
	if err := c.grow(); err != nil {
		return Explanation{}, err
	}
	if held == nil && subject == SubjectPosition {
		if held, _, err = h.Position(id); err != nil {
			return Explanation{}, err
		}
	}
	x := Explain(id, subject, c.sorted(), held)
	x.Truncated, x.Revision = c.truncated, h.Health().Head.Revision
	if x.Truncated {
		x.Text = x.words()
	}
	return x, nil
}

// chain gathers revisions until nothing new is found.
type chain struct {
	ctx       context.Context
	h         *History
	j         *Journal
	revs      map[uint64]bool // wanted
	events    map[uint64]domain.Recorded
	truncated bool
}

// begin finds what the id is of, and the first revisions.
func (c *chain) begin(id string) (subject string, err error) {
	for _, find := range []func(string) (string, error){c.signal, c.named, c.at} {
		if subject, err = find(id); subject != "" || err != nil {
			return subject, err
		}
	}
	return "", ErrNoSubject
}

func (c *chain) signal(id string) (subject string, err error) {
	sig, _, err := c.h.Signal(id)
	if err != nil || sig == nil {
		return "", err
	}
	return SubjectSignal, c.decision(sig.Revision)
}

// named begins with everything about an order, a position or an exit.
func (c *chain) named(id string) (subject string, err error) {
	order, _, err := c.h.Order(id)
	if err != nil {
		return "", err
	}
	if err := c.touched(id); err != nil || len(c.revs) == 0 {
		return "", err
	}
	if order != nil {
		return SubjectOrder, nil
	}
	for rev := range c.revs {
		r, err := c.j.Recorded(c.ctx, rev)
		if err != nil {
			return "", err
		}
		switch e := r.Event.(type) {
		case *domain.ExitRequested:
			if string(e.IntentID) == id {
				return SubjectExit, nil
			}
		case *domain.OrderInitialized:
			if e.Tag == id {
				return SubjectOrder, c.touched(string(e.OrderID))
			}
		}
	}
	return SubjectPosition, nil
}

// at begins with the event at a revision, by which every list shows a signal or an order: what it is of, else its decision alone.
func (c *chain) at(text string) (subject string, err error) {
	rev, err := strconv.ParseUint(text, 10, 63)
	if err != nil || rev > c.h.Health().Head.Revision {
		return "", nil //nolint:nilerr // then it is no revision
	}
	r, err := c.j.Recorded(c.ctx, rev)
	if err != nil {
		return "", err
	}
	c.want(rev)
	switch e := r.Event.(type) {
	case *domain.SignalReceived, *domain.SignalRejected:
		return SubjectSignal, c.decision(rev)
	case *domain.ExitRequested:
		return SubjectExit, c.touched(string(e.IntentID))
	case *domain.ExitWithdrawn:
		return SubjectExit, c.touched(string(e.IntentID))
	}
	if order, _ := orderEvent(r.Event); order != "" {
		return SubjectOrder, c.touched(string(order))
	}
	return SubjectEvent, c.decision(rev)
}

// touched wants every event about something.
func (c *chain) touched(id string) error {
	revs, err := c.h.Touched(id, maxListed)
	if err != nil {
		return fmt.Errorf("find the events about %s: %w", id, err)
	}
	if n := len(revs); n > MaxAbout {
		c.truncated = true
		revs = append(revs[:MaxAbout/2:MaxAbout/2], revs[n-MaxAbout/2:]...)
	}
	for _, rev := range revs {
		c.want(rev)
	}
	return nil
}

func (c *chain) want(rev uint64) {
	if len(c.revs) >= MaxExplained && !c.revs[rev] {
		c.truncated = true
		return
	}
	c.revs[rev] = true
}

// decision wants the whole decision that an event belongs to: the events of its chain with the same log time.
func (c *chain) decision(rev uint64) error {
	r, err := c.j.Recorded(c.ctx, rev)
	if err != nil {
		return err
	}
	head, err := c.j.log.Head(c.ctx)
	if err != nil {
		return fmt.Errorf("read the head of the log: %w", err)
	}
	from := rev - min(rev, MaxOutcomeRecords)
	err = c.j.read(c.ctx, from, head, func(_ eventstore.Record, other domain.Recorded) error {
		if other.Rev > rev+MaxOutcomeRecords {
			return errPageFull
		}
		if other.Corr == r.Corr && other.At.Equal(r.At) {
			c.want(other.Rev)
		}
		return nil
	})
	if errors.Is(err, errPageFull) {
		err = nil
	}
	return err
}

// grow reads what is wanted, and wants what led to it: the decision behind each order and exit, and for a signal the life of the orders
// and exits that it made.
func (c *chain) grow() error {
	for round := 0; ; round++ {
		fresh, err := c.collect()
		if err != nil || len(fresh) == 0 {
			return err
		}
		for _, r := range fresh {
			if err := c.follow(r, round); err != nil {
				return err
			}
		}
	}
}

func (c *chain) follow(r domain.Recorded, round int) error {
	switch e := r.Event.(type) {
	case *domain.OrderInitialized:
		if err := c.touched(string(e.OrderID)); err != nil || round > 0 {
			return err
		}
		if e.IntentID != "" {
			return c.touched(string(e.IntentID))
		}
		return c.decision(r.Rev)
	case *domain.ExitRequested:
		if err := c.touched(string(e.IntentID)); err != nil {
			return err
		}
		return c.decision(r.Rev)
	}
	return nil
}

// collect reads the wanted events that have not been read, in runs: two that stand close together are read in one go.
func (c *chain) collect() (fresh []domain.Recorded, err error) {
	var todo []uint64
	for rev := range c.revs {
		if _, have := c.events[rev]; !have {
			todo = append(todo, rev)
		}
	}
	slices.Sort(todo)
	head, err := c.j.log.Head(c.ctx)
	if err != nil {
		return nil, fmt.Errorf("read the head of the log: %w", err)
	}
	for len(todo) > 0 {
		err := c.j.read(c.ctx, todo[0], head, func(_ eventstore.Record, r domain.Recorded) error {
			if len(todo) == 0 || todo[0] > r.Rev+eventstore.ChunkRecords {
				return errPageFull
			}
			if r.Rev == todo[0] {
				todo, fresh, c.events[r.Rev] = todo[1:], append(fresh, r), r
			}
			return nil
		})
		if err != nil && !errors.Is(err, errPageFull) {
			return nil, fmt.Errorf("read the events of a chain: %w", err)
		}
		if err == nil && len(todo) > 0 {
			return nil, fmt.Errorf("the log ends before revision %d, which the history has", todo[0])
		}
	}
	return fresh, nil
}

func (c *chain) sorted() []domain.Recorded {
	var out []domain.Recorded
	for _, r := range c.events {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b domain.Recorded) int { return int(int64(a.Rev) - int64(b.Rev)) })
	return out
}
