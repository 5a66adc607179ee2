package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

// held is a base of 4 lots bought at 52000, stop at 51475.
var held = []step{base("52000"), filled(0, "4@52000"), wait(time.Minute)}

// two is held and a pyramid of 2 lots at 53500, its stop at 52975.
var two = append(append([]step{}, held...), pyramid("Long_2", "53500"), filled(1, "2@53500"), wait(time.Minute))

func TestAnExitClaimsItsLotsAndOrdersThem(t *testing.T) {
	st := given(t, two...).when(exit("BANK_NIFTY", "ALL", `,"price":54000`)).then(
		"SignalReceived outcome=accepted",
		"ExitRequested cause=signal claims.#=2 claims.0.lots=4 claims.1.lots=2",
		"OrderInitialized kind=exit side=SELL type=MARKET lots=6 reference_price=54000 attempt=1")
	require.Equal(t, 4, st.position("BANK_NIFTY-1-Long_1").Leaving)
	st.and(accepted(2), booked(2, "", 30, "6@54000"))
	require.Nil(t, st.state.Markets["BANK_NIFTY"].Campaign)
	require.Equal(t, "270000", st.state.Capital.Realized.String(), "(4 × 2000 + 2 × 500) × 30")
	require.Equal(t, "5270000", st.state.Capital.HighWater.String())
}

func TestAnExitOfOneLayerLeavesTheOthers(t *testing.T) {
	st := given(t, two...).when(exit("BANK_NIFTY", "Long_1", "")).then("SignalReceived", "ExitRequested claims.#=1 claims.0.lots=4", "OrderInitialized lots=4")
	st.and(filled(2, "4@53000"), wait(time.Minute))
	st.when(pyramid("Long_3", "55000")).judged(domain.VerdictRejected, domain.ReasonNoBase)
	st.when(base("55000")).judged(domain.VerdictRejected, domain.ReasonCampaignOpen)
}

func TestABaseThatIsLeavingCountsAsNotOpen(t *testing.T) {
	given(t, held...).and(exit("BANK_NIFTY", "Long_1", "")).when(pyramid("Long_2", "53500")).judged(domain.VerdictRejected, domain.ReasonNoBase)
}

func TestASecondExitIsADuplicateOfTheOneThatClaimedTheLots(t *testing.T) {
	st := given(t, held...).and(exit("BANK_NIFTY", "ALL", ""), wait(time.Second))
	claimed := st.state.StandingIntents()[0].Revision
	st.when(exit("BANK_NIFTY", "Long_1", "")).judged(domain.VerdictDuplicate, domain.ReasonDuplicate)
	require.Equal(t, claimed, st.first)
}

func TestAnExitOfNothingIsNotOpen(t *testing.T) {
	given(t).when(exit("BANK_NIFTY", "ALL", "")).judged(domain.VerdictRejected, domain.ReasonNotOpen)
	given(t, held...).when(exit("BANK_NIFTY", "Long_3", "")).judged(domain.VerdictRejected, domain.ReasonNotOpen)
}

func TestAnUnclearExitIsRefusedWithAnAlarmAndNeverGuessed(t *testing.T) {
	given(t, held...).when(exit("BANK_NIFTY", "Long_9", "")).judged(domain.VerdictRejected, domain.ReasonUnclearExit).
		then("SignalReceived flags.#=1", "SignalRejected", "AlarmRaised code=unclear_exit")
}

func TestAnExitIsNeverRefusedForAgeStateOrInstrument(t *testing.T) {
	old := send(`{"type":"EXIT","instrument":"BANK_NIFTY","position":"ALL","timestamp":"2020-01-01T10:00:00Z"}`)
	given(t, held...).and(trading(domain.Reducing)).when(old).judged(domain.VerdictAccepted).
		then("SignalReceived flags.#=1", "ExitRequested", "OrderInitialized")
	gone := command(func(st *story) domain.Command {
		flat := map[string]string{}
		for k, v := range st.state.Configured {
			if len(k) < 22 || k[:22] != "instruments.BANK_NIFTY" {
				flat[k] = v
			}
		}
		return domain.Configure{Settings: flat, Now: st.now}
	})
	given(t, held...).and(gone).when(exit("BANK_NIFTY", "ALL", "")).judged(domain.VerdictAccepted).
		then("SignalReceived", "ExitRequested", "OrderInitialized lot_size=30 point_value=30")
}

func TestAnExitBeforeTheFillBindsToWhatFills(t *testing.T) {
	st := given(t, base("52000"), accepted(0)).when(exit("BANK_NIFTY", "ALL", "")).then(
		"SignalReceived outcome=accepted", "ExitRequested claims.#=0 binds.#=1", "OrderCancelRequested")
	st.when(booked(0, "canceled", 30, "3@52000")).then(
		"OrderFilled last_qty=3", "OrderCanceled", "OrderInitialized kind=exit lots=3")
	st.and(filled(1, "3@51990"))
	require.Empty(t, st.state.Intents)
	require.Nil(t, st.state.Markets["BANK_NIFTY"].Campaign)
}

func TestAnExitOfAnEntryThatWasNeverSentCancelsIt(t *testing.T) {
	st := given(t, base("52000")).when(exit("BANK_NIFTY", "ALL", "")).then("SignalReceived", "ExitRequested", "OrderCanceled")
	require.Empty(t, st.state.Intents)
	require.Equal(t, 1, st.state.Markets["BANK_NIFTY"].Campaigns, "the number is burned")
	st.and(wait(2*time.Minute)).when(base("52000")).then("SignalReceived", "OrderInitialized entry.campaign=2")
}

func TestAnExitStandsUntilItsLotsAreGone(t *testing.T) {
	st := given(t, held...).and(exit("BANK_NIFTY", "ALL", "")).when(rejected(1))
	st.then("OrderRejected code=margin")
	st.and(wait(time.Second - time.Nanosecond)).when(tick()).then()
	st.and(wait(time.Nanosecond)).when(tick()).then("OrderInitialized attempt=2 lots=4")
	st.and(accepted(2), booked(2, "canceled", 30, "1@52100"), wait(2*time.Second)).when(tick()).
		then("OrderInitialized attempt=3 lots=3", "AlarmRaised code=exit_retries")
	st.and(filled(3, "3@52100"))
	require.Empty(t, st.state.Intents)
	require.Empty(t, st.state.Alarms, "the alarm goes with its exit")
}

func TestRetriesWaitLongerUpToHalfAMinute(t *testing.T) {
	var got []time.Duration
	for n := 1; n <= 7; n++ {
		got = append(got, domain.RetryWait(n)/time.Second)
	}
	require.Equal(t, []time.Duration{1, 2, 4, 8, 16, 30, 30}, got)
}

func TestAnExitThatWorksTooLongIsCancelledAndFollowedByAnother(t *testing.T) {
	st := given(t, held...).and(exit("BANK_NIFTY", "ALL", ""), accepted(1), wait(30*time.Second-time.Nanosecond)).when(tick()).then()
	st.and(wait(time.Nanosecond)).when(tick()).then("OrderCancelRequested")
	st.when(booked(1, "canceled", 30)).then("OrderCanceled")
	st.and(wait(time.Second)).when(tick()).then("OrderInitialized attempt=2")
}

func TestAnExitThatCouldNotBeSentExpiresAndIsFollowedByAnother(t *testing.T) {
	given(t, held...).and(exit("BANK_NIFTY", "ALL", ""), wait(60*time.Second)).when(tick()).then("OrderExpired").
		and(wait(time.Second)).when(tick()).then("OrderInitialized attempt=2")
}

func TestAPartOfALayerTakesItsCostProRataAndNothingLeaks(t *testing.T) {
	st := given(t, base("52000"), accepted(0), booked(0, "", 30, "1@52000.01", "4@52000.02")).and(wait(time.Minute))
	require.Equal(t, "52000.0175", st.position("BANK_NIFTY-1-Long_1").Entry().Price().String())
	st.and(exit("BANK_NIFTY", "ALL", ""), accepted(1), booked(1, "", 30, "1@52000", "2@52000", "4@52000"))
	require.Equal(t, "-2.1", st.state.Capital.Realized.String(), "4 × 52000 − (52000.01 + 3 × 52000.02), × 30")
	require.Equal(t, "5000000", st.state.Capital.HighWater.String())
}

func TestHaltedHoldsBackExitsOnceALayerAndResumeLetsThemGo(t *testing.T) {
	st := given(t, held...).and(trading(domain.Halted), wait(time.Second)).when(bar("BANK_NIFTY", "51000", "350")).then(
		"SignalReceived", "BarClosed", "ExitRequested held_back=true claims.0.lots=0", "AlarmRaised code=exit_held_back")
	st.and(wait(time.Second)).when(bar("BANK_NIFTY", "50900", "350")).then("SignalReceived", "BarClosed")
	st.and(wait(time.Second)).when(exit("BANK_NIFTY", "ALL", "")).judged(domain.VerdictDuplicate, domain.ReasonDuplicate)
	st.and(wait(time.Hour)).when(trading(domain.Active)).then("TradingStateChanged to=ACTIVE", "ExitRequested cause=stop_hit claims.0.lots=4", "OrderInitialized lots=4")
}

func TestAHeldBackExitThatWasWithdrawnStays(t *testing.T) {
	st := given(t, held...).and(trading(domain.Halted), wait(time.Second), exit("BANK_NIFTY", "ALL", ""))
	id := st.state.StandingIntents()[0].ID
	st.when(command(func(st *story) domain.Command {
		return domain.WithdrawExit{IntentID: id, By: "asha", Reason: "keep", Now: st.now}
	})).then("ExitWithdrawn")
	st.when(trading(domain.Active)).then("TradingStateChanged")
	require.Equal(t, 4, st.position("BANK_NIFTY-1-Long_1").Free())
}

func TestAPersonsExitIsSentWhileHalted(t *testing.T) {
	st := given(t, held...).and(trading(domain.Halted))
	st.when(command(func(st *story) domain.Command {
		return domain.ExitPosition{PositionID: "BANK_NIFTY-1-Long_1", By: "asha", Reason: "out", ID: "c1", Now: st.now}
	})).then("ExitRequested cause=operator", "OrderInitialized")
	st.when(begin(1)).then("OrderSendStarted")
}

func TestStandingExitsStartNoOrderWhileHalted(t *testing.T) {
	st := given(t, held...).and(exit("BANK_NIFTY", "ALL", ""), trading(domain.Halted))
	begin(1)(st)
	require.ErrorIs(t, st.err, domain.ErrNotDue)
	st.and(wait(time.Hour)).when(tick()).then("OrderExpired")
	st.and(wait(time.Hour)).when(tick()).then()
	st.when(trading(domain.Reducing)).then("TradingStateChanged", "OrderInitialized attempt=2")
}

func TestReducingEndsEntriesThatAreInFlight(t *testing.T) {
	given(t, base("52000")).when(trading(domain.Reducing)).then("TradingStateChanged", "OrderExpired")
	given(t, base("52000"), accepted(0)).when(trading(domain.Reducing)).then("TradingStateChanged", "OrderCancelRequested")
	given(t, base("52000"), unknown(0)).when(trading(domain.Halted)).then("TradingStateChanged", "OrderCancelRequested")
}

func TestCloseAllMakesRealExitOrders(t *testing.T) {
	closeAll := command(func(st *story) domain.Command {
		return domain.CloseAll{By: "asha", Reason: "done", ID: "c9", Now: st.now}
	})
	st := given(t, two...).and(entry("BASE_ENTRY", "GOLD_MINI", "Long_1", "120000", "119000", "900", "")).when(closeAll)
	st.then("ExitRequested cause=close_all claims.#=2", "ExitRequested claims.#=0 binds.#=1", "OrderCanceled", "OrderInitialized lots=6")
	st.when(closeAll).then()
}

func TestAWithdrawnExitLetsGoOfItsLots(t *testing.T) {
	st := given(t, held...).and(exit("BANK_NIFTY", "ALL", ""), accepted(1))
	id := st.state.StandingIntents()[0].ID
	withdraw := command(func(st *story) domain.Command {
		return domain.WithdrawExit{IntentID: id, By: "asha", Reason: "keep", Now: st.now}
	})
	st.when(withdraw).then("ExitWithdrawn", "OrderCancelRequested")
	st.when(booked(1, "canceled", 30, "1@52000")).then("OrderFilled", "OrderCanceled")
	require.Equal(t, 3, st.position("BANK_NIFTY-1-Long_1").Free())
	st.when(withdraw).refused("not_standing")
}

func tick() step { return func(st *story) { st.do(domain.Tick{Now: st.now}) } }
