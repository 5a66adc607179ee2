package domain_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

// stands says which alarms stand, as code/subject, the subjects of orders as their number.
func (st *story) stands(want ...string) *story {
	st.t.Helper()
	got := slices.Sorted(maps.Keys(st.state.Alarms))
	for i := range got {
		for n := range int(st.state.OrderCount) {
			if a := st.state.Alarms[got[i]]; a != nil && a.Subject == string(st.order(n)) {
				got[i] = a.Code + "/" + string(rune('0'+n))
			}
		}
	}
	require.Equal(st.t, append([]string{}, want...), append([]string{}, got...))
	return st
}

// reportOf is a reading of the book, its trades in units.
func reportOf(n int, c domain.ReportOrder) step {
	return command(func(st *story) domain.Command {
		c.OrderID, c.Now = st.order(n), st.now
		return c
	})
}

func withdrawFirst() step {
	return command(func(st *story) domain.Command {
		return domain.WithdrawExit{IntentID: st.state.StandingIntents()[0].ID, By: "asha", Reason: "keep", Now: st.now}
	})
}

func TestAnUnknownOrderCallsNobodyOnceItIsFound(t *testing.T) {
	st := given(t, configured("orders.partial", "wait"), base("52000"), unknown(0)).stands("unknown_order/0")
	st.and(booked(0, "", 30, "1@52000")).stands()
	require.Equal(t, domain.Working, st.state.Orders[st.order(0)].State)
	st.and(wait(time.Hour)).when(tick()).stands()
}

func TestAnAmbiguousOrderCallsNobodyOnceItIsFoundOrProvedAbsent(t *testing.T) {
	gold := entry("BASE_ENTRY", "GOLD_MINI", "Long_1", "120000", "119000", "900", "")
	steps := []step{base("52000"), accepted(0), gold, begin(1), sent(1, domain.ReportSent{Accepted: true, BrokerID: "B0"})}
	given(t, steps...).stands("ambiguous_order/1", "unknown_order/1").and(booked(1, "", 100, "1@120000")).stands()
	absent := command(func(st *story) domain.Command {
		return domain.ReportAbsent{OrderID: st.order(1), Evidence: "book", Now: st.now}
	})
	given(t, steps...).and(absent).stands()
}

func TestAHeldBackExitThatWasWithdrawnCallsNobodyAndTheNextHitDoes(t *testing.T) {
	st := given(t, held...).and(trading(domain.Halted), wait(time.Second), bar("BANK_NIFTY", "51000", "350")).stands("exit_held_back/BANK_NIFTY-1-Long_1")
	st.and(withdrawFirst()).stands()
	st.and(wait(time.Second)).when(bar("BANK_NIFTY", "50990", "350")).
		then("SignalReceived", "BarClosed", "ExitRequested held_back=true", "AlarmRaised code=exit_held_back")
	st.when(trading(domain.Active)).stands()
}

func TestAnExitThatWaitedCallsNobodyOnceItsOrderIsMade(t *testing.T) {
	// Each layer has one lot and the broker shows no tags: the second exit cannot be told from the first, whose outcome is unknown.
	st := given(t, append([]step{configured("broker.tags", "false")}, twoOfOneLot...)...)
	st.and(exit("BANK_NIFTY", "Long_2", ""), unknown(2), wait(time.Second)).when(exit("BANK_NIFTY", "Long_1", ""))
	st.stands("exit_waits/BANK_NIFTY-exit-1", "unknown_order/2")
	st.when(booked(2, "", 30)).then("OrderAccepted", "OrderInitialized lots=1").stands()
}

// twoOfOneLot is a base of which one lot filled, and a pyramid of one lot.
var twoOfOneLot = []step{base("52000"), accepted(0), booked(0, "canceled", 30, "1@52000"), wait(time.Minute), pyramidOfOne, wait(time.Minute)}

func pyramidOfOne(st *story) {
	configured("sizing.mode", "sender")(st)
	entry("PYRAMID", "BANK_NIFTY", "Long_2", "53500", "53150", "350", `,"lots":1`)(st)
	filled(1, "1@53500")(st)
}

func TestAnUnreadableFillCallsNobodyOnceTheBookIsRight(t *testing.T) {
	bad, good := domain.Fill{ExecID: "x", Units: 30}, domain.Fill{ExecID: "x", Units: 30, Price: domain.D("52000")}
	st := given(t, base("52000"), accepted(0), reportOf(0, domain.ReportOrder{BrokerID: "B0", Fills: []domain.Fill{bad}})).stands("bad_fill/0")
	st.and(reportOf(0, domain.ReportOrder{BrokerID: "B0", Fills: []domain.Fill{good}})).stands()

	gone := given(t, base("52000"), accepted(0), reportOf(0, domain.ReportOrder{BrokerID: "B0", Fills: []domain.Fill{bad}}))
	gone.and(reportOf(0, domain.ReportOrder{BrokerID: "B0", Canceled: true})).stands()

	behind := given(t, base("52000"), accepted(0), reportOf(0, domain.ReportOrder{BrokerID: "B0", Fills: []domain.Fill{good, bad}}))
	behind.stands("bad_fill/0")
}

func TestAPartOfALotCallsNobodyOnceTheWholeOrderIsBooked(t *testing.T) {
	part := func(units int) domain.Fill { return domain.Fill{ExecID: "x", Units: units, Price: domain.D("52000")} }
	report := func(fills ...domain.Fill) step { return reportOf(0, domain.ReportOrder{BrokerID: "B0", Fills: fills}) }
	st := given(t, base("52000"), accepted(0), report(part(10))).stands("odd_fill/0")
	st.and(report(part(10), part(20), part(80))).stands("odd_fill/0")
	st.and(report(part(10), part(20), part(80), part(10))).stands()
}

func TestWhatOnlyAPersonCanSettleStandsForGood(t *testing.T) {
	st := given(t, base("52000"), accepted(0), booked(0, "", 30, "5@52000"))
	st.do(domain.RaiseAlarm{Code: domain.AlarmForeignOrder, Subject: "X1", Now: st.now})
	st.and(wait(time.Minute), exit("BANK_NIFTY", "ALL", ""), filled(1, "4@52000"), wait(30*24*time.Hour), bar("BANK_NIFTY", "52000", "350"))
	st.stands("foreign_order/X1", "overfill/0")
}
