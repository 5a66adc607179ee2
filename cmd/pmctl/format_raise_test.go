package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheFormatIsShownRaisedAndShownAgain(t *testing.T) {
	s := staffed(t)
	for _, step := range []struct {
		name string
		args []string
	}{
		{"format.txt", []string{"format"}},
		{"format-raise.txt", []string{"format", "raise", "2"}},
		{"format-raise-unchanged.txt", []string{"format", "raise", "2"}},
		{"format-raised.txt", []string{"format"}},
		{"format-raised.json", []string{"format", "-o", "json"}},
	} {
		out, errs := s.as(t, "ada", exitFine, step.args...)
		require.Empty(t, errs, step.name)
		golden(t, step.name, out)
	}
}
