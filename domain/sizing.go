package domain

// Sizing is every figure that a size was made of. Fields that the kind of entry does not use are absent.
type Sizing struct {
	Mode            string   `json:"mode"` // own, sender
	Lots            int      `json:"lots"`
	Limiter         string   `json:"limiter"` // risk, margin, discipline, risk_budget, invalid_risk, sender
	EquityMode      string   `json:"equity_mode,omitempty"`
	Equity          *Decimal `json:"equity,omitempty"`
	AvailableMargin *Decimal `json:"available_margin,omitempty"`
	Price           *Decimal `json:"price,omitempty"`
	Stop            *Decimal `json:"stop,omitempty"`
	ATR             *Decimal `json:"atr,omitempty"`
	ER              *Decimal `json:"er,omitempty"`
	RiskPercent     *Decimal `json:"risk_percent,omitempty"`
	VolPercent      *Decimal `json:"volatility_percent,omitempty"`
	PointValue      *Decimal `json:"point_value,omitempty"`
	MarginPerLot    *Decimal `json:"margin_per_lot,omitempty"`
	BaseLots        *int     `json:"base_lots,omitempty"`
	Profit          *Decimal `json:"profit_after_base_risk,omitempty"`
	Pyramids        *int     `json:"pyramid_count,omitempty"`
	LotsRisk        *Decimal `json:"lots_risk,omitempty"`
	LotsVolatility  *Decimal `json:"lots_volatility,omitempty"`
	LotsMargin      *Decimal `json:"lots_margin,omitempty"`
	LotsDiscipline  *Decimal `json:"lots_discipline,omitempty"`
	LotsRiskBudget  *Decimal `json:"lots_risk_budget,omitempty"`
}
