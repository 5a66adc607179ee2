package main

import (
	"fmt"
	"strings"
	"time"

	"pm/domain"
)

// exchangeTime is the zone in which tables show times; JSON and YAML stay in UTC.
var exchangeTime = time.FixedZone("IST", 5*3600+30*60)

// money writes rupees for people: two digits after the point, thousands apart.
func money(d domain.Decimal) string { return grouped(d.RoundBank(2).StringFixed(2)) }

// price writes points for people: all digits that there are, thousands apart.
func price(d domain.Decimal) string { return grouped(d.String()) }

// grouped sets commas between the thousands of a plain decimal.
func grouped(text string) string {
	text, minus := strings.CutPrefix(text, "-")
	whole, rest, point := strings.Cut(text, ".")
	var out strings.Builder
	if minus {
		out.WriteByte('-')
	}
	for i, digit := range []byte(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteByte(digit)
	}
	if point {
		out.WriteString("." + rest)
	}
	return out.String()
}

// clock writes an instant in exchange time, "" for none.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(exchangeTime).Format("2006-01-02 15:04:05")
}

// counted is a number with its noun: 1 lot, 2 lots.
func counted[N ~int | ~uint64](n N, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return grouped(fmt.Sprint(n)) + " " + noun
}
