package invariants

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

// change gives a test one event type to lie about: it changes a copy, so that the true history stays.
func change[E any](lie func(*E)) func(*domain.Recorded) {
	return func(r *domain.Recorded) {
		if e, ok := any(r.Event).(*E); ok {
			other := *e
			lie(&other)
			r.Event = any(&other).(domain.Event)
		}
	}
}

func at(rev uint64, lie func(*domain.Recorded)) func(*domain.Recorded) {
	return func(r *domain.Recorded) {
		if r.Rev == rev {
			lie(r)
		}
	}
}

// Each case tells the true history with one lie in it, and names the rule that must find it out.
func TestEachRuleFindsTheLieThatBreaksIt(t *testing.T) {
	h := live(t)
	for name, c := range map[string]struct {
		rule string
		lie  func(*domain.Recorded)
	}{
		"a fill of more lots than were ordered": {"L2", change(func(e *domain.OrderFilled) { e.LastQty, e.CumQty = e.LastQty+1, e.CumQty+1 })},
		"an acceptance without a send": {"L5", func(r *domain.Recorded) {
			if _, ok := r.Event.(*domain.OrderSendStarted); ok {
				r.Event = nil
			}
		}},
		"a send of another epoch":        {"V9", change(func(e *domain.OrderSendStarted) { e.Epoch++ })},
		"a stop that falls":              {"V5", change(func(e *domain.StopMoved) { e.To = domain.D("51474.99") })},
		"a stop that stands still":       {"V5", change(func(e *domain.StopMoved) { e.To = domain.D("51475") })},
		"a fill at another price":        {"V8", change(func(e *domain.OrderFilled) { e.LastPx = e.LastPx.Add(domain.D("0.00000001")) })},
		"a fee of another amount":        {"V8", change(func(e *domain.OrderFilled) { e.Fee = e.Fee.Add(domain.D("0.01")) })},
		"a second instance in one epoch": {"V4", at(9, func(r *domain.Recorded) { r.Inst = "z" })},
		"an epoch that falls":            {"V4", at(9, func(r *domain.Recorded) { r.Epoch = 0 })},
		"an epoch without its event":     {"V4", at(9, func(r *domain.Recorded) { r.Epoch = 2 })},
		"a deposit that nobody made":     {"V8", at(3, func(r *domain.Recorded) { r.Event = &domain.CapitalDeposited{Amount: domain.D("1")} })},
	} {
		t.Run(name, func(t *testing.T) { requireRule(t, c.rule, h.tell(t, c.lie)) })
	}
}

func TestAnEntryWhileItsSymbolHasAnUnknownOrderBreaksL6(t *testing.T) {
	stream, id := NewStream(), domain.NewOrderID(portfolio, 0)
	give := func(e domain.Event) error {
		return stream.life(domain.Recorded{Meta: domain.Meta{Type: e.EventType(), Epoch: 1}, Event: e})
	}
	entry := domain.OrderInitialized{OrderID: id, Kind: domain.EntryOrder, Instrument: "BANK_NIFTY", Lots: 1}
	require.NoError(t, give(&entry))
	require.NoError(t, give(&domain.OrderSendStarted{OrderID: id, Epoch: 1}))
	require.NoError(t, give(&domain.OrderUnknown{OrderID: id}))
	other := entry
	other.OrderID = domain.NewOrderID(portfolio, 1)
	other.Instrument = "GOLD_MINI"
	require.NoError(t, give(&other), "another symbol is free")
	same := entry
	same.OrderID = domain.NewOrderID(portfolio, 2)
	requireRule(t, "L6", give(&same))
	exit := same
	exit.OrderID, exit.Kind = domain.NewOrderID(portfolio, 3), domain.ExitOrder
	require.NoError(t, give(&exit), "exits go on")
	require.NoError(t, give(&domain.OrderNotAccepted{OrderID: id}))
	same.OrderID = domain.NewOrderID(portfolio, 4)
	require.NoError(t, give(&same), "the outcome is known")
}

func TestAnExitThatDisappearsBreaksL4(t *testing.T) {
	const id, order, bought = "X-exit-0", domain.OrderID("sells"), domain.OrderID("buys")
	stands := func(x standing, state domain.OrderState) *Stream {
		stream := NewStream()
		stream.intents[id] = &x
		stream.orders[order] = &orderLife{OrderInitialized: domain.OrderInitialized{OrderID: order, Kind: domain.ExitOrder, IntentID: id, Lots: 4}, state: state}
		stream.orders[bought] = &orderLife{OrderInitialized: domain.OrderInitialized{OrderID: bought, Kind: domain.EntryOrder, Lots: 4}, state: state}
		return stream
	}
	fill := func(lots int) domain.Event { return &domain.OrderFilled{OrderID: order, LastQty: lots} }
	empty := domain.NewState()
	for name, c := range map[string]struct {
		x     standing
		state domain.OrderState // of its order and of the entry that it is bound to
		event domain.Event
		may   bool
	}{
		"a bar ends none":                            {standing{lots: 4}, domain.Done, &domain.BarClosed{}, false},
		"a person may":                               {standing{lots: 4}, domain.Done, &domain.ExitWithdrawn{IntentID: id}, true},
		"a person's word for another one":            {standing{lots: 4}, domain.Done, &domain.ExitWithdrawn{IntentID: "X-exit-1"}, false},
		"withdrawn while its order works":            {standing{lots: 4, order: order}, domain.Working, &domain.ExitWithdrawn{IntentID: id}, false},
		"the last of its lots":                       {standing{lots: 3, order: order}, domain.Done, fill(3), true},
		"a part of its lots":                         {standing{lots: 4, order: order}, domain.Done, fill(3), false},
		"a fill while its order works on":            {standing{lots: 3, order: order}, domain.Working, fill(3), false},
		"its order ends and lots are left":           {standing{lots: 1, order: order}, domain.Done, &domain.OrderCanceled{OrderID: order}, false},
		"its order is refused and lots are left":     {standing{lots: 1, order: order}, domain.Done, &domain.OrderRejected{OrderID: order}, false},
		"its order ends and nothing is left":         {standing{order: order}, domain.Done, &domain.OrderCanceled{OrderID: order}, true},
		"the order of another exit ends":             {standing{lots: 1}, domain.Done, &domain.OrderExpired{OrderID: order}, false},
		"its entry ends unfilled":                    {standing{binds: []domain.OrderID{bought}}, domain.Done, &domain.OrderCanceled{OrderID: bought}, true},
		"its entry may still fill":                   {standing{binds: []domain.OrderID{bought}}, domain.Working, &domain.OrderExpired{OrderID: order}, false},
		"its entry fills":                            {standing{binds: []domain.OrderID{bought}}, domain.Done, &domain.OrderFilled{OrderID: bought, LastQty: 4}, false},
		"a late fill of another's order sells them":  {standing{lots: 3}, domain.Done, &domain.OrderFilled{OrderID: "late", LastQty: 3}, true},
		"a late fill of another's order sells fewer": {standing{lots: 3}, domain.Done, &domain.OrderFilled{OrderID: "late", LastQty: 2}, false},
		"a resume ends what was held back":           {standing{held: true}, domain.Done, &domain.TradingStateChanged{}, true},
		"a resume ends nothing else":                 {standing{lots: 4}, domain.Done, &domain.TradingStateChanged{}, false},
		"a halt's exit ends by no order":             {standing{held: true}, domain.Done, &domain.OrderCanceled{OrderID: order}, false},
	} {
		t.Run(name, func(t *testing.T) {
			stream := stands(c.x, c.state)
			stream.orders["late"] = &orderLife{OrderInitialized: domain.OrderInitialized{OrderID: "late", Kind: domain.ExitOrder, IntentID: "X-exit-9"}, state: domain.Done}
			if err := stream.exits(c.event, empty); c.may {
				require.NoError(t, err)
			} else {
				requireRule(t, "L4", err)
			}
		})
	}
}

func TestAnExitThatLosesLotsOrComesFromNowhereBreaksL4(t *testing.T) {
	s := domain.NewState()
	s.Intents["X-exit-0"] = &domain.Intent{ID: "X-exit-0", Claims: []domain.Claim{{Lots: 2}}}
	stream := NewStream()
	requireRule(t, "L4", stream.exits(&domain.BarClosed{}, s))
	stream = NewStream()
	require.NoError(t, stream.exits(&domain.ExitRequested{IntentID: "X-exit-0", Claims: []domain.Claim{{Lots: 2}}}, s))
	s.Intents["X-exit-0"].Claims[0].Lots = 1
	requireRule(t, "L4", stream.exits(&domain.OrderCanceled{}, s))
}

func TestAnExitThatKeepsFailingAndCallsNobodyBreaksL4(t *testing.T) {
	stream, s := NewStream(), domain.NewState()
	s.Intents["X-exit-0"] = &domain.Intent{ID: "X-exit-0", Attempts: exitAlarmFrom}
	stream.intents["X-exit-0"] = &standing{}
	requireRule(t, "L4", stream.exits(&domain.BarClosed{}, s))
	stream.alarmed[domain.AlarmExitRetries+"/X-exit-0"] = true
	require.NoError(t, stream.exits(&domain.BarClosed{}, s))
}

func TestBaseLotsThatChangeAfterTheBaseIsDoneBreakL8(t *testing.T) {
	h := live(t)
	stream := NewStream()
	require.NoError(t, stream.fixed(h.state))
	h.state.Markets["GOLD_MINI"].Campaign.BaseLots++
	requireRule(t, "L8", stream.fixed(h.state))
}

func TestAnEntryAboveACapBreaksV6(t *testing.T) {
	h := live(t)
	for name, tight := range map[string]func(*domain.Settings){
		"risk":       func(s *domain.Settings) { s.Risk.BaseRisk = domain.D("0.1") },
		"volatility": func(s *domain.Settings) { s.Risk.BaseVolatility = domain.D("0.1") },
		"margin":     func(s *domain.Settings) { s.Risk.MaxMarginPercent = domain.D("1") },
	} {
		limits := *h.state.Settings()
		tight(&limits)
		stream := NewStream()
		stream.limits = &limits
		err := stream.caps(&domain.OrderInitialized{Entry: &domain.Entry{Layer: 1}}, h.state)
		requireRule(t, "V6", err)
		require.ErrorContains(t, err, name)
	}
}

func TestLotsOfTwoPointValuesAtOnceAreNotCountedFromTheirOrderAlone(t *testing.T) {
	entry := func(value string) *domain.OrderInitialized {
		return &domain.OrderInitialized{Instrument: "GOLD_MINI", PointValue: domain.D(value), Entry: &domain.Entry{}}
	}
	stream := NewStream()
	stream.value(entry("10"))
	stream.value(entry("12"))
	require.False(t, stream.mixed, "nothing was held")
	stream.bought["GOLD_MINI"] = 5
	stream.value(entry("12"))
	require.False(t, stream.mixed)
	stream.value(entry("10"))
	require.True(t, stream.mixed)
}
