package projections_test

import (
	"testing"

	"pm/projections"
	"pm/projections/indextest"
)

func TestTheIndexInMemoryKeepsEveryPromise(t *testing.T) {
	indextest.Run(t, func(*testing.T) projections.Index { return projections.NewMemoryIndex() })
}
