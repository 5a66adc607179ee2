package domain

// Figures are the portfolio's sums: rupees. Risk, volatility and margin count lots in flight as if they had filled at the limit.
type Figures struct {
	Closed     Decimal // C: flows + realized − fees
	Unrealized Decimal // U
	Equity     Decimal // in the sizing mode
	HighWater  Decimal
	Risk       Decimal
	Volatility Decimal
	Margin     Decimal
	Layers     int // open or reserved
}

// Figures adds up what is held and what is in flight, orders of unknown outcome included.
func (s *State) Figures() Figures {
	f := Figures{Closed: s.Capital.Closed(), HighWater: s.Capital.HighWater}
	for _, l := range s.byID {
		f.Unrealized = f.Unrealized.Add(l.Unrealized())
		f.Risk = f.Risk.Add(l.Risk())
		f.Volatility = f.Volatility.Add(l.Volatility())
		f.Margin = f.Margin.Add(l.MarginPerLot.Mul(Int(l.Lots)))
		f.Layers++
		o := s.Orders[l.EntryOrder]
		if o == nil || l.LateFill {
			continue
		}
		lots := o.Leaves()
		f.Risk = f.Risk.Add(RiskOf(o.LimitPrice.Mul(Int(lots)), lots, l.Stop, l.PointValue))
		f.Volatility = f.Volatility.Add(VolatilityOf(l.ATR, lots, l.PointValue))
		f.Margin = f.Margin.Add(l.MarginPerLot.Mul(Int(lots)))
	}
	f.Equity = Equity(s.settings.Risk.SizingEquity, f.Closed, f.Unrealized)
	return f
}

// EntryInFlight gives the instrument's entry order that is not done, nil if there is none.
func (s *State) EntryInFlight(instrument string) *Order {
	m := s.Markets[instrument]
	if m == nil || m.Campaign == nil {
		return nil
	}
	for _, l := range m.Campaign.Layers {
		if o := s.Orders[l.EntryOrder]; o != nil {
			return o
		}
	}
	return nil
}

// Base is the campaign's base layer while it is reserved or open, nil after.
func (c *Campaign) Base() *Layer {
	if len(c.Layers) > 0 && c.Layers[0].Number == 1 {
		return c.Layers[0]
	}
	return nil
}
