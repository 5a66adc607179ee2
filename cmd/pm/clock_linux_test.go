package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBootTimeNeverFalls(t *testing.T) {
	clock := uptime()
	require.NotNil(t, clock)
	before := clock()
	require.Positive(t, before)
	require.GreaterOrEqual(t, clock(), before)
}
