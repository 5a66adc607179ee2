package snapshottest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pm/projections"
)

func TestMemoryKeepsEveryPromiseThatNeedsNoSQL(t *testing.T) {
	Run(t, func(*testing.T) Place {
		m := NewMemory()
		return Place{Open: func(t *testing.T) projections.Snapshot {
			s := m.Session()
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			return s
		}}
	})
}
