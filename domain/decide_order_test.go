package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

func TestAnOrderIsMarkedBeforeItIsSentAndOnlyOnce(t *testing.T) {
	st := given(t, base("52000")).when(begin(0)).then("OrderSendStarted attempt=1 epoch=1 not_after=2026-01-07T05:00:05Z")
	begin(0)(st)
	require.ErrorIs(t, st.err, domain.ErrNotDue)
}

func TestAnOrderThatWasNotSentInAMinuteExpires(t *testing.T) {
	st := given(t, base("52000"), wait(60*time.Second-time.Nanosecond)).when(tick()).then()
	st.and(wait(time.Nanosecond)).when(tick()).then("OrderExpired")
	require.Nil(t, st.state.Markets["BANK_NIFTY"].Campaign)
	require.Equal(t, "0", st.state.Figures().Margin.String())
}

func TestAnythingThatIsNotProvedIsUnknown(t *testing.T) {
	given(t, base("52000"), begin(0)).when(sent(0, domain.ReportSent{})).then("OrderUnknown", "AlarmRaised code=unknown_order")
	given(t, base("52000"), begin(0)).when(sent(0, domain.ReportSent{Accepted: true})).then("OrderUnknown", "AlarmRaised") // success without an id
	given(t, base("52000"), begin(0)).when(sent(0, domain.ReportSent{Refused: true, Code: "margin"})).then("OrderRejected code=margin")
}

func TestAnUnknownIsResolvedFromTheBookAndNeverSentAgain(t *testing.T) {
	st := given(t, base("52000"), unknown(0))
	begin(0)(st)
	require.ErrorIs(t, st.err, domain.ErrNotDue)
	st.err = nil
	st.when(booked(0, "", 30, "4@52000")).then("OrderAccepted found=tag broker_id=B0", "OrderFilled cum_qty=4 leaves_qty=0")
	absent := given(t, base("52000"), unknown(0)).when(command(func(st *story) domain.Command {
		return domain.ReportAbsent{OrderID: st.order(0), Evidence: "book", Now: st.now}
	})).then("OrderNotAccepted")
	require.Nil(t, absent.state.Markets["BANK_NIFTY"].Campaign)
}

func TestARestartMakesWhatWasBeingSentUnknown(t *testing.T) {
	given(t, base("52000"), begin(0)).when(command(func(st *story) domain.Command { return domain.AdoptOrders{Now: st.now} })).
		then("OrderUnknown cause=restart", "AlarmRaised code=unknown_order")
}

func TestAReportThatMeetsASendingOrderAcceptsItFirst(t *testing.T) {
	given(t, base("52000"), begin(0)).when(booked(0, "rejected", 30, "1@52000")).then("OrderAccepted", "OrderFilled last_qty=1", "OrderRejected")
}

func TestFillsAreBookedByTheirCumulativeQuantity(t *testing.T) {
	st := given(t, base("52000"), accepted(0)).when(booked(0, "", 30, "1@52000")).then("OrderFilled last_qty=1 cum_qty=1 leaves_qty=3")
	st.when(booked(0, "", 30, "1@52000")).then()
	st.when(booked(0, "", 30, "1@52000", "2@52010")).then("OrderFilled last_qty=2 cum_qty=3 leaves_qty=1 last_px=52010")
	require.Equal(t, "52000", st.position("BANK_NIFTY-1-Long_1").BoughtCost.Sub(domain.D("104020")).String())
	require.Equal(t, 3, st.state.Markets["BANK_NIFTY"].Campaign.BaseLots)
}

func TestMoreThanWasOrderedIsAnAlarmAndNotBooked(t *testing.T) {
	st := given(t, base("52000"), accepted(0)).when(booked(0, "", 30, "5@52000")).then("AlarmRaised code=overfill", "OrderFilled cum_qty=4")
	require.Equal(t, 4, st.position("BANK_NIFTY-1-Long_1").Lots)
}

func TestAFillThatIsNoWholeLotIsAnAlarm(t *testing.T) {
	given(t, base("52000"), accepted(0)).when(booked(0, "", 31, "1@52000")).then("AlarmRaised code=odd_fill")
}

func TestAWorkingEntryIsCancelledAfterHalfAMinuteAndKeepsWhatFilled(t *testing.T) {
	st := given(t, base("52000"), accepted(0), booked(0, "", 30, "1@52000"), wait(30*time.Second)).when(tick()).then("OrderCancelRequested")
	st.when(booked(0, "canceled", 30, "1@52000", "1@52001")).then("OrderFilled", "OrderCanceled")
	require.Equal(t, 2, st.state.Markets["BANK_NIFTY"].Campaign.BaseLots, "base lots: what the base filled")
	require.True(t, st.state.Markets["BANK_NIFTY"].Campaign.BaseSettled)
}

func TestAPartlyFilledEntryMayWaitUntilTheSessionEnds(t *testing.T) {
	st := given(t, configured("orders.partial", "wait"), base("52000"), accepted(0), booked(0, "", 30, "1@52000"), wait(30*time.Second)).when(tick()).then()
	st.and(func(st *story) { st.now = time.Date(2026, 1, 7, 10, 0, 0, 0, time.UTC) }).when(tick()).then("OrderCancelRequested")
}

func TestALateFillIsAPositionOfItsOwnThatLeavesAtOnce(t *testing.T) {
	st := given(t, base("52000"), accepted(0), booked(0, "canceled", 30)).and(wait(2 * time.Minute))
	st.when(booked(0, "canceled", 30, "2@52000")).then(
		"OrderFilled late_position_id=BANK_NIFTY-1-Long_1-late1", "ExitRequested cause=late_fill claims.0.lots=2", "AlarmRaised code=late_fill",
		"OrderInitialized kind=exit lots=2")
	st.and(wait(time.Second)).when(base("52500")).judged(domain.VerdictRejected, domain.ReasonLateFill)
	st.and(filled(1, "2@52100"), wait(time.Second)).when(base("52600")).judged(domain.VerdictAccepted)
	require.Equal(t, 2, st.state.Markets["BANK_NIFTY"].Campaigns, "a late fill opens no campaign")
}

func TestALateFillChangesNeitherTheLayerNorItsBaseLots(t *testing.T) {
	st := given(t, base("52000"), accepted(0), booked(0, "canceled", 30, "2@52000"), wait(time.Minute))
	st.and(booked(0, "canceled", 30, "2@52000", "1@52000", "1@52000"))
	require.Equal(t, 2, st.position("BANK_NIFTY-1-Long_1").Lots)
	require.Equal(t, 2, st.state.Markets["BANK_NIFTY"].Campaign.BaseLots)
	require.Len(t, st.state.Markets["BANK_NIFTY"].Late, 2)
}

func TestALateFillOfAnExitShrinksTheNextOneAndNeverOversellsSilently(t *testing.T) {
	st := given(t, held...).and(exit("BANK_NIFTY", "ALL", ""), accepted(1), booked(1, "canceled", 30), wait(time.Second), tick(), accepted(2))
	st.when(booked(1, "canceled", 30, "3@52000")).then("OrderFilled last_qty=3", "OrderCancelRequested")
	require.Equal(t, 1, st.position("BANK_NIFTY-1-Long_1").Lots)
	st.when(booked(2, "", 30, "4@52000")).then("OrderFilled", "AlarmRaised code=oversold")
	require.Equal(t, 3, st.state.Markets["BANK_NIFTY"].Oversold)
}

func TestAnExitWithoutTagsIsMadeDistinctFromAnUnknownOne(t *testing.T) {
	untagged := configured("broker.tags", "false")
	st := given(t, append([]step{untagged}, two...)...).and(exit("BANK_NIFTY", "Long_2", ""), unknown(2), wait(time.Second))
	st.when(exit("BANK_NIFTY", "Long_1", "")).then("SignalReceived", "ExitRequested", "OrderInitialized lots=4")
	same := given(t, append([]step{untagged}, held...)...).and(pyramid("Long_2", "53500"), filled(1, "2@53500"), wait(time.Minute),
		exit("BANK_NIFTY", "Long_2", ""), unknown(2), wait(time.Second))
	same.and(exit("BANK_NIFTY", "Long_1", ""), accepted(3), booked(3, "canceled", 30, "2@53500"), wait(time.Second)).when(tick()).
		then("OrderInitialized lots=1")
}

func TestACancelThatCrossesAnUnknownIsSentOnceTheBrokersIdIsKnown(t *testing.T) {
	st := given(t, base("52000"), unknown(0)).and(trading(domain.Reducing))
	st.when(booked(0, "", 30)).then("OrderAccepted")
	require.Equal(t, domain.Canceling, st.state.Orders[st.order(0)].State)
}

func TestMoneyMovesTheHighWaterMark(t *testing.T) {
	capital := func(withdraw bool, amount string) step {
		return command(func(st *story) domain.Command {
			return domain.MoveCapital{Withdraw: withdraw, Amount: domain.D(amount), By: "asha", Now: st.now}
		})
	}
	st := given(t, capital(false, "1000000"), capital(true, "500000.5"))
	require.Equal(t, "5499999.5", st.state.Capital.Closed().String())
	require.Equal(t, "5499999.5", st.state.Capital.HighWater.String())
	st.when(capital(true, "5499999.51")).refused("not_enough")
	st.when(capital(false, "0")).refused("invalid_amount")
	st.when(capital(true, "5499999.5")).then("CapitalWithdrawn")
	st.when(base("52000")).judged(domain.VerdictRejected, domain.ReasonNoEquity)
}

func TestACommandWithAKnownIdChangesNothing(t *testing.T) {
	halt := command(func(st *story) domain.Command {
		return domain.SetTrading{To: domain.Halted, Reason: "x", By: "asha", ID: "h1", Now: st.now}
	})
	st := given(t, halt, trading(domain.Active)).when(halt).then()
	st.when(command(func(st *story) domain.Command { return domain.SetTrading{To: domain.Halted, By: "asha", Now: st.now} })).refused("missing_reason")
}

func TestALimitThatAPersonChangedHoldsUntilTheConfigurationItselfChanges(t *testing.T) {
	limit := func(key, value string) step {
		return command(func(st *story) domain.Command {
			return domain.ChangeLimits{Limits: map[string]string{key: value}, By: "asha", Now: st.now}
		})
	}
	st := given(t, limit("risk.base_risk_percent", "10"))
	st.when(command(func(st *story) domain.Command { return domain.Configure{Settings: st.state.Configured, Now: st.now} })).then()
	require.Equal(t, "10", st.state.Settings().Risk.BaseRisk.String())
	st.when(configured("risk.base_risk_percent", "14")).then("SettingsChanged before.risk.base_risk_percent=15 after.risk.base_risk_percent=14 by=configuration")
	require.Equal(t, "14", st.state.Settings().Risk.BaseRisk.String())
	st.when(limit("sizing.mode", "sender")).refused("unknown_limit")
	st.when(limit("risk.base_risk_percent", "101")).refused("invalid_limit")
}

func TestAClockThatStepsBackStopsEntriesUntilAPersonResumes(t *testing.T) {
	st := given(t).when(command(func(st *story) domain.Command {
		return domain.StepClock{From: st.now, To: st.now.Add(-time.Hour), Now: st.now}
	})).then("ClockStepped", "TradingStateChanged to=REDUCING reason=clock_step")
	st.when(base("52000")).judged(domain.VerdictRejected, domain.ReasonNotTrading)
}

func TestExitsOfOtherLotSizesAreToldApartByTheirUnits(t *testing.T) {
	// 7 lots of 30 and 6 lots of 35 are 210 units both: without tags a book could not say which of the two it has.
	sender := func(kind, layer, lots string) step {
		return entry(kind, "BANK_NIFTY", layer, "52000", "51650", "350", `,"lots":`+lots)
	}
	st := given(t, configured("broker.tags", "false"), configured("sizing.mode", "sender"), sender("BASE_ENTRY", "Long_1", "7"), filled(0, "7@52000"))
	st.and(configured("instruments.BANK_NIFTY.lot_size@2026-01-01", "35"), wait(2*time.Minute), sender("PYRAMID", "Long_2", "6"))
	st.and(accepted(1), booked(1, "", 35, "6@52000"), wait(time.Minute), exit("BANK_NIFTY", "Long_1", ""), unknown(2), wait(time.Second))
	st.when(exit("BANK_NIFTY", "Long_2", "")).then("SignalReceived", "ExitRequested claims.0.lots=6", "OrderInitialized lots=5 quantity=175")

	one := given(t, configured("broker.tags", "false"), configured("sizing.mode", "sender"), sender("BASE_ENTRY", "Long_1", "2"), filled(0, "2@52000"))
	one.and(configured("instruments.BANK_NIFTY.lot_size@2026-01-01", "60"), wait(2*time.Minute), sender("PYRAMID", "Long_2", "1"))
	one.and(accepted(1), booked(1, "", 60, "1@52000"), wait(time.Minute), exit("BANK_NIFTY", "Long_1", ""), unknown(2), wait(time.Second))
	one.when(exit("BANK_NIFTY", "Long_2", "")).then("SignalReceived", "ExitRequested claims.0.lots=1", "AlarmRaised code=exit_waits")
}

func TestReportsWithoutABrokersIdBindNothing(t *testing.T) {
	gold := entry("BASE_ENTRY", "GOLD_MINI", "Long_1", "120000", "119000", "900", "")
	found := func(n, units int, price string) step {
		return reportOf(n, domain.ReportOrder{Found: "tag", Fills: []domain.Fill{{ExecID: "1", Units: units, Price: domain.D(price)}}})
	}
	st := given(t, base("52000"), unknown(0), gold, unknown(1)).when(found(0, 120, "52000")).then("OrderAccepted", "OrderFilled cum_qty=4")
	st.when(found(1, 500, "120000")).then("OrderAccepted", "OrderFilled cum_qty=5")
	_, bound := st.state.BrokerOrder("")
	require.False(t, bound)
}
