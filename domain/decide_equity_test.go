package domain_test

import (
	"testing"
	"time"

	"pm/domain"
)

func TestAPyramidsProfitIsCountedWithThePointValueOfItsBase(t *testing.T) {
	// (52700 − 52000) × 4 × 30 less the base's risk of 525 × 4 × 30 is 21,000; half of it is less than a lot's 200 × 60.
	resized := append(append([]step{}, held...), configured("instruments.BANK_NIFTY.lot_size@2026-01-01", "60"), wait(time.Minute))
	given(t, resized...).when(entry("PYRAMID", "BANK_NIFTY", "Long_2", "52700", "52500", "350", "")).
		judged(domain.VerdictRejected, domain.ReasonZeroLots).
		then("SignalReceived", "SignalRejected sizing.profit_after_base_risk=21000 sizing.point_value=60 sizing.lots_risk_budget=0 sizing.limiter=risk_budget")
	given(t, resized...).when(entry("PYRAMID", "BANK_NIFTY", "Long_2", "52700", "52550", "350", "")).
		then("SignalReceived", "OrderInitialized lots=1 point_value=60 entry.sizing.profit_after_base_risk=21000")
}

func TestWithoutEquityEverythingNewIsRefusedAndSaysSo(t *testing.T) {
	broke := append(append([]step{}, held...), wait(time.Minute), bar("BANK_NIFTY", "51900", "350"), command(func(st *story) domain.Command {
		return domain.MoveCapital{Withdraw: true, Amount: domain.D("5000000"), By: "asha", Now: st.now}
	}))
	gold := func(kind, atr, stop string) step {
		return entry(kind, "GOLD_MINI", "Long_1", "120000", stop, atr, `,"lots":3`)
	}
	st := given(t, broke...).when(gold("BASE_ENTRY", "900", "119000")).judged(domain.VerdictRejected, domain.ReasonNoEquity)
	st.when(gold("BASE_ENTRY", "0", "119000")).judged(domain.VerdictRejected, domain.ReasonInvalidATR, domain.ReasonNoEquity)
	st.when(gold("BASE_ENTRY", "900", "120000")).judged(domain.VerdictRejected, domain.ReasonInvalidRisk, domain.ReasonNoEquity)
	st.when(gold("PYRAMID", "900", "119000")).judged(domain.VerdictRejected, domain.ReasonNoEquity, domain.ReasonNoBase)
	st.and(configured("sizing.mode", "sender")).when(gold("BASE_ENTRY", "900", "119000")).judged(domain.VerdictRejected, domain.ReasonNoEquity)
}
