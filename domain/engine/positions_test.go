package engine

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

// shown is a broker of which only the traits count here.
type shown struct {
	Broker
	settle time.Duration
}

func (b shown) Traits() Traits { return Traits{Settle: b.settle} }

// positions gives what the comparison reports of a row of books, nil where it reports nothing.
func positions(t *testing.T, settle time.Duration, books ...map[string]int) (reported []*domain.ReportPositions) {
	t.Helper()
	w := New(Options{Broker: shown{settle: settle}}, domain.NewState(), eventstore.Empty("p")).work
	for _, net := range books {
		var got *domain.ReportPositions
		w.do = func(_ context.Context, commands ...domain.Command) ([]Result, error) {
			report := commands[0].(domain.ReportPositions)
			got = &report
			return nil, nil
		}
		w.comparePositions(t.Context(), Book{Net: net}, domain.ReportPositions{Busy: map[string]bool{"MOVES": true}, Orders: 7})
		reported = append(reported, got)
	}
	return reported
}

func TestABrokerThatShowsEverythingAtOnceIsBelievedAtOnce(t *testing.T) {
	got := positions(t, 0, map[string]int{"A": 30})
	require.Equal(t, map[string]int{"A": 30}, got[0].Net)
	require.Equal(t, map[string]bool{"MOVES": true}, got[0].Busy)
	require.Equal(t, uint64(7), got[0].Orders)
}

func TestABrokerThatShowsThingsLateIsBelievedWhenTwoBooksInARowAgree(t *testing.T) {
	got := positions(t, time.Second, map[string]int{"A": 30, "B": 5, "C": 1}, map[string]int{"A": 30, "B": 6, "D": 1}, map[string]int{"A": 30, "B": 6, "D": 1})
	require.Nil(t, got[0])
	busy := func(report *domain.ReportPositions) (out []string) {
		for _, contract := range []string{"A", "B", "C", "D", "MOVES"} {
			if report.Busy[contract] {
				out = append(out, contract)
			}
		}
		return out
	}
	require.Equal(t, []string{"B", "C", "D", "MOVES"}, busy(got[1]))
	require.Equal(t, []string{"MOVES"}, busy(got[2]))
}

func TestABookWithoutPositionsSaysNothing(t *testing.T) {
	require.Equal(t, []*domain.ReportPositions{nil}, positions(t, 0, nil))
}
