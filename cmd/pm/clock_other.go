//go:build !linux

package main

import "time"

// uptime is nil: the engine then takes Go's monotonic clock. On systems where that stands still during a suspend, a send window may
// close late by the time that the machine slept.
func uptime() func() time.Duration { return nil }
