package domain_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

// contract is that of BANK_NIFTY; a base of 4 lots holds 120 units of it.
const contract = "BANKNIFTY-FUT"

// book reports the broker's units of contracts, read while nothing moved.
func book(net map[string]int) step {
	return command(func(st *story) domain.Command {
		return domain.ReportPositions{Net: net, Orders: st.state.OrderCount, Now: st.now}
	})
}

func accept(id string) step {
	return command(func(st *story) domain.Command {
		return domain.AcceptDifference{DifferenceID: id, Reason: "bought by hand", By: "asha", Now: st.now}
	})
}

func difference(st *story) (id string) {
	for id = range st.state.Differences {
		break
	}
	return id
}

func TestABookThatHoldsTheSameUnitsSaysNothing(t *testing.T) {
	given(t).when(book(map[string]int{})).then()
	st := given(t, held...)
	units := st.position("BANK_NIFTY-1-Long_1").Lots * 30
	st.when(book(map[string]int{contract: units})).then()
}

func TestADifferenceIsFoundOnceCallsAPersonAndStopsEntries(t *testing.T) {
	st := given(t, held...)
	units := st.position("BANK_NIFTY-1-Long_1").Lots * 30
	st.when(book(map[string]int{contract: units - 30})).then(
		fmt.Sprintf("BrokerDifferenceFound contract=%s kind=position details.book=%d details.ours=%d", contract, units-30, units),
		"AlarmRaised code=broker_difference subject="+contract, "TradingStateChanged to=REDUCING reason=broker_difference by=service")
	st.when(book(map[string]int{contract: units - 30})).then()
	st.when(book(map[string]int{contract: units - 60})).then("BrokerDifferenceFound")
	require.Len(t, st.state.Differences, 1, "the newer one takes the place of the older")
	require.Equal(t, -60, st.state.Differences[difference(st)].Units)
}

func TestWhatTheBrokerHoldsAndTheLogDoesNotIsADifferenceToo(t *testing.T) {
	given(t).when(book(map[string]int{"GOLDM25JANFUT": 10, contract: -30})).then(
		"BrokerDifferenceFound contract="+contract+" details.book=-30 details.ours=0", "AlarmRaised", "TradingStateChanged",
		"BrokerDifferenceFound contract=GOLDM25JANFUT", "AlarmRaised")
	given(t, held...).when(book(nil)).then("BrokerDifferenceFound details.book=0", "AlarmRaised", "TradingStateChanged")
}

func TestAContractOnTheMoveIsJudgedByALaterBook(t *testing.T) {
	given(t, base("52000"), accepted(0)).when(book(map[string]int{contract: 30})).then()
	given(t).when(command(func(st *story) domain.Command {
		return domain.ReportPositions{Net: map[string]int{contract: 30}, Busy: map[string]bool{contract: true}, Now: st.now}
	})).then()
	given(t, held...).when(command(func(st *story) domain.Command {
		return domain.ReportPositions{Net: map[string]int{contract: 30}, Orders: st.state.OrderCount - 1, Now: st.now}
	})).then()
}

func TestAnAcceptedDifferenceIsNotFoundAgainUnlessItChanges(t *testing.T) {
	st := given(t, book(map[string]int{contract: 30}))
	id := difference(st)
	st.when(accept("other")).refused("not_standing")
	st.when(command(func(st *story) domain.Command {
		return domain.AcceptDifference{DifferenceID: id, Reason: " ", By: "asha", Now: st.now}
	})).refused("missing_reason")
	st.when(accept(id)).then("BrokerDifferenceAccepted id=" + id + " by=asha")
	require.Empty(t, st.state.Differences)
	require.Empty(t, st.state.Alarms, "its alarm has ended")
	require.Equal(t, domain.Reducing, st.state.Trading.Mode, "a person resumes")
	st.when(accept(id)).then()
	st.when(book(map[string]int{contract: 30})).then()
	st.when(book(map[string]int{})).then()
	st.when(book(map[string]int{contract: 60})).then("BrokerDifferenceFound details.book=60", "AlarmRaised")
}

func TestOneBookLeadsToAHundredDifferencesAtMost(t *testing.T) {
	net := map[string]int{}
	for i := range domain.MaxDifferences {
		net[fmt.Sprintf("C%03d", i)] = 1
	}
	full := maps.Clone(net)
	full["one more"] = 1
	for _, n := range []map[string]int{net, full} {
		st := given(t, book(n))
		require.Len(t, st.state.Differences, domain.MaxDifferences)
	}
}

func TestADifferenceThatCannotHaveBeenFoundIsImpossible(t *testing.T) {
	for name, e := range map[string]domain.Event{
		"no book":             &domain.BrokerDifferenceFound{ID: "d", Contract: contract, Kind: domain.DifferencePosition, Details: map[string]string{"ours": "1"}},
		"nothing of ours":     &domain.BrokerDifferenceFound{ID: "d", Contract: contract, Kind: domain.DifferencePosition, Details: map[string]string{"book": "1"}},
		"accepted, not found": &domain.BrokerDifferenceAccepted{ID: "d", By: "asha"},
	} {
		st := given(t)
		err := st.state.Apply(domain.Recorded{Meta: domain.Meta{Rev: st.state.Events, At: st.now, Type: e.EventType()}, Event: e})
		require.ErrorIs(t, err, domain.ErrImpossible, name)
	}
}
