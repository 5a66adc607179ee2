package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// uptime is the time since boot: it never steps and runs on while the machine sleeps, so a send window closes during a suspend.
// Nil would let the engine take Go's monotonic clock, which stands still then.
func uptime() func() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return nil // a kernel without this clock
	}
	return func() time.Duration {
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
			panic("the boot time clock has gone: " + err.Error()) // without a clock no send may begin
		}
		return time.Duration(now.Nano())
	}
}
