package postgres

import "time"

// What a real server does in its own time is asked for again and again, for so long.
const (
	eventually = 10 * time.Second
	poll       = 10 * time.Millisecond
)
