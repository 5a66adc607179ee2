package snapshottest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"pm/projections"
	"pm/projections/tables"
)

// ErrInjected is the cause of a failure that a test asked for; it comes wrapped in projections.ErrSnapshotUnavailable.
var ErrInjected = errors.New("the test wants it so")

// Memory is a snapshot without a store, for tests of whoever writes or reads one. It keeps every promise that needs no SQL, and fails
// when it is told to. Its methods may be called from any goroutine; hooks run outside its lock and may call it.
type Memory struct {
	place *place
	next  bool // the version that is being built

	mu     sync.Mutex
	closed bool
	parent *Memory
}

// place is what all sessions share.
type place struct {
	mu            sync.Mutex
	now, building *content // building: nil where nothing is
	unavailable   bool
	writes        int
	fail          map[int]bool // by number of the write: whether it is made all the same
	onRead        func()
}

// NewMemory makes an empty snapshot.
func NewMemory() *Memory { return &Memory{place: &place{now: &content{}, fail: map[int]bool{}}} }

// Session opens another session on the same place.
func (m *Memory) Session() *Memory { return &Memory{place: m.place} }

// at is where the content of this version stands. The place is locked.
func (m *Memory) at() **content {
	if m.next {
		return &m.place.building
	}
	return &m.place.now
}

// begin says whether a call may go on; it is followed by the place's unlock.
func (m *Memory) begin(ctx context.Context) error {
	m.place.mu.Lock()
	switch {
	case m.ended():
		return errors.New("the snapshot is closed")
	case ctx.Err() != nil:
		return ctx.Err()
	case m.place.unavailable:
		return fmt.Errorf("%w: %w", projections.ErrSnapshotUnavailable, ErrInjected)
	}
	return nil
}

func (m *Memory) ended() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closed || m.parent != nil && m.parent.ended()
}

// String names it.
func (m *Memory) String() string { return "memory" }

// Close ends its use, not that of other sessions.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// Read gives look the content of this moment.
func (m *Memory) Read(ctx context.Context, look func(projections.SnapshotView) error) error {
	m.place.mu.Lock()
	hook := m.place.onRead
	m.place.mu.Unlock()
	if hook != nil {
		hook()
	}
	err := m.begin(ctx)
	c := *m.at()
	m.place.mu.Unlock()
	if err != nil {
		return err
	}
	if c == nil {
		c = &content{}
	}
	return look(memoryView{ctx, c})
}

// Write makes the change, or fails as it was told.
func (m *Memory) Write(ctx context.Context, change projections.Change) error {
	err := m.begin(ctx)
	defer m.place.mu.Unlock()
	m.place.writes++
	made, fails := m.place.fail[m.place.writes]
	lost := fmt.Errorf("%w: %w", projections.ErrSnapshotUnavailable, ErrInjected)
	switch {
	case err != nil:
		return err
	case fails && !made:
		return lost
	}
	at := m.at()
	if *at == nil {
		return errors.New("what was being built was given up")
	}
	if !same((*at).head, change.Before) {
		return projections.ErrSnapshotMoved
	}
	c := (*at).clone()
	c.settle()
	if err := c.apply(change); err != nil {
		return err
	}
	*at = c
	if fails {
		return lost
	}
	return nil
}

// Next is the version that is being built.
func (m *Memory) Next(ctx context.Context) (projections.Snapshot, error) {
	err := m.begin(ctx)
	defer m.place.mu.Unlock()
	if err != nil {
		return nil, err
	}
	b := m.place.building
	if b == nil || b.head != nil && b.head.SchemaVersion != tables.Version() {
		m.place.building = &content{}
	}
	return &Memory{place: m.place, next: true, parent: m}, nil
}

// Switch takes over what was built.
func (m *Memory) Switch(ctx context.Context, from, to *projections.SnapshotHead, names ...string) error {
	err := m.begin(ctx)
	defer m.place.mu.Unlock()
	if err != nil {
		return err
	}
	built := m.place.building
	if built == nil || built.shape == nil || !same(m.place.now.head, from) || !same(built.head, to) {
		return projections.ErrSnapshotMoved
	}
	m.place.building = nil
	if len(names) == 0 {
		m.place.now = built
		return nil
	}
	c := m.place.now.clone()
	for _, name := range names {
		c.tables[name], c.shape[name] = built.tables[name], built.shape[name]
	}
	c.head = built.head
	m.place.now = c
	return nil
}

// Discard drops what was being built.
func (m *Memory) Discard(ctx context.Context) error {
	err := m.begin(ctx)
	defer m.place.mu.Unlock()
	if err != nil {
		return err
	}
	m.place.building = nil
	return nil
}
