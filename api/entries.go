package api

import (
	"sync"
	"time"

	"pm/domain"
)

// The rate at which entries are taken, over all senders. Exits, bars and end-of-day signals are never counted: they must always find room.
const (
	// EntriesPerSecond is how many entries the budget gets back each second.
	EntriesPerSecond = 5_000
	// EntryBurst is how many entries may come at once.
	EntryBurst = 20_000
)

// entryBudget counts entries: a bucket of EntryBurst that refills with EntriesPerSecond.
type entryBudget struct {
	mu   sync.Mutex
	now  func() time.Time
	left float64
	at   time.Time
}

func newEntryBudget(now func() time.Time) *entryBudget {
	return &entryBudget{now: now, left: EntryBurst, at: now()}
}

// take spends one for an entry; false says that there is none left.
func (b *entryBudget) take(kind domain.SignalType) bool {
	if kind != domain.BaseEntry && kind != domain.Pyramid {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.left = min(EntryBurst, b.left+max(0, now.Sub(b.at).Seconds())*EntriesPerSecond)
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
