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

func closeAll(id string) step {
	return command(func(st *story) domain.Command {
		return domain.CloseAll{By: "asha", Reason: "out", ID: id, Now: st.now}
	})
}

func withdraw(n int) step {
	return command(func(st *story) domain.Command {
		return domain.WithdrawExit{IntentID: st.state.StandingIntents()[n].ID, By: "asha", Reason: "keep", Now: st.now}
	})
}

func TestCloseAllWhileHaltedTakesWhatAWorkingExitLeavesUnsold(t *testing.T) {
	st := given(t, held...).and(entry("BASE_ENTRY", "GOLD_MINI", "Long_1", "120000", "119000", "900", ""), accepted(1), booked(1, "", 100, "5@120000"))
	st.and(exit("BANK_NIFTY", "ALL", ""), accepted(2), trading(domain.Halted)).when(closeAll("c1")).then(
		"ExitRequested cause=close_all claims.#=1 claims.0.position_id=BANK_NIFTY-1-Long_1 claims.0.lots=0 binds.#=1 binds.0="+string(st.order(2)),
		"ExitRequested cause=close_all instrument=GOLD_MINI claims.0.lots=5", "OrderInitialized kind=exit instrument=GOLD_MINI lots=5")
	st.when(closeAll("c2")).refused("already_leaving")
	st.and(wait(31 * time.Second)).when(tick()).then("OrderCancelRequested")
	st.when(booked(2, "canceled", 30, "1@52000")).then("OrderFilled", "OrderCanceled")
	require.Equal(t, 3, st.position("BANK_NIFTY-1-Long_1").Leaving, "the rest has changed hands and was never free")
	require.Len(t, st.state.Intents, 2)
	st.and(wait(time.Second)).when(tick()).then("OrderInitialized kind=exit instrument=BANK_NIFTY lots=3 attempt=1")
	st.and(filled(4, "3@52000"))
	require.Nil(t, st.state.Markets["BANK_NIFTY"].Campaign)
	require.Equal(t, domain.Halted, st.state.Trading.Mode)
}

func TestCloseAllWhileHaltedEndsWithTheExitThatItWaitedFor(t *testing.T) {
	for name, outcome := range map[string]step{"filled": booked(1, "", 30, "4@52000"), "unknown and filled": func(st *story) {
		sent(1, domain.ReportSent{Code: "timeout"})(st)
		booked(1, "", 30, "4@52000")(st)
	}} {
		t.Run(name, func(t *testing.T) {
			st := given(t, held...).and(exit("BANK_NIFTY", "ALL", ""), begin(1), trading(domain.Halted))
			st.when(closeAll("c1")).then("ExitRequested claims.0.lots=0 binds.#=1").and(outcome)
			require.Empty(t, st.state.Intents)
			require.Nil(t, st.state.Markets["BANK_NIFTY"].Campaign)
		})
	}
}

func TestCloseAllWhileHaltedGoesOnWhereARefusedExitStopped(t *testing.T) {
	st := given(t, two...).and(exit("BANK_NIFTY", "Long_2", ""), begin(2), trading(domain.Halted)).when(closeAll("c1")).then(
		"ExitRequested claims.#=2 claims.0.lots=4 claims.1.layer=Long_2 claims.1.lots=0 binds.#=1", "OrderInitialized lots=4")
	st.when(sent(2, domain.ReportSent{Refused: true, Code: "margin"})).then("OrderRejected")
	require.Equal(t, []domain.Claim{
		{PositionID: "BANK_NIFTY-1-Long_1", Layer: "Long_1", Lots: 4}, {PositionID: "BANK_NIFTY-1-Long_2", Layer: "Long_2", Lots: 2},
	}, st.state.StandingIntents()[0].Claims)
	st.and(filled(3, "4@52000"), wait(time.Second)).when(tick()).then("OrderInitialized lots=2")
}

func TestCloseAllWhileHaltedTakesOverWhatAnEntryStillFills(t *testing.T) {
	st := given(t, base("52000"), accepted(0), booked(0, "", 30, "1@52000"), exit("BANK_NIFTY", "ALL", ""), trading(domain.Halted))
	st.when(closeAll("c1")).then("OrderCanceled", "ExitWithdrawn", "ExitRequested cause=close_all claims.0.lots=1 binds.#=1", "OrderInitialized lots=1")
	st.when(booked(0, "canceled", 30, "1@52000", "2@52000")).then("OrderFilled", "OrderCanceled")
	st.and(filled(2, "1@52000"), wait(time.Second)).when(tick()).then("OrderInitialized lots=2")
}

func TestCloseAllWhileHaltedTakesOverAnEntryWhoseExitIsWorking(t *testing.T) {
	st := given(t, base("52000"), accepted(0), booked(0, "", 30, "1@52000"), exit("BANK_NIFTY", "ALL", ""), accepted(1), trading(domain.Halted))
	st.when(closeAll("c1")).then("ExitRequested claims.0.lots=0 binds.#=1")
	st.when(booked(1, "", 30, "1@52000")).then("OrderFilled")
	require.Equal(t, []domain.OrderID{st.order(0)}, st.state.StandingIntents()[0].Binds)
	st.when(booked(0, "canceled", 30, "1@52000", "2@52000")).then("OrderFilled", "OrderCanceled", "OrderInitialized kind=exit lots=2")
}

func TestCloseAllTakesWhatAWithdrawnExitStillHasAtTheBroker(t *testing.T) {
	st := given(t, held...).and(exit("BANK_NIFTY", "ALL", ""), accepted(1), withdraw(0)).when(closeAll("c1")).then("ExitRequested claims.0.lots=0 binds.#=1")
	st.when(booked(1, "canceled", 30, "1@52000")).then("OrderFilled", "OrderCanceled")
	st.and(wait(time.Second)).when(tick()).then("OrderInitialized lots=3")
}

func TestACloseAllThatIsWithdrawnLeavesTheExitThatItWaitedFor(t *testing.T) {
	st := given(t, held...).and(exit("BANK_NIFTY", "ALL", ""), accepted(1), trading(domain.Halted), closeAll("c1"))
	st.when(withdraw(1)).then("ExitWithdrawn")
	st.and(booked(1, "canceled", 30), wait(time.Hour)).when(tick()).then()
	st.when(trading(domain.Active)).then("TradingStateChanged", "OrderInitialized lots=4 attempt=2")
}
