package api

import (
	"maps"
	"net/netip"
	"sync"
	"time"
)

// The budget of refused requests.
const (
	// FailureBurst is how many refused requests a peer has before it is told to wait.
	FailureBurst = 60
	// FailureRefill is the time in which it gets one of them back.
	FailureRefill = time.Second
	// MaxPeers bounds the table; peers beyond it share one budget.
	MaxPeers = 4096
)

// peerTable counts refused requests by peer: a budget of FailureBurst that refills by one each FailureRefill. It keeps one
// instant for each peer: when its budget will be full again.
type peerTable struct {
	mu   sync.Mutex
	now  func() time.Time
	full map[netip.Addr]time.Time
}

func newPeerTable(now func() time.Time) *peerTable {
	return &peerTable{now: now, full: map[netip.Addr]time.Time{}}
}

// spend takes one from the peer's budget.
func (t *peerTable) spend(peer netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, key := t.now(), t.key(peer)
	full := t.full[key]
	if full.Before(now) {
		full = now
	}
	if limit := now.Add(FailureBurst * FailureRefill); full.Before(limit) {
		t.full[key] = full.Add(FailureRefill)
	}
}

// wait is how long the peer must wait until it has something to spend; 0 if it has.
func (t *peerTable) wait(peer netip.Addr) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	full, now := t.full[t.key(peer)], t.now()
	if !full.After(now) {
		return 0 // also for a peer that is not in the table: nothing is subtracted from the year 1
	}
	return max(0, full.Sub(now)-(FailureBurst-1)*FailureRefill)
}

// key is the peer's place in the table: an address, of IPv6 its network of 64 bits, since one sender has all of that. When the
// table is full and nobody in it is back at a full budget, new peers share the place of the unspecified address.
func (t *peerTable) key(peer netip.Addr) netip.Addr {
	if peer.Is6() {
		if net, err := peer.Prefix(64); err == nil {
			peer = net.Addr()
		}
	}
	if _, known := t.full[peer]; known || len(t.full) < MaxPeers {
		return peer
	}
	now := t.now()
	maps.DeleteFunc(t.full, func(_ netip.Addr, full time.Time) bool { return !full.After(now) })
	if len(t.full) < MaxPeers {
		return peer
	}
	return netip.Addr{}
}
