package invariants

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/engine"
)

func TestEachRuleOfAStateFindsTheStateThatBreaksIt(t *testing.T) {
	for name, c := range map[string]struct {
		rule  string
		wreck func(*domain.State, *domain.Layer)
	}{
		"more lots leave than are held":       {"L1", func(_ *domain.State, l *domain.Layer) { l.Leaving = l.Lots + 1 }},
		"lots leave that no exit claims":      {"L1", func(_ *domain.State, l *domain.Layer) { l.Leaving = 1 }},
		"lots appear without a fill":          {"L2", func(_ *domain.State, l *domain.Layer) { l.Lots++ }},
		"a layer holds and awaits nothing":    {"L7", func(_ *domain.State, l *domain.Layer) { l.Lots, l.Leaving, l.Sold = 0, 0, l.Bought }},
		"two entries of an instrument":        {"L3", twoEntries},
		"a campaign without a layer":          {"L3", func(s *domain.State, _ *domain.Layer) { s.Markets["GOLD_MINI"].Campaign.Layers = nil }},
		"a claim on a layer that is gone":     {"L4", claimOfNothing},
		"two layers with one number":          {"L8", func(s *domain.State, l *domain.Layer) { twin(s, l) }},
		"an exit claims more than is leaving": {"L1", claimTooMuch},
	} {
		t.Run(name, func(t *testing.T) {
			h := live(t)
			require.NoError(t, Check(h.state))
			layers := h.state.Layers()
			c.wreck(h.state, layers[len(layers)-1])
			requireRule(t, c.rule, Check(h.state))
		})
	}
}

func twoEntries(s *domain.State, _ *domain.Layer) {
	for _, id := range []domain.OrderID{"a", "b"} {
		s.Orders[id] = &domain.Order{OrderInitialized: domain.OrderInitialized{OrderID: id, Instrument: "GOLD_MINI", Kind: domain.EntryOrder}}
	}
}

func claimOfNothing(s *domain.State, _ *domain.Layer) {
	s.Intents["x"] = &domain.Intent{Claims: []domain.Claim{{PositionID: "GONE-1-Long_1", Lots: 1}}}
}

func claimTooMuch(s *domain.State, l *domain.Layer) {
	s.Intents["x"] = &domain.Intent{Claims: []domain.Claim{{PositionID: l.PositionID, Lots: 2}}}
	l.Leaving = 1
}

func twin(s *domain.State, l *domain.Layer) {
	c := s.Markets[l.Instrument].Campaign
	c.Layers = append(c.Layers, l)
}

func TestABookThatDisagreesBreaksV10AndADoubledOrderV1(t *testing.T) {
	h := live(t)
	orders, err := h.book.AllOrders(t.Context())
	require.NoError(t, err)
	require.NoError(t, AtRest(h.state, orders))

	requireRule(t, "V1", Once(append(orders, orders[0])))
	requireRule(t, "V10", AtRest(h.state, orders[1:]))
	less := append([]engine.BookOrder(nil), orders...)
	less[1].Fills = nil
	requireRule(t, "V10", AtRest(h.state, less))
	twoEntries(h.state, nil)
	requireRule(t, "V10", AtRest(h.state, orders))
}

func TestASendLeavesOnlyWithItsMarkInTheLogAndOnlyOnce(t *testing.T) {
	h := live(t)
	order := engine.Order{Tag: domain.NewOrderID(portfolio, 0).Tag(), Exchange: "NFO", Contract: "X", Side: domain.Buy, Type: domain.MarketOrder,
		Product: domain.Product, Quantity: 1, LotSize: 1, RefPrice: domain.D("10"), PointValue: domain.D("1")}
	guard := NewSends(h.book, h.log)
	require.Equal(t, engine.Accepted, guard.Send(t.Context(), order).Kind, "its mark is in the log")
	require.NoError(t, guard.Err())
	require.Equal(t, engine.Unknown, guard.Send(t.Context(), order).Kind)
	requireRule(t, "V1", guard.Err())

	unmarked := NewSends(h.book, h.log)
	order.Tag = domain.NewOrderID(portfolio, 99).Tag()
	unmarked.Send(t.Context(), order)
	requireRule(t, "V9", unmarked.Err())
}

func TestASendOfAnEarlierEpochIsHeldBack(t *testing.T) {
	h := live(t)
	head, err := h.log.Head(t.Context())
	require.NoError(t, err)
	e := engine.New(engine.Options{Log: h.log, Broker: h.book, Instance: "later", Build: "b"}, h.state, head)
	require.NoError(t, e.Start(t.Context(), domain.RecoveryCompleted{Snapshot: "none"}, settings(t)))
	guard := NewSends(h.book, h.log)
	guard.Send(t.Context(), engine.Order{Tag: domain.NewOrderID(portfolio, 0).Tag()})
	requireRule(t, "V9", guard.Err())
}
