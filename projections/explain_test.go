package projections

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

// rising sends bars of which each moves the stop.
func (d *desk) rising(n int) {
	for i := range n {
		d.send(strings.Replace(niftyBar, "50700", fmt.Sprint(50700+10*i), 1))
	}
}

func TestAnExplanationLooksAtSoManyEventsAndSaysThatThereAreMore(t *testing.T) {
	for _, c := range []struct {
		moves int
		more  bool
	}{{MaxAbout - 9, false}, {MaxAbout - 8, true}} { // four events open the position and five close it
		d := newDesk(t)
		d.send(niftyBase)
		d.fill("50000")
		d.rising(c.moves)
		d.send(niftyExit)
		d.fill("50400")
		h, err := ReadHistory(t.Context(), d.log)
		require.NoError(t, err)
		x, err := Chain(t.Context(), h, NewJournal(d.log), "BANK_NIFTY-1-Long_1", nil)
		require.NoError(t, err)
		require.Equal(t, c.more, x.Truncated)
		require.Equal(t, "OrderFilled", x.Steps[len(x.Steps)-1].Type, "how it ended is there")
		require.LessOrEqual(t, len(x.Steps), MaxExplained)
		require.Equal(t, c.more, strings.Contains(x.Text, "There is more"))
		require.Equal(t, "SignalReceived", x.Steps[0].Type)
		require.Equal(t, d.state.Events-1, x.Revision)
	}
}

func TestEventsFarApartAreReadInRuns(t *testing.T) {
	d := newDesk(t)
	d.send(niftyBase)
	d.fill("50000")
	for range 700 { // far more than a chunk of the log, and none of them about the position
		d.send(strings.ReplaceAll(niftyBar, "BANK_NIFTY", "COPPER"))
	}
	d.send(niftyExit)
	d.fill("50400")
	h, err := ReadHistory(t.Context(), d.log)
	require.NoError(t, err)
	x, err := Chain(t.Context(), h, NewJournal(d.log), "BANK_NIFTY-1-Long_1", nil)
	require.NoError(t, err)
	require.Len(t, x.Steps, 11)
	require.Equal(t, "OrderFilled", x.Steps[10].Type)
	require.Equal(t, "95800", x.Money.Net.String())
}

func TestAnIDThatNobodyHasIsNoSubject(t *testing.T) {
	d := newDesk(t)
	h, err := ReadHistory(t.Context(), d.log)
	require.NoError(t, err)
	_, err = Chain(t.Context(), h, NewJournal(d.log), "nothing", nil)
	require.ErrorIs(t, err, ErrNoSubject)
}

func TestEveryEventHasItsWords(t *testing.T) {
	for name, make := range domain.EventTypes {
		require.NotPanics(t, func() {
			require.NotContains(t, []string{"", name + "."}, sentence(make(), nil), "say in explain_words.go what %s means", name)
		}, name)
	}
}

func TestASettingThatChangedIsToldWithItsNewValue(t *testing.T) {
	require.Equal(t, "Limits changed by asha: a is 2, b is gone, c is 3.", sentence(&domain.RiskLimitsChanged{
		By: "asha", Before: map[string]string{"a": "1", "b": "5"}, After: map[string]string{"a": "2", "c": "3"},
	}, nil))
}

func TestNoMoreEventsAreWantedThanAnExplanationHolds(t *testing.T) {
	c := &chain{revs: map[uint64]bool{}}
	for rev := range uint64(MaxExplained) {
		c.want(rev)
	}
	c.want(5)
	require.False(t, c.truncated, "what is wanted already needs no place")
	c.want(MaxExplained)
	require.True(t, c.truncated)
	require.Len(t, c.revs, MaxExplained)
}

func TestAnExplanationSaysWhereThePriceWasHeldAgainstNoQuote(t *testing.T) {
	received := func(kind domain.SignalType) domain.Event {
		return &domain.SignalReceived{Signal: domain.Signal{Type: kind}}
	}
	refused := func(code domain.ReasonCode, gates ...domain.Gate) domain.Event {
		return &domain.SignalRejected{Reasons: []domain.Reason{{Code: code}}, Gates: gates}
	}
	order := func(checks map[string]string) domain.Event {
		return &domain.OrderInitialized{Entry: &domain.Entry{Checks: checks}}
	}
	quoted := domain.Gate{Code: domain.ReasonPriceDivergence, Value: domain.D("1"), Limit: domain.D("2")}
	for name, c := range map[string]struct {
		kind      domain.SignalType
		event     domain.Event
		unchecked bool
	}{
		"an entry":                    {domain.BaseEntry, order(map[string]string{"price": "unchecked"}), true},
		"an entry beside a quote":     {domain.BaseEntry, order(map[string]string{"price": "checked"}), false},
		"an exit":                     {domain.Exit, &domain.OrderInitialized{}, false},
		"a refusal":                   {domain.Pyramid, refused(domain.ReasonSpacing, domain.Gate{Code: domain.ReasonSpacing}), true},
		"a refusal beside a quote":    {domain.Pyramid, refused(domain.ReasonSpacing, quoted), false},
		"a refusal because of it":     {domain.BaseEntry, refused(domain.ReasonPriceDivergence, quoted), false},
		"a refusal at the day's end":  {domain.EODMonitor, refused(domain.ReasonStale), true},
		"an exit that names nothing":  {domain.EODMonitor, refused(domain.ReasonNotOpen), false},
		"a repeat":                    {domain.BaseEntry, refused(domain.ReasonDuplicate), false},
		"a bar of another instrument": {domain.MarketData, refused(domain.ReasonUnknownInstrument), false},
	} {
		x := Explain("x", SubjectSignal, []domain.Recorded{{Event: received(c.kind)}, {Event: c.event}}, nil)
		require.Equal(t, c.unchecked, strings.Contains(x.Steps[1].Text, uncheckedWords), name)
		require.Equal(t, c.unchecked, strings.Contains(x.Text, uncheckedWords), name)
	}
}

func TestACloseAllThatWaitsForAnOrderIsExplained(t *testing.T) {
	e := &domain.ExitRequested{IntentID: "A-exit-1", Cause: domain.CauseCloseAll, Claims: []domain.Claim{{PositionID: "A-1-Long_1", Lots: 2}, {PositionID: "A-1-Long_2"}}}
	require.Equal(t, "Exit A-exit-1 asked for, because a person closed everything: 2 lots of A-1-Long_1, what the order under way leaves unsold of A-1-Long_2.", exitWords(e))
}

func TestEveryLimiterAndEveryCauseOfAnExitHasWords(t *testing.T) {
	for _, code := range []string{domain.LimiterRisk, domain.LimiterMargin, domain.LimiterDiscipline, domain.LimiterRiskBudget, domain.LimiterInvalidRisk, domain.LimiterSender} {
		require.NotEmpty(t, limiterWords[code], code)
		require.NotContains(t, LimiterWords(code), "_")
	}
	for _, code := range []domain.ExitCause{domain.CauseSignal, domain.CauseStopHit, domain.CauseEOD, domain.CausePeelOff, domain.CauseOperator, domain.CauseCloseAll, domain.CauseLateFill} {
		require.NotEmpty(t, causeWords[code], code)
		require.Equal(t, causeWords[code], CauseWords(string(code)))
	}
	require.Equal(t, "of_a_later_build", LimiterWords("of_a_later_build"))
	require.Equal(t, "of_a_later_build", CauseWords("of_a_later_build"))
	require.Empty(t, CauseWords(""), "nothing has left")
}
