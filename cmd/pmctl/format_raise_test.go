package main

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

// newest is the newest format in what pmctl says of formats: the goldens stay as they are when it rises.
var newest = regexp.MustCompile(fmt.Sprintf(`(formats up to|format raise|in format|log format:|"format":|"known":) %d\b`, domain.Format))

func unnumbered(out string) string { return newest.ReplaceAllString(out, "$1 <newest>") }

func TestTheFormatIsShownRaisedAndShownAgain(t *testing.T) {
	s := staffed(t)
	for _, step := range []struct {
		name string
		args []string
	}{
		{"format.txt", []string{"format"}},
		{"format-raise.txt", []string{"format", "raise", strconv.Itoa(domain.Format)}},
		{"format-raise-unchanged.txt", []string{"format", "raise", strconv.Itoa(domain.Format)}},
		{"format-raised.txt", []string{"format"}},
		{"format-raised.json", []string{"format", "-o", "json"}},
	} {
		out, errs := s.as(t, "ada", exitFine, step.args...)
		require.Empty(t, errs, step.name)
		golden(t, step.name, unnumbered(out))
	}
}
