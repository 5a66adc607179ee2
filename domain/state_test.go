package domain

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnEmptyStateHasACanonicalForm(t *testing.T) {
	require.Contains(t, string(NewState().Canonical()), `"portfolio":""`)
}
