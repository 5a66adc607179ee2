package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

func TestABarMarksAndTrailsAndAHitOrdersTheExit(t *testing.T) {
	st := given(t, held...).when(bar("BANK_NIFTY", "53000", "350")).then(
		"SignalReceived", "BarClosed", "StopMoved from=51475 to=52125 highest=53000")
	require.Equal(t, "120000", st.state.Figures().Unrealized.String())
	require.Equal(t, "5060000", st.state.Figures().Equity.String(), "blended")
	st.and(wait(time.Minute)).when(bar("BANK_NIFTY", "52125", "350")).then("SignalReceived", "BarClosed")
	st.and(wait(time.Minute)).when(bar("BANK_NIFTY", "52124.99", "350")).then(
		"SignalReceived", "BarClosed", "ExitRequested cause=stop_hit claims.0.lots=4", "OrderInitialized lots=4 reference_price=52124.99")
	require.Equal(t, st.last[1].ID, st.last[2].Cause, "a stop exit's cause is its bar")
	require.Equal(t, st.last[0].ID, st.last[3].Corr)
}

func TestABarWithoutATRMovesNoStopAndStillHits(t *testing.T) {
	given(t, held...).when(bar("BANK_NIFTY", "53000", "0")).then("SignalReceived", "BarClosed").
		and(wait(time.Minute)).when(bar("BANK_NIFTY", "51474", "0")).then("SignalReceived", "BarClosed", "ExitRequested", "OrderInitialized")
}

func TestAnOldBarIsRecordedAndMovesNothing(t *testing.T) {
	st := given(t, held...).and(bar("BANK_NIFTY", "53000", "350"))
	st.and(wait(-time.Second)).when(bar("BANK_NIFTY", "40000", "350")).then("SignalReceived outcome=accepted")
	early := given(t, base("52000"), filled(0, "4@52000"), wait(-time.Second)).when(bar("BANK_NIFTY", "40000", "350"))
	early.then("SignalReceived", "BarClosed")
	require.Nil(t, early.position("BANK_NIFTY-1-Long_1").Mark, "older than the entry signal")
	same := given(t, base("52000"), filled(0, "4@52000")).when(bar("BANK_NIFTY", "53000", "350"))
	same.then("SignalReceived", "BarClosed", "StopMoved")
}

func TestABarFromTheFutureCannotSilenceTheStops(t *testing.T) {
	ahead := send(`{"type":"MARKET_DATA","instrument":"BANK_NIFTY","timestamp":"2026-01-08T05:00:00Z","price":52100,"atr":350,"supertrend":1}`)
	st := given(t, held...).when(ahead).then("SignalReceived", "BarClosed", "AlarmRaised code=bar_ahead")
	st.and(wait(time.Minute)).when(bar("BANK_NIFTY", "51000", "350")).then("SignalReceived", "BarClosed", "ExitRequested", "OrderInitialized")
}

func TestASignalMarksNothing(t *testing.T) {
	st := given(t, two...)
	require.Equal(t, "0", st.state.Figures().Unrealized.String())
}

func TestAStopHitThenAChartExitInTheSameBatchIsOneExit(t *testing.T) {
	given(t, held...).and(bar("BANK_NIFTY", "51000", "350")).when(exit("BANK_NIFTY", "ALL", "")).judged(domain.VerdictDuplicate, domain.ReasonDuplicate)
}

func TestEachLayerIsOnItsOwn(t *testing.T) {
	// The pyramid's stop at 52975 is hit, the base's at 51475 is not.
	given(t, two...).when(bar("BANK_NIFTY", "52900", "350")).then(
		"SignalReceived", "BarClosed", "StopMoved position_id=BANK_NIFTY-1-Long_1 to=52025", "ExitRequested claims.#=1 claims.0.layer=Long_2", "OrderInitialized lots=2")
}

func TestABarOfAnUnknownInstrumentIsRefusedUnlessSomethingIsHeld(t *testing.T) {
	given(t).when(bar("NIFTY", "100", "1")).judged(domain.VerdictRejected, domain.ReasonUnknownInstrument)
}

func TestPeelOffSellsTheNewestLayersLotsFirst(t *testing.T) {
	// 6 lots: volatility 6 × 350 × 30 = 63,000; the ongoing limit 0.7 % of 5,000,000 is 35,000: 28,000 too much, 10,500 a lot: 3 lots.
	st := given(t, append(append([]step{}, two...), configured("risk.peel_off", "true"), configured("risk.sizing_equity", "closed"))...)
	st.when(bar("BANK_NIFTY", "53500", "350")).then("SignalReceived", "BarClosed", "StopMoved", "ExitRequested cause=peel_off claims.0.layer=Long_1 claims.0.lots=1 claims.1.layer=Long_2 claims.1.lots=2", "OrderInitialized lots=3")
	st.and(wait(time.Second)).when(bar("BANK_NIFTY", "53500", "350")).then("SignalReceived", "BarClosed")
}

func eod(instrument, price, conditions string) step {
	return eodAt("${now}", instrument, price, conditions)
}

func eodAt(timestamp, instrument, price, conditions string) step {
	return send(`{"type":"EOD_MONITOR","instrument":"` + instrument + `","timestamp":"` + timestamp + `","price":` + price +
		`,"conditions":{"rsi_condition":true,"ema_condition":true,"dc_condition":true,"adx_condition":true,"er_condition":true,"st_condition":true,` +
		conditions + `},"indicators":{"rsi":60,"ema":1,"dc_upper":1,"adx":20,"er":1,"supertrend":1,"atr":233}}`)
}

const (
	allSeven = `"not_doji":true,"long_entry":false,"long_exit":false`
	sixOnly  = `"not_doji":false,"long_entry":false,"long_exit":false`
	leave    = `"not_doji":true,"long_entry":true,"long_exit":true`
)

func TestAnEndOfDaySignalActsOnOurOwnState(t *testing.T) {
	given(t).when(eod("BANK_NIFTY", "52000", sixOnly)).judged(domain.VerdictAccepted).then("SignalReceived")
	given(t).when(eod("BANK_NIFTY", "52000", allSeven)).then("SignalReceived", "OrderInitialized entry.signal_stop=51650.5 lots=4")
	given(t, held...).when(eod("BANK_NIFTY", "53500", allSeven)).then("SignalReceived", "OrderInitialized entry.position_id=BANK_NIFTY-1-Long_2")
	given(t, held...).when(eod("BANK_NIFTY", "53500", leave)).then("SignalReceived", "ExitRequested cause=eod", "OrderInitialized kind=exit")
	given(t).when(eod("BANK_NIFTY", "52000", leave)).judged(domain.VerdictAccepted) // flat: long_exit is not for us, long_entry is
}

func TestAnOldEndOfDaySignalMayLeaveButNotEnter(t *testing.T) {
	late := func(price, conditions string) step {
		return func(st *story) {
			old := st.now.Add(-90*time.Second - time.Nanosecond)
			eodAt(old.Format(time.RFC3339Nano), "BANK_NIFTY", price, conditions)(st)
		}
	}
	given(t).when(late("52000", allSeven)).judged(domain.VerdictRejected, domain.ReasonStale)
	given(t, append(append([]step{}, held...), wait(time.Hour))...).when(late("52000", leave)).judged(domain.VerdictAccepted).
		then("SignalReceived", "ExitRequested", "OrderInitialized")
}

func TestPeelOffMeasuresTheEquityThatTheBarItselfHasMarked(t *testing.T) {
	// 4 lots at ATR 350 are 42,000 of volatility: 0.7 % of 5,000,000 is 35,000, of 5,000,000 + half of 2,160,000 it is 42,560.
	st := given(t, held...).and(configured("risk.peel_off", "true")).when(bar("BANK_NIFTY", "70000", "350"))
	st.then("SignalReceived", "BarClosed", "StopMoved")
	// The next bar takes 105,000 back: 415 of ATR are 49,800, within 0.7 % of the 7,160,000 before it and above 0.7 % of the 7,055,000 after it.
	st.and(configured("risk.sizing_equity", "open"), wait(time.Minute)).when(bar("BANK_NIFTY", "69125", "415")).then("SignalReceived", "BarClosed",
		"ExitRequested cause=peel_off claims.0.lots=1 reason=volatility", "OrderInitialized lots=1")
}

// kept is a late fill of 2 lots at 52000 whose exit a person withdrew.
var kept = []step{base("52000"), accepted(0), booked(0, "canceled", 30), wait(2 * time.Minute), booked(0, "canceled", 30, "2@52000"), withdraw(0), wait(time.Minute)}

func TestALateFillThatIsKeptHasAStopThatTrailsAndIsHit(t *testing.T) {
	st := given(t, kept...).when(bar("BANK_NIFTY", "53000", "350")).then(
		"SignalReceived", "BarClosed", "StopMoved position_id=BANK_NIFTY-1-Long_1-late1 from=51475 to=52125")
	st.and(wait(time.Minute)).when(bar("BANK_NIFTY", "52124", "350")).then(
		"SignalReceived", "BarClosed", "ExitRequested cause=stop_hit claims.0.position_id=BANK_NIFTY-1-Long_1-late1 claims.0.lots=2", "OrderInitialized lots=2")
	st.and(wait(time.Second)).when(bar("BANK_NIFTY", "52000", "350")).then("SignalReceived", "BarClosed")
	given(t, kept...).and(trading(domain.Halted)).when(bar("BANK_NIFTY", "40000", "350")).then(
		"SignalReceived", "BarClosed", "ExitRequested held_back=true", "AlarmRaised code=exit_held_back")
}

func TestALateFillThatIsLeavingMakesNoSecondExit(t *testing.T) {
	st := given(t, kept[:5]...).and(wait(time.Second))
	st.when(bar("BANK_NIFTY", "40000", "350")).then("SignalReceived", "BarClosed")
}

func TestPeelOffTakesALateFillThatIsKeptFirst(t *testing.T) {
	// 2 lots and 2 late ones: volatility 4 × 500 × 30 = 60,000 of at most 35,000: 15,000 a lot, 2 lots too many.
	st := given(t, configured("risk.peel_off", "true"), configured("risk.sizing_equity", "closed"))
	st.and(base("52000"), accepted(0), booked(0, "canceled", 30, "2@52000"), wait(2*time.Minute), booked(0, "canceled", 30, "4@52000"), withdraw(0), wait(time.Minute))
	st.when(bar("BANK_NIFTY", "52000", "500")).then("SignalReceived", "BarClosed",
		"ExitRequested cause=peel_off claims.#=1 claims.0.position_id=BANK_NIFTY-1-Long_1-late1 claims.0.lots=2", "OrderInitialized lots=2")
}

func TestPeelOffOfALayerThatIsStillFillingTakesItsPartAndEndsTheEntry(t *testing.T) {
	// 3 of 4 lots: volatility 3 × 600 × 30 = 54,000 of at most 35,000: 18,000 a lot, 2 lots too many.
	st := given(t, configured("risk.peel_off", "true"), configured("risk.sizing_equity", "closed"), base("52000"), accepted(0), booked(0, "", 30, "3@52000"), wait(time.Second))
	st.when(bar("BANK_NIFTY", "52000", "600")).then("SignalReceived", "BarClosed", "ExitRequested cause=peel_off claims.0.lots=2 binds.#=", "OrderCancelRequested", "OrderInitialized lots=2")
	st.when(booked(0, "canceled", 30, "3@52000", "1@52000")).then("OrderFilled last_qty=1")
	require.Equal(t, 2, st.position("BANK_NIFTY-1-Long_1").Free(), "what fills after the peel stays until the next bar")
	st.and(wait(time.Second)).when(bar("BANK_NIFTY", "52000", "600")).then("SignalReceived", "BarClosed", "ExitRequested cause=peel_off claims.0.lots=1", "OrderInitialized lots=1")
}
