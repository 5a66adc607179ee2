package tables

import (
	"maps"
	"slices"
	"time"

	"pm/domain"
)

// market is what is known of an instrument.
type market struct {
	name string
	*domain.Market
}

func marketsOf(s *domain.State) []market {
	out := make([]market, 0, len(s.Markets))
	for _, name := range slices.Sorted(maps.Keys(s.Markets)) {
		out = append(out, market{name, s.Markets[name]})
	}
	return out
}

func barTime(get func(*domain.Bar) time.Time) func(*market) *time.Time {
	return func(m *market) *time.Time {
		if m.Bar == nil {
			return nil
		}
		t := get(m.Bar)
		return &t
	}
}

func barPrice(get func(*domain.Bar) domain.Decimal) func(*market) *domain.Decimal {
	return func(m *market) *domain.Decimal {
		if m.Bar == nil {
			return nil
		}
		d := get(m.Bar)
		return &d
	}
}

// markets has a row for each instrument that was ever traded or marked.
var markets = stateOf("markets", 1, marketsOf,
	text("instrument", func(m *market) string { return m.name }),
	integer("campaigns", func(m *market) int { return m.Campaigns }),
	integer("late_positions", func(m *market) int { return m.Lates }),
	integer("oversold_lots", func(m *market) int { return m.Oversold }),
	maybeInstant("bar_time", barTime(func(b *domain.Bar) time.Time { return b.Time })),
	maybeDecimal("bar_price", barPrice(func(b *domain.Bar) domain.Decimal { return b.Price })),
	maybeDecimal("bar_atr", barPrice(func(b *domain.Bar) domain.Decimal { return b.ATR })),
	maybeInstant("bar_recorded_at", barTime(func(b *domain.Bar) time.Time { return b.At })),
)

// pyramid is an open campaign.
type pyramid struct {
	instrument string
	*domain.Campaign
}

// filledOnly is null until the base has filled.
func filledOnly(get func(*pyramid) domain.Decimal) func(*pyramid) *domain.Decimal {
	return func(p *pyramid) *domain.Decimal {
		if p.BaseLots == 0 {
			return nil
		}
		d := get(p)
		return &d
	}
}

// pyramidingState has a row for each open campaign: what the gates of the next pyramid read.
var pyramidingState = stateOf("pyramiding_state", 1,
	func(s *domain.State) []pyramid {
		var out []pyramid
		for _, m := range marketsOf(s) {
			if m.Campaign != nil {
				out = append(out, pyramid{m.name, m.Campaign})
			}
		}
		return out
	},
	text("instrument", func(p *pyramid) string { return p.instrument }),
	integer("campaign", func(p *pyramid) int { return p.Number }),
	integer("layers_filled", func(p *pyramid) int { return p.Filled }),
	integer("pyramid_count", func(p *pyramid) int { return max(0, p.Filled-1) }),
	maybeText("base_position_id", func(p *pyramid) domain.PositionID {
		if b := p.Base(); b != nil {
			return b.PositionID
		}
		return ""
	}),
	integer("base_lots", func(p *pyramid) int { return p.BaseLots }),
	maybeDecimal("base_entry_price", filledOnly(func(p *pyramid) domain.Decimal { return p.BaseEntry().Price() })),
	decimal("base_cost", func(p *pyramid) domain.Decimal { return p.BaseCost }),
	decimal("base_initial_stop", func(p *pyramid) domain.Decimal { return p.BaseStop }),
	maybeDecimal("last_pyramid_price", filledOnly(func(p *pyramid) domain.Decimal { return p.LastPrice })),
	flag("base_settled", func(p *pyramid) bool { return p.BaseSettled }),
	instant("opened_at", func(p *pyramid) time.Time { return p.OpenedAt }),
)

var openOrders = stateOf("orders_open", 1,
	func(s *domain.State) []domain.Order { return values(s.Orders) },
	orderFields(func(o *domain.Order) *domain.Order { return o })...,
)

// orderFields are the columns that an order has while it lives and when it has ended.
func orderFields[T any](of func(*T) *domain.Order) []field[T] {
	return []field[T]{
		text("order_id", func(r *T) domain.OrderID { return of(r).OrderID }),
		integer("n", func(r *T) uint64 { return of(r).N }),
		text("tag", func(r *T) string { return of(r).Tag }),
		text("kind", func(r *T) domain.OrderKind { return of(r).Kind }),
		text("broker", func(r *T) string { return of(r).Broker }),
		maybeText("broker_id", func(r *T) string { return of(r).BrokerID }),
		text("instrument", func(r *T) string { return of(r).Instrument }),
		text("exchange", func(r *T) string { return of(r).Exchange }),
		text("contract", func(r *T) string { return of(r).Contract }),
		text("side", func(r *T) string { return of(r).Side }),
		text("type", func(r *T) string { return of(r).Type }),
		text("product", func(r *T) string { return of(r).Product }),
		integer("lots", func(r *T) int { return of(r).Lots }),
		integer("lot_size", func(r *T) int { return of(r).LotSize }),
		integer("quantity", func(r *T) int { return of(r).Quantity }),
		maybeDecimal("limit_price", func(r *T) *domain.Decimal { return of(r).LimitPrice }),
		decimal("reference_price", func(r *T) domain.Decimal { return of(r).RefPrice }),
		decimal("point_value", func(r *T) domain.Decimal { return of(r).PointValue }),
		text("state", func(r *T) domain.OrderState { return of(r).State }),
		flag("cancel_requested", func(r *T) bool { return of(r).CancelRequested }),
		integer("filled_lots", func(r *T) int { return of(r).Cum }),
		decimal("fill_cost", func(r *T) domain.Decimal { return of(r).FillCost }),
		maybeText("position_id", func(r *T) domain.PositionID {
			if e := of(r).Entry; e != nil {
				return e.PositionID
			}
			return ""
		}),
		maybeText("intent_id", func(r *T) domain.IntentID { return of(r).IntentID }),
		maybeText("signal_id", func(r *T) domain.SignalID { return of(r).SignalID }),
		integer("attempt", func(r *T) int { return of(r).Attempt }),
		instant("expires_at", func(r *T) time.Time { return of(r).ExpiresAt }),
		instant("not_after", func(r *T) time.Time { return of(r).NotAfter }),
		instant("state_at", func(r *T) time.Time { return of(r).StateAt }),
	}
}

var intents = stateOf("exit_intents", 1,
	func(s *domain.State) []domain.Intent { return values(s.Intents) },
	text("intent_id", func(i *domain.Intent) domain.IntentID { return i.ID }),
	text("instrument", func(i *domain.Intent) string { return i.Instrument }),
	text("contract", func(i *domain.Intent) string { return i.Contract }),
	text("cause", func(i *domain.Intent) domain.ExitCause { return i.Cause }),
	integer("lots", func(i *domain.Intent) int { return i.Lots() }),
	flag("held_back", func(i *domain.Intent) bool { return i.HeldBack }),
	flag("withdrawn", func(i *domain.Intent) bool { return i.Withdrawn }),
	maybeDecimal("reference_price", func(i *domain.Intent) *domain.Decimal { return i.RefPrice }),
	maybeText("signal_id", func(i *domain.Intent) domain.SignalID { return i.SignalID }),
	maybeText("requested_by", func(i *domain.Intent) string { return i.By }),
	maybeText("reason", func(i *domain.Intent) string { return i.Reason }),
	maybeText("order_id", func(i *domain.Intent) domain.OrderID { return i.Order }),
	integer("attempts", func(i *domain.Intent) int { return i.Attempts }),
	maybeInstant("next_at", func(i *domain.Intent) *time.Time { return i.NextAt }),
	integer("revision", func(i *domain.Intent) uint64 { return i.Revision }),
)

// claim is a layer's part of a standing exit.
type claim struct {
	intent domain.IntentID
	domain.Claim
}

var claims = stateOf("exit_claims", 2,
	func(s *domain.State) []claim {
		var out []claim
		for _, i := range s.Intents {
			for _, c := range i.Claims {
				out = append(out, claim{i.ID, c})
			}
		}
		return out
	},
	text("intent_id", func(c *claim) domain.IntentID { return c.intent }),
	text("position_id", func(c *claim) domain.PositionID { return c.PositionID }),
	text("layer", func(c *claim) string { return c.Layer }),
	integer("lots", func(c *claim) int { return c.Lots }),
)
