package domain

import (
	"fmt"
	"strings"
	"time"
)

// exchangeTime is Asia/Kolkata: a fixed offset, without daylight saving since 1945, so no zone table is needed.
var exchangeTime = time.FixedZone("IST", 5*3600+30*60)

// Session is the trading day of an exchange in minutes after midnight, exchange time.
type Session struct {
	Open, Close int
	WinterClose int // the close while the United States are outside daylight saving time
}

// ParseSession reads 09:15-15:30, or 09:00-23:30/23:55 with the close outside US daylight saving time behind the slash.
func ParseSession(text string) (Session, error) {
	bad := fmt.Errorf("%q is not a session like 09:15-15:30 or 09:00-23:30/23:55", text)
	open, rest, ok := strings.Cut(text, "-")
	if !ok {
		return Session{}, bad
	}
	closing, winter, ok := strings.Cut(rest, "/")
	if !ok {
		winter = closing
	}
	s := Session{Open: minutes(open), Close: minutes(closing), WinterClose: minutes(winter)}
	if s.Open < 0 || s.Close <= s.Open || s.WinterClose <= s.Open {
		return Session{}, bad
	}
	return s, nil
}

func minutes(clock string) int {
	t, err := time.Parse("15:04", clock)
	if err != nil {
		return -1
	}
	return t.Hour()*60 + t.Minute()
}

// Contains says whether t lies in the session of a weekday: the opening minute is in, the closing minute is out.
// Holidays are not known here.
func (s Session) Contains(t time.Time) bool {
	local := t.In(exchangeTime)
	if day := local.Weekday(); day == time.Saturday || day == time.Sunday {
		return false
	}
	now := local.Hour()*60 + local.Minute()
	return now >= s.Open && now < s.closing(t)
}

// Ends is the end of the session on the exchange day of t.
func (s Session) Ends(t time.Time) time.Time {
	y, m, d := t.In(exchangeTime).Date()
	return time.Date(y, m, d, 0, s.closing(t), 0, 0, exchangeTime).UTC()
}

func (s Session) closing(t time.Time) int {
	if usDaylightSaving(t) {
		return s.Close
	}
	return s.WinterClose
}

// usDaylightSaving holds from the second Sunday of March to the first Sunday of November, from 07:00 and until 06:00 UTC (US Eastern).
func usDaylightSaving(t time.Time) bool {
	year := t.UTC().Year()
	start := nthSunday(year, time.March, 2).Add(7 * time.Hour)
	end := nthSunday(year, time.November, 1).Add(6 * time.Hour)
	return !t.Before(start) && t.Before(end)
}

func nthSunday(year int, month time.Month, n int) time.Time {
	first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	days := (7 - int(first.Weekday())) % 7
	return first.AddDate(0, 0, days+7*(n-1))
}
