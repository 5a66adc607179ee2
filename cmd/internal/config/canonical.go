package config

import (
	"strconv"
	"strings"
	"time"

	"pm/domain"
)

// canonical writes a readable value in the one way that the log knows, so that 60s and 1m are no change of settings.
// What cannot be read stays as it is: the check that follows reports it.
func canonical(k kind, value string) string {
	switch k {
	case flag:
		if b, err := strconv.ParseBool(value); err == nil {
			return strconv.FormatBool(b)
		}
	case decimal:
		if d, ok := number(value); ok {
			return d.String()
		}
	case whole:
		if n, err := strconv.Atoi(value); err == nil {
			return strconv.Itoa(n)
		}
	case span:
		if d, err := time.ParseDuration(value); err == nil {
			return spanText(d)
		}
	case text, list:
	}
	return value
}

// number reads a decimal.
func number(value string) (domain.Decimal, bool) {
	var d domain.Decimal
	err := d.UnmarshalText([]byte(value))
	return d, err == nil
}

// spanText is a duration without the zeros that Go puts behind it: 5m, not 5m0s.
func spanText(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
