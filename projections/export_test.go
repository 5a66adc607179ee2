package projections

import "time"

// Waited makes the oldest event of a follower that is not written so old.
func Waited(f *Follower, d time.Duration) { f.since = time.Now().Add(-d - time.Millisecond) }
