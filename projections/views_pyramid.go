package projections

import (
	"maps"
	"slices"

	"pm/domain"
)

// Pyramid is an open campaign: what stands, and what the next layer would need.
type Pyramid struct {
	Instrument  string          `json:"instrument"`
	Campaign    int             `json:"campaign"`
	Layers      []PyramidLayer  `json:"layers"` // oldest first, reserved ones included
	Pyramids    int             `json:"pyramids"`
	MaxPyramids int             `json:"max_pyramids"`
	BaseOpen    bool            `json:"base_open"` // without it nothing is added
	BaseLots    int             `json:"base_lots"` // as first filled
	BaseEntry   *domain.Decimal `json:"base_entry,omitempty"`
	BaseStop    domain.Decimal  `json:"base_initial_stop"`
	R           *domain.Decimal `json:"r,omitempty"`                 // base entry − base initial stop, points
	LastPrice   *domain.Decimal `json:"last_signal_price,omitempty"` // of the latest filled layer
	Bar         *domain.Decimal `json:"last_price,omitempty"`        // of the latest bar
	NextLayer   string          `json:"next_layer,omitempty"`        // "" before the base fills and once the campaign has all it may have
	InFlight    string          `json:"in_flight,omitempty"`         // the entry order that is not done
	Lots        int             `json:"lots"`
	Risk        domain.Decimal  `json:"risk"`
	Unrealized  domain.Decimal  `json:"unrealized_pnl"`
}

// PyramidLayer is one rung.
type PyramidLayer struct {
	Layer      string          `json:"layer"`
	PositionID string          `json:"position_id"`
	Status     string          `json:"status"`
	Lots       int             `json:"lots"`
	EntryPrice *domain.Decimal `json:"entry_price,omitempty"`
	Stop       domain.Decimal  `json:"stop"`
}

// Pyramids lists the open campaigns by instrument.
func Pyramids(s *domain.State) []Pyramid {
	out := []Pyramid{}
	for _, name := range slices.Sorted(maps.Keys(s.Markets)) {
		if m := s.Markets[name]; m.Campaign != nil {
			out = append(out, pyramidOf(s, name, m))
		}
	}
	return out
}

func pyramidOf(s *domain.State, name string, m *domain.Market) Pyramid {
	c := m.Campaign
	p := Pyramid{
		Instrument: name, Campaign: c.Number, Layers: []PyramidLayer{}, Pyramids: max(0, c.Filled-1),
		BaseOpen: c.Base() != nil && c.Base().Lots > 0, BaseLots: c.BaseLots, BaseStop: c.BaseStop,
	}
	if row, known := s.Settings().Instrument(name, s.At); known {
		p.MaxPyramids = row.MaxPyramids
	}
	if c.Filled > 0 && c.Filled <= p.MaxPyramids && c.Filled < domain.MaxLayers {
		p.NextLayer = domain.LayerName(c.Filled + 1)
	}
	if c.BaseLots > 0 {
		entry := c.BaseEntry().Price()
		r, last := entry.Sub(c.BaseStop), c.LastPrice
		p.BaseEntry, p.R, p.LastPrice = &entry, &r, &last
	}
	if m.Bar != nil {
		p.Bar = copied(&m.Bar.Price)
	}
	if o := s.EntryInFlight(name); o != nil {
		p.InFlight = string(o.OrderID)
	}
	for _, l := range c.Layers {
		v := PositionOf(s, l)
		p.Layers = append(p.Layers, PyramidLayer{v.Layer, v.PositionID, v.Status, v.Lots, v.EntryPrice, v.Stop})
		p.Lots += v.Lots
		p.Risk, p.Unrealized = p.Risk.Add(v.Risk), p.Unrealized.Add(v.Unrealized)
	}
	return p
}
