package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"pm/domain"
)

// number is a decimal that reads from a JSON number or a string of one, and writes a JSON number with all its digits.
type number struct{ domain.Decimal }

// UnmarshalJSON reads 1.50 and "1.50" alike; null leaves the number as it was.
func (n *number) UnmarshalJSON(text []byte) error {
	if bytes.Equal(text, []byte("null")) {
		return nil
	}
	if len(text) > 0 && text[0] == '"' {
		var inner string
		if err := json.Unmarshal(text, &inner); err != nil {
			return err
		}
		text = []byte(inner)
	}
	d, err := domain.ParseDecimal(string(text))
	if err != nil && d.UnmarshalText(text) != nil { // stored quotients have more digits than a signal may have
		return fmt.Errorf("%.40q: %w", text, err)
	}
	n.Decimal = d
	return nil
}

// MarshalJSON writes the digits without exponent.
func (n number) MarshalJSON() ([]byte, error) { return []byte(n.String()), nil }
