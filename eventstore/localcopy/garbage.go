package localcopy

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

const (
	// manyEvents is how many events a copy must lack before the garbage collector is asked to wait: fetching them takes a second or so.
	manyEvents = 50_000
	// moreGarbage is about how many bytes of garbage may then lie around. Nearly everything that a reading makes is garbage at once: with
	// next to nothing alive, the collector's usual pace is a collection every 1,500 events, and a fifth of the time.
	moreGarbage = 64 << 20
	// usualPace and slowestPace are the collector's targets, in percent of what is alive.
	usualPace, slowestPace = 100, 400
	liveHeap               = "/gc/heap/live:bytes"
)

// collector is held by the one fill that has changed the collector's pace: it is that of the whole process.
var collector sync.Mutex

// sparing lets the garbage collector run more rarely while many events are fetched, until restore. A pace that is slower already, as in
// the recovery of a start, stays.
func sparing(lack uint64) (restore func()) {
	if lack < manyEvents || !collector.TryLock() {
		return func() {}
	}
	live := []metrics.Sample{{Name: liveHeap}}
	metrics.Read(live)
	pace := paceFor(live[0].Value.Uint64())
	before := debug.SetGCPercent(pace)
	if before < 0 || before > pace {
		debug.SetGCPercent(before)
	}
	return func() {
		debug.SetGCPercent(before)
		collector.Unlock()
	}
}

// paceFor is the target at which about moreGarbage comes together on what is alive, in bytes.
func paceFor(live uint64) int {
	return int(min(slowestPace, max(usualPace, moreGarbage*100/max(live, 1))))
}
