package domain

import (
	"errors"
	"time"
)

const (
	// MinSignalYear and MaxSignalYear bound the years a signal may name, as written; anything else is a broken template.
	MinSignalYear = 2000
	// MaxSignalYear is the last year.
	MaxSignalYear = 2100
)

var errTime = errors.New("send a date and a time, for example 2025-01-02T15:04:05+05:30; " +
	"without a zone it is exchange time (Asia/Kolkata); years 2000 to 2100")

// ParseInstant reads a sender's time: date, T or space, hours and minutes, then optionally seconds, a fraction of at
// most nine digits, and a zone (Z, +05:30, +0530, +05). Without a zone it is exchange time (Asia/Kolkata). The answer is UTC.
// A date or a time alone is unreadable, and so is a day, hour or second that does not exist.
func ParseInstant(text string) (time.Time, error) {
	c := &timeCursor{rest: text}
	year := c.number(4)
	c.one("-")
	month := c.number(2)
	c.one("-")
	day := c.number(2)
	c.one("Tt ")
	hour := c.number(2)
	c.one(":")
	minute := c.number(2)
	second, nanos := 0, 0
	if c.has(":") {
		second = c.number(2)
		if c.has(".,") {
			nanos = c.fraction()
		}
	}
	zone := c.zone()
	if c.bad || c.rest != "" || year < MinSignalYear || year > MaxSignalYear {
		return time.Time{}, errTime
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, zone)
	// time.Date carries the 31st of June over into July: what comes back must be what was written.
	if int(t.Month()) != month || t.Hour() != hour || t.Minute() != minute || t.Second() != second {
		return time.Time{}, errTime
	}
	return t.UTC(), nil
}

// timeCursor reads fixed-width figures and remembers the first fault.
type timeCursor struct {
	rest string
	bad  bool
}

func (c *timeCursor) number(width int) int {
	if len(c.rest) < width {
		c.bad = true
		return 0
	}
	n := 0
	for _, d := range []byte(c.rest[:width]) {
		if d < '0' || d > '9' {
			c.bad = true
			return 0
		}
		n = n*10 + int(d-'0')
	}
	c.rest = c.rest[width:]
	return n
}

// has steps over one character of the set, if it is there.
func (c *timeCursor) has(set string) bool {
	for i := range len(set) {
		if c.rest != "" && c.rest[0] == set[i] {
			c.rest = c.rest[1:]
			return true
		}
	}
	return false
}

func (c *timeCursor) one(set string) {
	if !c.has(set) {
		c.bad = true
	}
}

// fraction reads one to nine digits as nanoseconds.
func (c *timeCursor) fraction() int {
	n, width := 0, 0
	for ; c.rest != "" && c.rest[0] >= '0' && c.rest[0] <= '9' && width < 9; width++ {
		n = n*10 + c.number(1)
	}
	if width == 0 {
		c.bad = true
	}
	for ; width < 9; width++ {
		n *= 10
	}
	return n
}

func (c *timeCursor) zone() *time.Location {
	if c.rest == "" {
		return exchangeTime
	}
	if c.has("Zz") {
		return time.UTC
	}
	sign := 1
	if c.has("-") {
		sign = -1
	} else {
		c.one("+")
	}
	hours, minutes := c.number(2), 0
	if c.has(":") || c.rest != "" {
		minutes = c.number(2)
	}
	if hours > 23 || minutes > 59 {
		c.bad = true
	}
	return time.FixedZone("", sign*(hours*60+minutes)*60)
}
