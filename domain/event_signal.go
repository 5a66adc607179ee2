package domain

import "time"

// SignalReceived is a well-formed signal and whether the rules accepted it.
type SignalReceived struct {
	SignalID   SignalID  `json:"signal_id"`
	ClientID   string    `json:"client_id,omitempty"`
	Outcome    string    `json:"outcome"` // OutcomeAccepted or OutcomeRejected; the reasons follow in SignalRejected
	ReceivedAt time.Time `json:"received_at"`
	Content    string    `json:"content"` // hex SHA-256 of the parsed signal: tells a repeat from a conflict
	Flags      []string  `json:"flags,omitempty"`
	Signal     Signal    `json:"signal"`
	Raw        string    `json:"raw"`
}

// The outcomes of a received signal.
const (
	OutcomeAccepted = "accepted"
	OutcomeRejected = "rejected"
)

// SignalRejected is a refusal with every reason and every figure that explains it.
type SignalRejected struct {
	SignalID      SignalID `json:"signal_id"`
	Reasons       []Reason `json:"reasons"`
	FirstRevision *uint64  `json:"first_revision,omitempty"` // of a duplicate: what it repeats
	Layer         string   `json:"layer,omitempty"`          // the layer that a pyramid would have been
	Sizing        *Sizing  `json:"sizing,omitempty"`
	Gates         []Gate   `json:"gates,omitempty"` // every gate that was measured, passed or not; without price_divergence the price was unchecked
}

// Reason is one rule that said no, with its figures by name.
type Reason struct {
	Code    ReasonCode        `json:"code"`
	Details map[string]string `json:"details,omitempty"`
}

// BarClosed is a closed bar that marks the instrument's open layers.
type BarClosed struct {
	Instrument string    `json:"instrument"`
	Timestamp  time.Time `json:"timestamp"`
	Price      Decimal   `json:"price"`
	ATR        Decimal   `json:"atr"`
	Supertrend Decimal   `json:"supertrend"`
}

// StopMoved lifts one layer's stop; a long stop never moves down.
type StopMoved struct {
	PositionID PositionID `json:"position_id"`
	From       Decimal    `json:"from"`
	To         Decimal    `json:"to"`
	Highest    Decimal    `json:"highest"`
	Cause      string     `json:"cause"` // StopTrailed
}

// StopTrailed is the cause of a stop that followed the highest price.
const StopTrailed = "trail"

// ExitCause says why lots leave.
type ExitCause string

// The causes of an exit.
const (
	CauseSignal   ExitCause = "signal"
	CauseStopHit  ExitCause = "stop_hit"
	CauseEOD      ExitCause = "eod"
	CausePeelOff  ExitCause = "peel_off"
	CauseOperator ExitCause = "operator"
	CauseCloseAll ExitCause = "close_all"
	CauseLateFill ExitCause = "late_fill"
)

// ByPerson says whether a person asked: such an exit is sent even while HALTED.
func (c ExitCause) ByPerson() bool { return c == CauseOperator || c == CauseCloseAll }

// ExitRequested claims lots of one contract; the intent stands until they are gone.
type ExitRequested struct {
	IntentID   IntentID  `json:"intent_id"`
	Instrument string    `json:"instrument"`
	Contract   string    `json:"contract"`
	Cause      ExitCause `json:"cause"`
	Claims     []Claim   `json:"claims"`
	Binds      []OrderID `json:"binds,omitempty"` // entry orders whose later fills leave too; of close-all also exit orders whose rest it takes
	HeldBack   bool      `json:"held_back,omitempty"`
	RefPrice   *Decimal  `json:"reference_price,omitempty"` // what the exit was decided on
	SignalID   SignalID  `json:"signal_id,omitempty"`
	By         string    `json:"by,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	CommandID  string    `json:"command_id,omitempty"`
}

// Claim is the part of a layer that leaves. Zero lots name a layer and claim nothing: a held-back exit's, or one whose lots another exit's
// order may still sell.
type Claim struct {
	PositionID PositionID `json:"position_id"`
	Layer      string     `json:"layer"`
	Lots       int        `json:"lots"`
}

// ExitWithdrawn is a person's end of an exit intent.
type ExitWithdrawn struct {
	IntentID  IntentID `json:"intent_id"`
	By        string   `json:"by"`
	Reason    string   `json:"reason"`
	CommandID string   `json:"command_id,omitempty"`
}
