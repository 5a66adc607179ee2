package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/engine"
)

func TestABookWithAnOrderThatTheLogHasYetToMakeIsAheadOfIt(t *testing.T) {
	tag := func(n uint64) string { return domain.NewOrderID("main", n).Tag() }
	state := domain.NewState()
	state.OrderCount = 5
	for n, ahead := range map[uint64]bool{0: false, 4: false, 5: true, 5 + maxAhead - 1: true, 5 + maxAhead: false} {
		book := engine.Book{Orders: []engine.BookOrder{{BrokerID: "P-1", Tag: "byhand"}, {BrokerID: "P-2", Tag: tag(n)}}}
		id, found := aheadOf(state, book, "main")
		require.Equal(t, ahead, id == "P-2", "order %d", n)
		if ahead {
			require.Equal(t, n, found)
		}
	}
	id, _ := aheadOf(state, engine.Book{Orders: []engine.BookOrder{{BrokerID: "P-1", Tag: tag(5)}}}, "other")
	require.Empty(t, id, "another portfolio's tags are others")
}
