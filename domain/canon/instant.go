package canon

import (
	"fmt"
	"time"
	"unsafe"
)

// maxYear is the last year that RFC 3339 can write.
const maxYear = 9999

// secondsLen is the length of 2006-01-02T15:04:05.
const secondsLen = 19

func writeTime(dst []byte, at unsafe.Pointer) ([]byte, error) {
	t := (*time.Time)(at).UTC()
	if y := t.Year(); y < 0 || y > maxYear {
		return dst, fmt.Errorf("canon: the year %d is outside 0 to %d", y, maxYear)
	}
	dst = t.AppendFormat(append(dst, '"'), time.RFC3339Nano)
	return append(dst, '"'), nil
}

func readTime(d *Decoder, at unsafe.Pointer) (err error) {
	*(*time.Time)(at), err = d.instant()
	return err
}

// ParseTime reads a time in its quotes, as Decode would: for those who take a record apart themselves.
func ParseTime(data []byte) (time.Time, error) {
	d := Decoder{data: data}
	t, err := d.instant()
	if err == nil && d.pos != len(data) {
		return time.Time{}, d.fail("something follows the time")
	}
	return t, err
}

// instant reads "YYYY-MM-DDThh:mm:ss[.fraction]Z" with its quotes, the fraction without trailing zeros.
func (d *Decoder) instant() (time.Time, error) {
	b := d.data[d.pos:]
	const shortest = secondsLen + len(`""Z`)
	if len(b) < shortest || b[0] != '"' || b[5] != '-' || b[8] != '-' || b[11] != 'T' || b[14] != ':' || b[17] != ':' {
		return time.Time{}, d.fail("a time as 2006-01-02T15:04:05Z must come here")
	}
	year, ok1 := number(b[1:5])
	month, ok2 := number(b[6:8])
	day, ok3 := number(b[9:11])
	hour, ok4 := number(b[12:14])
	minute, ok5 := number(b[15:17])
	second, ok6 := number(b[18:20])
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6) || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) ||
		hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, d.fail("the time does not exist")
	}
	nanos, n := fraction(b[1+secondsLen:])
	end := 1 + secondsLen + n
	if n < 0 || len(b) < end+2 || b[end] != 'Z' || b[end+1] != '"' {
		return time.Time{}, d.fail("a fraction without trailing zeros, at most nine digits, and Z must end the time")
	}
	d.pos += end + 2
	return time.Unix(86400*daysSince1970(year, month, day)+int64(3600*hour+60*minute+second), int64(nanos)).UTC(), nil
}

// daysSince1970 counts the days of the Gregorian calendar. It counts years from March, so that the leap day ends a year, in eras of 400
// years, each of 146,097 days (Howard Hinnant, chrono-Compatible Low-Level Date Algorithms).
func daysSince1970(year, month, day int) int64 {
	month -= 3
	if month < 0 {
		month, year = month+12, year-1
	}
	year += 400 // an era more, so that nothing here is below zero
	era := year / 400
	ofEra := year % 400
	ofYear := (153*month+2)/5 + day - 1
	return int64(146097*(era-1) + 365*ofEra + ofEra/4 - ofEra/100 + ofYear - 719468)
}

// number reads digits only.
func number(b []byte) (n int, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// fraction reads .1 to .999999999 and says how many bytes it has: 0 if there is none, -1 if its form is wrong.
func fraction(b []byte) (nanos, n int) {
	if len(b) == 0 || b[0] != '.' {
		return 0, 0
	}
	scale := 100_000_000
	for n = 1; n < len(b) && '0' <= b[n] && b[n] <= '9'; n++ {
		nanos += int(b[n]-'0') * scale
		scale /= 10
	}
	if n < 2 || n > 10 || b[n-1] == '0' {
		return 0, -1
	}
	return nanos, n
}

// daysIn is the length of a month of the Gregorian calendar.
func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}
