package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

func TestAStopHitAndAPeelOffInOneBarAreTwoExits(t *testing.T) {
	st := given(t, append(append([]step{}, two...), configured("risk.peel_off", "true"))...)
	st.when(bar("BANK_NIFTY", "52900", "350")).then("SignalReceived", "BarClosed", "StopMoved",
		"ExitRequested cause=stop_hit intent_id=BANK_NIFTY-exit-0 claims.0.layer=Long_2",
		"ExitRequested cause=peel_off intent_id=BANK_NIFTY-exit-1 claims.0.layer=Long_1", "OrderInitialized", "OrderInitialized")
}

func TestAFillThatCannotBeReadIsAnAlarmAndEndsNothing(t *testing.T) {
	for name, fill := range map[string]domain.Fill{
		"no price":     {ExecID: "x", Units: 30},
		"no units":     {ExecID: "x", Price: domain.D("52000")},
		"a negative":   {ExecID: "x", Units: -30, Price: domain.D("52000")},
		"a credit":     {ExecID: "x", Units: 30, Price: domain.D("52000"), Fee: domain.D("-1")},
		"endless fees": {ExecID: "x", Units: 30, Price: domain.D("52000"), Fee: domain.D("0.0000000000001")},
	} {
		t.Run(name, func(t *testing.T) {
			st := given(t, base("52000"), accepted(0)).when(command(func(st *story) domain.Command {
				return domain.ReportOrder{OrderID: st.order(0), BrokerID: "B0", Canceled: true, Fills: []domain.Fill{fill}, Now: st.now}
			})).then("AlarmRaised code=bad_fill")
			require.Equal(t, domain.Working, st.state.Orders[st.order(0)].State)
		})
	}
}

func TestWhatABrokerSaysIsMadeFitForTheLog(t *testing.T) {
	given(t, base("52000"), begin(0)).when(sent(0, domain.ReportSent{Refused: true, Code: "a\xff", Text: "b\xfe"})).
		then("OrderRejected code=a� text=b�")
	given(t, base("52000"), accepted(0)).when(command(func(st *story) domain.Command {
		return domain.ReportOrder{OrderID: st.order(0), BrokerID: "B0", Rejected: true, Text: "\xff", Now: st.now}
	})).then("OrderRejected text=�")
}

func TestTradesThatMakeALotTogetherKeepTheirPricesAndFees(t *testing.T) {
	st := given(t, base("52000"), accepted(0)).when(command(func(st *story) domain.Command {
		return domain.ReportOrder{OrderID: st.order(0), BrokerID: "B0", Now: st.now, Fills: []domain.Fill{
			{ExecID: "1", Units: 10, Price: domain.D("52000"), Fee: domain.D("100")}, {ExecID: "2", Units: 20, Price: domain.D("52100"), Fee: domain.D("7")},
		}}
	})).then("OrderFilled last_qty=1 last_px=52066.666666666667 fee=107")
	require.Equal(t, "107", st.state.Capital.Fees.String())
}

func TestLayersOfDifferentLotSizesAreSoldInOrdersOfTheirOwn(t *testing.T) {
	st := given(t, held...).and(configured("instruments.BANK_NIFTY.lot_size@2026-01-01", "35"), pyramid("Long_2", "53500"))
	st.and(accepted(1), booked(1, "", 35, "2@53500"), wait(time.Minute))
	st.when(exit("BANK_NIFTY", "ALL", "")).then("SignalReceived", "ExitRequested claims.0.lots=4", "ExitRequested claims.0.lots=2",
		"OrderInitialized lots=4 quantity=120", "OrderInitialized lots=2 quantity=70")
}

func TestAnExitThatALateFillHasOvertakenIsNotSent(t *testing.T) {
	st := given(t, held...).and(exit("BANK_NIFTY", "ALL", ""), accepted(1), booked(1, "canceled", 30), wait(time.Second), tick())
	st.when(booked(1, "canceled", 30, "3@52000")).then("OrderFilled last_qty=3", "OrderCanceled")
	st.and(wait(2*time.Second)).when(tick()).then("OrderInitialized lots=1", "AlarmRaised code=exit_retries")
}

func TestCloseAllTakesOverWhatAHaltHasFrozen(t *testing.T) {
	closeAll := command(func(st *story) domain.Command {
		return domain.CloseAll{By: "asha", Reason: "out", ID: "c1", Now: st.now}
	})
	st := given(t, held...).and(exit("BANK_NIFTY", "ALL", ""), trading(domain.Halted)).when(closeAll)
	st.then("OrderCanceled", "ExitWithdrawn", "ExitRequested cause=close_all claims.0.lots=4", "OrderInitialized lots=4")
	st.when(begin(2)).then("OrderSendStarted")
	given(t).when(closeAll).refused("not_open")
	given(t, held...).and(exit("BANK_NIFTY", "ALL", "")).when(closeAll).refused("already_leaving")
}

func TestAlarmsThatStandDoNotPassWithTime(t *testing.T) {
	st := given(t, held...).and(trading(domain.Halted), bar("BANK_NIFTY", "51000", "350"), exit("BANK_NIFTY", "Long_9", ""))
	require.Len(t, st.state.Alarms, 2)
	st.and(wait(8*24*time.Hour), bar("BANK_NIFTY", "50900", "350"))
	require.Len(t, st.state.Alarms, 1, "only the alarm about a message has passed")
	require.NotNil(t, st.state.Alarms["exit_held_back/BANK_NIFTY-1-Long_1"])
}

func TestTheAlarmsAreBoundedAndPassingOnesMakeRoomFirst(t *testing.T) {
	st := given(t, held...).and(trading(domain.Halted), bar("BANK_NIFTY", "51000", "350"))
	for i := range domain.MaxAlarms {
		st.do(domain.RaiseAlarm{Code: domain.AlarmIDConflict, Subject: domain.LayerName(i), Now: st.now})
	}
	require.Len(t, st.state.Alarms, domain.MaxAlarms)
	require.NotNil(t, st.state.Alarms["exit_held_back/BANK_NIFTY-1-Long_1"])
}

func TestALateFillWhoseExitWasWithdrawnIsKept(t *testing.T) {
	st := given(t, base("52000"), accepted(0), booked(0, "canceled", 30)).and(wait(2*time.Minute), booked(0, "canceled", 30, "2@52000"))
	id := st.state.StandingIntents()[0].ID
	st.when(command(func(st *story) domain.Command {
		return domain.WithdrawExit{IntentID: id, By: "asha", Reason: "keep", Now: st.now}
	})).then("ExitWithdrawn", "OrderCanceled")
	require.Equal(t, 2, st.position("BANK_NIFTY-1-Long_1-late1").Free())
	st.and(wait(time.Minute)).when(tick()).then()
}

func TestEveryRowOfASettingIsRead(t *testing.T) {
	flat := defaultSettings(t)
	flat["instruments.BANK_NIFTY.session@2026-01-01"] = "nonsense"
	_, problems := domain.ParseSettings(flat)
	require.Len(t, problems, 1)
	require.ErrorContains(t, problems[0], "instruments.BANK_NIFTY.session@2026-01-01")
}

func TestALimitIsOnTickAndNeverBelowThePrice(t *testing.T) {
	for _, c := range []struct{ price, slippage, tick, want string }{
		{"52000", "0.005", "0.05", "52260"}, {"26220", "0.005", "1", "26351"}, {"52000.03", "0", "0.05", "52000.05"},
		{"100", "0.005", "1", "100"}, {"999999999999.99", "0", "0.05", "1000000000000"},
	} {
		require.Equal(t, c.want, domain.LimitPrice(domain.D(c.price), domain.D(c.slippage), domain.D(c.tick)).String())
	}
}

func TestGatesAreNamedAlsoWhenTheSizeCannotBeWorkedOut(t *testing.T) {
	given(t, held...).when(entry("PYRAMID", "BANK_NIFTY", "Long_2", "51900", "51500", "0", "")).
		judged(domain.VerdictRejected, domain.ReasonInvalidATR, domain.ReasonOneR, domain.ReasonSpacing, domain.ReasonProfit)
}

func TestABrokersIdBelongsToOneOrder(t *testing.T) {
	st := given(t, base("52000"), accepted(0), entry("BASE_ENTRY", "GOLD_MINI", "Long_1", "120000", "119000", "900", ""), begin(1))
	st.when(sent(1, domain.ReportSent{Accepted: true, BrokerID: "B0"})).then("OrderUnknown", "AlarmRaised code=ambiguous_order", "AlarmRaised code=unknown_order")
	st.when(command(func(st *story) domain.Command {
		return domain.ReportOrder{OrderID: st.order(1), BrokerID: "B0", Fills: []domain.Fill{{ExecID: "1", Units: 100, Price: domain.D("1")}}, Now: st.now}
	})).then()
}

func TestAnEndOfDayExitIsNotDroppedAsARepeat(t *testing.T) {
	st := given(t, held...).and(eodAt("2026-01-07T05:00:30Z", "BANK_NIFTY", "52100", sixOnly))
	st.when(eodAt("2026-01-07T05:00:30Z", "BANK_NIFTY", "52100", leave)).judged(domain.VerdictAccepted).
		then("AlarmRaised code=id_conflict", "SignalReceived", "ExitRequested cause=eod", "OrderInitialized")
}

func TestARefusalShowsTheGatesThatPassedAsWell(t *testing.T) {
	given(t, held...).when(pyramid("Long_2", "52525")).judged(domain.VerdictRejected, domain.ReasonOneR, domain.ReasonZeroLots).
		then("SignalReceived", "SignalRejected gates.#=5 gates.0.code=one_r gates.1.code=atr_spacing gates.1.value=1.5 gates.3.code=portfolio_risk")
}
