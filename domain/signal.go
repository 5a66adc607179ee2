package domain

import "time"

// SignalType is one of the five kinds of message that a chart sends.
type SignalType string

// The five signal types.
const (
	BaseEntry  SignalType = "BASE_ENTRY"
	Pyramid    SignalType = "PYRAMID"
	Exit       SignalType = "EXIT"
	MarketData SignalType = "MARKET_DATA"
	EODMonitor SignalType = "EOD_MONITOR"
)

// AllLayers is the position of an EXIT that names every open layer.
const AllLayers = "ALL"

// Signal is a chart's message after parsing: form is checked, nothing is decided.
// Prices and ATR are in points, ER is a ratio in [0, 1], Timestamp is UTC.
// A field that the type does not have is nil. An EXIT may have nil where the sent field was faulty.
type Signal struct {
	Type       SignalType  `json:"type"`
	Instrument string      `json:"instrument"`
	Timestamp  time.Time   `json:"timestamp"`
	Position   []string    `json:"position,omitempty"` // Long_n names in the order sent, or the one word ALL
	Price      *Decimal    `json:"price,omitempty"`
	Stop       *Decimal    `json:"stop,omitempty"`
	ATR        *Decimal    `json:"atr,omitempty"`
	ER         *Decimal    `json:"er,omitempty"`
	Supertrend *Decimal    `json:"supertrend,omitempty"`
	ROC        *Decimal    `json:"roc,omitempty"`
	Lots       *Decimal    `json:"lots,omitempty"`
	Conditions *Conditions `json:"conditions,omitempty"`
	Indicators *Indicators `json:"indicators,omitempty"`
}

// Conditions are the entry and exit tests of an EOD_MONITOR signal.
type Conditions struct {
	RSI       bool `json:"rsi_condition"`
	EMA       bool `json:"ema_condition"`
	DC        bool `json:"dc_condition"`
	ADX       bool `json:"adx_condition"`
	ER        bool `json:"er_condition"`
	ST        bool `json:"st_condition"`
	NotDoji   bool `json:"not_doji"`
	LongEntry bool `json:"long_entry"`
	LongExit  bool `json:"long_exit"`
}

// Enter says whether the conditions ask for an entry: the chart's own word or all seven tests.
func (c *Conditions) Enter() bool {
	return c.LongEntry || c.RSI && c.EMA && c.DC && c.ADX && c.ER && c.ST && c.NotDoji
}

// Indicators are the figures of an EOD_MONITOR signal.
type Indicators struct {
	RSI        Decimal  `json:"rsi"`
	EMA        Decimal  `json:"ema"`
	DCUpper    Decimal  `json:"dc_upper"`
	ADX        Decimal  `json:"adx"`
	ER         Decimal  `json:"er"`
	Supertrend Decimal  `json:"supertrend"`
	ATR        Decimal  `json:"atr"`
	ROC        *Decimal `json:"roc,omitempty"`
}

// Submission is a signal as it came in: parsed, with the sender's own bytes kept beside it.
type Submission struct {
	ClientID string   // the sender's idempotency key, "" if none
	Signal   Signal   // what was understood
	Raw      string   // the body as sent, the member "secret" cut out
	Flags    []string // faults of an EXIT that were let pass, for example "price: not a number"
}
