package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

func TestABaseEntryIsSizedAndReserved(t *testing.T) {
	st := given(t).when(base("52000")).then(
		"SignalReceived outcome=accepted",
		"OrderInitialized lots=4 quantity=120 side=BUY type=LIMIT limit_price=52260 entry.position_id=BANK_NIFTY-1-Long_1 entry.initial_stop=51475"+
			" entry.signal_stop=51650 entry.sizing.limiter=risk entry.sizing.lots_risk=4.761904761905 entry.checks.price=unchecked")
	f := st.state.Figures()
	require.Equal(t, "94200", f.Risk.String(), "in flight: to our own stop, at the limit")
	require.Equal(t, "42000", f.Volatility.String())
	require.Equal(t, "1080000", f.Margin.String())
}

func TestASecondBaseEntryBeforeTheFillIsRefused(t *testing.T) {
	given(t, base("52000"), wait(2*time.Minute)).when(base("52100")).judged(domain.VerdictRejected, domain.ReasonCampaignOpen).
		then("SignalReceived outcome=rejected", "SignalRejected", "OrderExpired")
}

func TestAPyramidBeforeTheBaseHasFilledIsPending(t *testing.T) {
	given(t, base("52000")).when(pyramid("Long_2", "53500")).judged(domain.VerdictRejected, domain.ReasonEntryPending)
}

func TestAPyramidWithoutACampaignHasNoBase(t *testing.T) {
	given(t).when(pyramid("Long_2", "53500")).judged(domain.VerdictRejected, domain.ReasonNoBase)
}

func TestAPyramidTakesTheNextLayerByDiscipline(t *testing.T) {
	given(t, base("52000"), filled(0, "4@52000"), wait(time.Minute)).when(pyramid("Long_2", "53500")).then(
		"SignalReceived outcome=accepted",
		"OrderInitialized lots=2 entry.position_id=BANK_NIFTY-1-Long_2 entry.sizing.limiter=discipline entry.sizing.lots_risk_budget=5 entry.sizing.lots_margin=7")
}

func TestAPyramidThatNamesAnotherLayerIsJudgedAllTheSame(t *testing.T) {
	given(t, base("52000"), filled(0, "4@52000"), wait(time.Minute)).when(pyramid("Long_4", "53500")).then(
		"SignalReceived", "OrderInitialized entry.position_id=BANK_NIFTY-1-Long_2 entry.named_layer=Long_4")
}

func TestTwoPyramidsInARowCannotTakeTheSameLayer(t *testing.T) {
	given(t, base("52000"), filled(0, "4@52000"), wait(time.Minute), pyramid("Long_2", "53500")).
		when(pyramid("Long_3", "54500")).judged(domain.VerdictRejected, domain.ReasonEntryPending)
}

func TestExactlyOneRIsNotEnough(t *testing.T) {
	story := []step{base("52000"), filled(0, "4@52000"), wait(time.Minute)}
	given(t, story...).when(pyramid("Long_2", "52525")).judged(domain.VerdictRejected, domain.ReasonOneR, domain.ReasonZeroLots)
	given(t, story...).when(pyramid("Long_2", "52525.00000001")).judged(domain.VerdictRejected, domain.ReasonZeroLots)
}

func TestSpacingIsMeasuredFromTheLastFilledSignal(t *testing.T) {
	story := []step{base("52000"), filled(0, "4@52000"), wait(time.Minute), pyramid("Long_2", "53500"), filled(1, "2@53500"), wait(time.Minute)}
	given(t, story...).when(pyramid("Long_3", "53674")).judged(domain.VerdictRejected, domain.ReasonSpacing)
	given(t, story...).when(pyramid("Long_3", "53675")).judged(domain.VerdictAccepted)
}

func TestEveryFailedGateIsNamed(t *testing.T) {
	given(t, base("52000"), filled(0, "4@52000"), wait(time.Minute)).when(pyramid("Long_2", "51900")).
		judged(domain.VerdictRejected, domain.ReasonOneR, domain.ReasonSpacing, domain.ReasonProfit, domain.ReasonZeroLots)
}

func TestOnTheVolatilityCapIsAllowedAndBeyondItIsNot(t *testing.T) {
	// 5 lots × 10 rupees × ATR 5000 are exactly 5 % of 5,000,000.
	wide := func(atr string) step { return entry("BASE_ENTRY", "GOLD_MINI", "Long_1", "120000", "119000", atr, "") }
	given(t).when(wide("5000")).judged(domain.VerdictAccepted).then("SignalReceived", "OrderInitialized lots=5 entry.gates.1.value=5")
	given(t).when(wide("5000.00000001")).judged(domain.VerdictRejected, domain.ReasonPortfolioVolatility)
}

func TestOnTheRiskCapIsAllowedAndBeyondItIsNot(t *testing.T) {
	// 5 lots × 10 rupees × (120600 at the limit − 112600 at our stop) are 400,000: 8 % of 5,000,000.
	narrow := func(limit string) *story {
		return given(t, configured("risk.base_risk_percent", limit), configured("risk.base_volatility_percent", "100")).
			when(entry("BASE_ENTRY", "GOLD_MINI", "Long_1", "120000", "119000", "7400", ""))
	}
	narrow("8").judged(domain.VerdictAccepted)
	narrow("7.99999999").judged(domain.VerdictRejected, domain.ReasonPortfolioRisk)
}

func TestZeroLotsNamesTheLimiter(t *testing.T) {
	given(t).when(entry("BASE_ENTRY", "BANK_NIFTY", "Long_1", "52000", "50000", "350", "")).
		judged(domain.VerdictRejected, domain.ReasonZeroLots).
		then("SignalReceived", "SignalRejected reasons.0.details.limiter=risk sizing.lots_risk=0.833333333333")
}

func TestAnEntryIsRefusedForAgeAtItsEdges(t *testing.T) {
	at := func(offset time.Duration) step {
		return func(st *story) {
			now := st.now
			st.now = now.Add(offset)
			s := st.now.Format(time.RFC3339Nano)
			st.now = now
			send(`{"type":"BASE_ENTRY","instrument":"BANK_NIFTY","position":"Long_1","timestamp":"` + s + `","price":52000,"stop":51650,"atr":350,"er":1,"supertrend":1}`)(st)
		}
	}
	given(t).when(at(-5 * time.Minute)).judged(domain.VerdictAccepted)
	given(t).when(at(-5*time.Minute-time.Nanosecond)).judged(domain.VerdictRejected, domain.ReasonStale)
	given(t).when(at(60 * time.Second)).judged(domain.VerdictAccepted)
	given(t).when(at(60*time.Second+time.Nanosecond)).judged(domain.VerdictRejected, domain.ReasonStale)
}

func TestWhatCannotBeSizedIsRefusedWithItsCode(t *testing.T) {
	given(t).when(entry("BASE_ENTRY", "BANK_NIFTY", "Long_1", "52000", "52000", "350", "")).judged(domain.VerdictRejected, domain.ReasonInvalidRisk)
	given(t).when(entry("BASE_ENTRY", "BANK_NIFTY", "Long_1", "52000", "51650", "0", "")).judged(domain.VerdictRejected, domain.ReasonInvalidATR)
	given(t).when(entry("BASE_ENTRY", "NIFTY", "Long_1", "52000", "51650", "350", "")).judged(domain.VerdictRejected, domain.ReasonUnknownInstrument)
}

func TestNoEntryGoesWhileTheSymbolHasAnUnknownOrder(t *testing.T) {
	st := given(t, base("52000"), filled(0, "4@52000"), wait(time.Minute), pyramid("Long_2", "53500"), unknown(1), wait(time.Minute))
	st.when(pyramid("Long_3", "54500")).judged(domain.VerdictRejected, domain.ReasonUnknownOrder, domain.ReasonEntryPending)
	require.Equal(t, 2, st.state.Figures().Layers, "the unknown counts as a layer")
}

func TestClosedExchangesRefuseEntriesWhereSessionsAreEnforced(t *testing.T) {
	enforced := configured("signals.enforce_session", "true")
	at := func(hour, minute int) step {
		return func(st *story) {
			st.now = time.Date(2026, 1, 8, hour, minute, 0, 0, time.FixedZone("IST", 19800)).UTC()
		}
	}
	given(t, enforced, at(9, 15)).when(base("52000")).judged(domain.VerdictAccepted)
	given(t, enforced, at(15, 29)).when(base("52000")).judged(domain.VerdictAccepted)
	given(t, enforced, at(15, 30)).when(base("52000")).judged(domain.VerdictRejected, domain.ReasonMarketClosed)
	given(t, enforced, at(23, 54)).when(entry("BASE_ENTRY", "GOLD_MINI", "Long_1", "120000", "119000", "900", "")).judged(domain.VerdictAccepted)
}

func TestAQuoteTooFarFromTheSignalRefusesAnEntry(t *testing.T) {
	quoted := func(quote string) step {
		return func(st *story) {
			sub, _, _ := domain.ParseSignal([]byte(`{"type":"BASE_ENTRY","instrument":"BANK_NIFTY","position":"Long_1","timestamp":"`+
				st.now.Format(time.RFC3339)+`","price":51000,"stop":50650,"atr":350,"er":1,"supertrend":1}`), st.now)
			q := domain.D(quote)
			st.do(domain.SubmitSignal{Submission: sub, Quote: &q, Now: st.now})
		}
	}
	given(t).when(quoted("50000")).judged(domain.VerdictAccepted).
		then("SignalReceived", "OrderInitialized entry.checks.price=checked entry.gates.0.code=price_divergence entry.gates.0.value=2 entry.gates.0.limit=2")
	given(t).when(quoted("49999")).judged(domain.VerdictRejected, domain.ReasonPriceDivergence)
	given(t, trading(domain.Reducing)).when(quoted("50000")).judged(domain.VerdictRejected, domain.ReasonNotTrading).
		then("SignalReceived", "SignalRejected gates.0.code=price_divergence gates.0.value=2")
}

func TestTheSendersLotsAreTakenAsTheyAreAndTheLifeCycleStillHolds(t *testing.T) {
	sender := configured("sizing.mode", "sender")
	lots := func(n string) step {
		return entry("BASE_ENTRY", "BANK_NIFTY", "Long_1", "52000", "51650", "350", `,"lots":`+n)
	}
	given(t, sender).when(lots("330")).then("SignalReceived", "OrderInitialized lots=330 entry.sizing.limiter=sender")
	given(t, sender).when(lots("0")).judged(domain.VerdictRejected, domain.ReasonZeroLots)
	given(t, sender).when(lots("2.5")).judged(domain.VerdictRejected, domain.ReasonZeroLots)
	given(t, sender).when(lots("100000")).judged(domain.VerdictAccepted)
	given(t, sender).when(lots("100001")).judged(domain.VerdictRejected, domain.ReasonZeroLots)
	given(t, sender, lots("3")).when(wait(2*time.Minute)).when(lots("3")).judged(domain.VerdictRejected, domain.ReasonCampaignOpen)
}

func TestDuplicatesAnswerWithTheFirstRevision(t *testing.T) {
	withID := func(id, price string) step {
		return entry("BASE_ENTRY", "BANK_NIFTY", "Long_1", price, "51650", "350", `,"id":"`+id+`"`)
	}
	st := given(t, base("52000"), wait(60*time.Second)).when(base("52010"))
	st.judged(domain.VerdictDuplicate, domain.ReasonDuplicate)
	require.Equal(t, uint64(2), st.first)
	same := given(t).when(withID("a1", "52000")).judged(domain.VerdictAccepted)
	same.when(withID("a1", "52000")).judged(domain.VerdictDuplicate).then()
	require.Equal(t, uint64(2), same.first, "a repeat of an accepted id appends nothing")
	same.when(withID("a1", "52001")).judged(domain.VerdictConflict).then("AlarmRaised code=id_conflict")
	same.when(withID("a1", "52002")).judged(domain.VerdictConflict).then()
}

func TestARefusedSignalBurnsNothing(t *testing.T) {
	st := given(t, trading(domain.Reducing), wait(time.Second))
	body := entry("BASE_ENTRY", "BANK_NIFTY", "Long_1", "52000", "51650", "350", `,"id":"x"`)
	st.when(body).judged(domain.VerdictRejected, domain.ReasonNotTrading)
	st.and(trading(domain.Active)).when(body).judged(domain.VerdictAccepted)
}

func TestAcceptedIDsAreForgottenAfterTheMemory(t *testing.T) {
	id := entry("BASE_ENTRY", "BANK_NIFTY", "Long_1", "52000", "51650", "350", `,"id":"x"`)
	st := given(t, id, rejected(0), wait(7*24*time.Hour)).when(id)
	st.judged(domain.VerdictConflict) // the timestamp differs: known still, at exactly seven days
	st.and(wait(time.Nanosecond)).and(bar("GOLD_MINI", "100", "1")).when(id).judged(domain.VerdictAccepted)
}

func TestSpacingIsMeasuredFromTheSignalAndNotFromItsFill(t *testing.T) {
	story := append(append([]step{}, held...), pyramid("Long_2", "53500"), filled(1, "2@53600"), wait(time.Minute))
	given(t, story...).when(pyramid("Long_3", "53674")).judged(domain.VerdictRejected, domain.ReasonSpacing)
	given(t, story...).when(pyramid("Long_3", "53675")).judged(domain.VerdictAccepted)
}

func TestAnUnknownExitHoldsUpEntriesOfItsSymbolLikeAnyUnknownOrder(t *testing.T) {
	story := append(append([]step{}, two...), exit("BANK_NIFTY", "Long_2", ""), unknown(2), wait(time.Minute))
	given(t, story...).when(pyramid("Long_3", "55000")).judged(domain.VerdictRejected, domain.ReasonUnknownOrder)
	given(t, story...).when(entry("BASE_ENTRY", "GOLD_MINI", "Long_1", "120000", "119000", "900", "")).judged(domain.VerdictAccepted)

	st := given(t, two...).and(pyramid("Long_3", "55000"), exit("BANK_NIFTY", "Long_2", ""), unknown(3))
	begin(2)(st)
	require.ErrorIs(t, st.err, domain.ErrNotDue, "decided before the exit was in doubt, and not sent while it is")
}

func TestAPyramidThatWasSoldStillCountsForTheNextOnesSize(t *testing.T) {
	st := given(t, two...).and(exit("BANK_NIFTY", "Long_2", ""), filled(2, "2@53500"), wait(time.Minute))
	st.when(pyramid("Long_3", "55000")).then("SignalReceived",
		"OrderInitialized lots=1 entry.layer=3 entry.sizing.limiter=discipline entry.sizing.lots_discipline=1")
}
