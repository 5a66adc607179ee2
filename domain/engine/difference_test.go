package engine_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/engine"
)

func TestAStartFindsThatTheBrokerHoldsOtherUnits(t *testing.T) {
	r := newRig(t)
	r.broker.nets = []map[string]int{{"BANKNIFTY-FUT": 30}}
	r.run(true)
	r.until("reducing", func(s *domain.State) bool { return s.Trading.Mode == domain.Reducing })
	require.NoError(t, r.stop())
	require.Equal(t, []string{"BrokerDifferenceFound", "AlarmRaised", "TradingStateChanged"}, r.types(2))
}

func TestAStartFindsNothingWhereBothHoldTheSameOrAnOrderIsUnderWay(t *testing.T) {
	r := newRig(t)
	r.broker.take = true
	_, err := r.engine.Step(t.Context(), r.base())
	require.NoError(t, err)
	require.NoError(t, r.engine.Settle(t.Context()))
	units := 0
	for _, l := range r.engine.State().Layers() {
		units += l.Lots * l.LotSize
	}
	require.Positive(t, units)

	compared := make(chan domain.ReportPositions, 1)
	r.broker.nets = []map[string]int{{"BANKNIFTY-FUT": units}}
	r.restart(func(o *engine.Options) { o.Observe = watch(compared) })
	before := len(r.types(0))
	r.run(true)
	report := heard(t, compared)
	require.Equal(t, map[string]int{"BANKNIFTY-FUT": units}, report.Net)
	require.Empty(t, report.Busy)
	require.NoError(t, r.stop())
	require.Len(t, r.types(0), before, "both hold the same")

	r.broker.answer = func(engine.Order) engine.Answer { return engine.Answer{Kind: engine.Unknown} }
	r.broker.take = false
	r.restart(func(o *engine.Options) { o.Observe = watch(compared) })
	_, err = r.engine.Step(t.Context(), r.exit())
	require.NoError(t, err)
	r.broker.nets = []map[string]int{{}}
	r.run(true)
	require.Equal(t, map[string]bool{"BANKNIFTY-FUT": true}, heard(t, compared).Busy)
	require.NoError(t, r.stop())
	require.NotContains(t, r.types(0), "BrokerDifferenceFound", "an exit is under way")
}

// heard waits for a report, not for ever.
func heard(t *testing.T, from <-chan domain.ReportPositions) domain.ReportPositions {
	t.Helper()
	select {
	case report := <-from:
		return report
	case <-time.After(10 * time.Second):
		t.Fatal("the books were not compared")
		return domain.ReportPositions{}
	}
}

// watch passes on the reports of positions that a step has decided.
func watch(to chan domain.ReportPositions) func(engine.Observation) {
	return func(o engine.Observation) {
		for _, c := range o.Commands {
			if report, ok := c.(domain.ReportPositions); ok {
				select {
				case to <- report:
				default: // one is enough
				}
			}
		}
	}
}
