package eventstore

import (
	"context"
	"sync"

	"pm/domain"
)

// Memory is a log that lives as long as the process: for tests, simulation and backtests. Faults make it misbehave.
type Memory struct {
	portfolio domain.PortfolioID

	mu      sync.Mutex
	recs    []Record
	faults  Faults
	grown   chan struct{} // closed and replaced by every append
	closed  chan struct{}
	isClose bool
}

var _ Log = (*Memory)(nil)

// Faults are hooks for what can go wrong. Each runs without a lock held, so that it may wait, and on the caller's goroutine;
// a nil hook does nothing. With them an append can fail before it is stored, be stored and answer ErrOutcomeUnknown, answer
// late or meet a wrong head, and a read can fail or give back a flipped bit.
type Faults struct {
	// BeforeAppend answers for the log if it returns an error; nothing is stored then.
	BeforeAppend func(ctx context.Context, at Head, recs []Record) error
	// AfterAppend runs when the records are stored; its error is answered in place of nil.
	AfterAppend func(ctx context.Context, at Head, recs []Record) error
	// OnRead sees each record on its way out and may change the copy that it is given; its error ends the reading.
	OnRead func(r *Record) error
}

// NewMemory is an empty log.
func NewMemory(p domain.PortfolioID) *Memory {
	return &Memory{portfolio: p, grown: make(chan struct{}), closed: make(chan struct{})}
}

// Fault replaces the hooks; Fault(Faults{}) takes them away.
func (m *Memory) Fault(f Faults) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = f
}

// Portfolio is whose log this is.
func (m *Memory) Portfolio() domain.PortfolioID { return m.portfolio }

// Head is the end of the log now.
func (m *Memory) Head(ctx context.Context) (Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return Head{}, err
	}
	return m.head(), nil
}

func (m *Memory) head() Head {
	if len(m.recs) == 0 {
		return Empty(m.portfolio)
	}
	return m.recs[len(m.recs)-1].After()
}

func (m *Memory) usable(ctx context.Context) error {
	if m.isClose {
		return ErrClosed
	}
	return ctx.Err()
}

// Append stores the records, if the log ends at at.
func (m *Memory) Append(ctx context.Context, at Head, recs []Record) error {
	m.mu.Lock()
	faults := m.faults
	m.mu.Unlock()
	if faults.BeforeAppend != nil {
		if err := faults.BeforeAppend(ctx, at, recs); err != nil {
			return err
		}
	}
	if err := CheckBatch(m.portfolio, at, recs); err != nil {
		return err
	}
	if err := m.store(ctx, at, recs); err != nil {
		return err
	}
	if faults.AfterAppend != nil {
		return faults.AfterAppend(ctx, at, recs)
	}
	return nil
}

func (m *Memory) store(ctx context.Context, at Head, recs []Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	if head := m.head(); head != at {
		return &WrongHead{Expected: at, Actual: head}
	}
	m.recs = append(m.recs, recs...)
	close(m.grown)
	m.grown = make(chan struct{})
	return nil
}

// Read hands out the records from a revision on, up to the head now.
func (m *Memory) Read(ctx context.Context, from uint64, each func([]Record) error) error {
	head, err := m.Head(ctx)
	if err != nil {
		return err
	}
	_, err = m.read(ctx, from, head.Next, each)
	return err
}

// read hands out [from, until) and says where it stopped.
func (m *Memory) read(ctx context.Context, from, until uint64, each func([]Record) error) (uint64, error) {
	for from < until {
		chunk, faults, err := m.chunk(ctx, from, until)
		if err != nil {
			return from, err
		}
		if faults.OnRead != nil {
			if chunk, err = spoil(chunk, faults.OnRead); err != nil {
				return from, err
			}
		}
		if err := each(chunk); err != nil {
			return from, err
		}
		from += uint64(len(chunk))
	}
	return from, nil
}

// chunk copies the next records to hand out; their bytes stay shared.
func (m *Memory) chunk(ctx context.Context, from, until uint64) ([]Record, Faults, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return nil, Faults{}, err
	}
	var chunk []Record
	size := 0
	for _, r := range m.recs[from:min(until, from+ChunkRecords)] {
		chunk = append(chunk, r)
		if size += r.Size(); size >= ChunkBytes {
			break
		}
	}
	return chunk, m.faults, nil
}

// spoil gives each record's copy to a hook.
func spoil(chunk []Record, hook func(*Record) error) ([]Record, error) {
	for i := range chunk {
		r := &chunk[i]
		r.Meta, r.Data = append([]byte(nil), r.Meta...), append([]byte(nil), r.Data...)
		if err := hook(r); err != nil {
			return nil, err
		}
	}
	return chunk, nil
}

// Follow does what Read does and goes on with later appends.
func (m *Memory) Follow(ctx context.Context, from uint64, each func([]Record) error) error {
	for {
		m.mu.Lock()
		grown, next, err := m.grown, uint64(len(m.recs)), m.usable(ctx)
		m.mu.Unlock()
		if err != nil {
			return err
		}
		if from, err = m.read(ctx, from, next, each); err != nil {
			return err
		}
		select {
		case <-grown:
		case <-m.closed:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close ends the use of the log; its records are gone.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.isClose {
		m.isClose = true
		close(m.closed)
	}
	return nil
}
