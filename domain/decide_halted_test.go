package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

// stopEntries is the service's word that it found something.
func stopEntries(cause string) step {
	return command(func(st *story) domain.Command {
		return domain.StopEntries{Cause: cause, Text: "found", Now: st.now}
	})
}

func TestTheServiceReducesFromActiveOnlyAndNeverLiftsAHalt(t *testing.T) {
	frozen := append(append([]step{}, held...), trading(domain.Halted), wait(time.Second), bar("BANK_NIFTY", "51000", "350"), wait(time.Second))
	st := given(t, frozen...).when(stopEntries("disk_full")).then()
	require.Equal(t, domain.Halted, st.state.Trading.Mode)
	st.when(stopEntries("late_divergence")).then("AlarmRaised code=late_divergence subject=snapshot details.found=found")
	require.Equal(t, "asha", st.state.Trading.By)
	require.Empty(t, st.state.Orders, "what the halt holds back stays held back")
	given(t, held...).when(stopEntries("disk_full")).then("TradingStateChanged from=ACTIVE to=REDUCING by=service").
		when(stopEntries("disk_full")).then()
}

func TestADivergenceThatWasFoundWhileHaltedStopsEntriesWhenAPersonResumes(t *testing.T) {
	st := given(t, held...).and(trading(domain.Halted), bar("BANK_NIFTY", "51000", "350"), stopEntries("late_divergence"), wait(time.Second))
	st.when(stopEntries("late_divergence")).then()
	st.when(trading(domain.Active)).then("TradingStateChanged to=ACTIVE by=asha", "TradingStateChanged to=REDUCING reason=late_divergence by=service",
		"ExitRequested cause=stop_hit", "OrderInitialized kind=exit")
	require.Empty(t, st.state.Alarms, "the trading state says it now")
	st.when(trading(domain.Active)).then("TradingStateChanged to=ACTIVE")
}

func TestADivergenceThatWasFoundWhileAPersonReducesIsNotLost(t *testing.T) {
	st := given(t, trading(domain.Reducing), stopEntries("late_divergence"), trading(domain.Halted), trading(domain.Reducing))
	require.NotNil(t, st.state.Alarms["late_divergence/snapshot"])
	st.when(trading(domain.Active)).then("TradingStateChanged to=ACTIVE", "TradingStateChanged to=REDUCING reason=late_divergence")
	given(t, stopEntries("late_divergence")).when(stopEntries("late_divergence")).then()
}
