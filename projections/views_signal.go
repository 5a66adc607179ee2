package projections

import (
	"time"

	"pm/domain"
)

// Signal is a signal of the log and what became of it.
type Signal struct {
	SignalID   string          `json:"signal_id"`
	ClientID   string          `json:"client_id,omitempty"`
	Type       string          `json:"type"`
	Instrument string          `json:"instrument"`
	Position   []string        `json:"position,omitempty"`
	Price      *domain.Decimal `json:"price,omitempty"`
	Stop       *domain.Decimal `json:"stop,omitempty"`
	ATR        *domain.Decimal `json:"atr,omitempty"`
	ER         *domain.Decimal `json:"er,omitempty"`
	Timestamp  time.Time       `json:"timestamp"`
	ReceivedAt time.Time       `json:"received_at"`
	Outcome    string          `json:"outcome"` // accepted, rejected
	Reasons    []Reason        `json:"reasons,omitempty"`
	Decision   *Decision       `json:"decision,omitempty"` // of an accepted one
	Flags      []string        `json:"flags,omitempty"`    // faults of an exit that were let pass
	First      *uint64         `json:"first_revision,omitempty"`
	Revision   uint64          `json:"revision"` // of its SignalReceived
}

// Reason is one rule that said no, with its sentence and its figures.
type Reason struct {
	Code    string            `json:"code"`
	Message string            `json:"message"`
	Details map[string]string `json:"details,omitempty"`
}

// Decision is what an accepted signal led to.
type Decision struct {
	Action     string         `json:"action"` // open_base, add_layer, exit, mark, none
	PositionID string         `json:"position_id,omitempty"`
	Layer      string         `json:"layer,omitempty"`
	Lots       int            `json:"lots"`
	Limiter    string         `json:"limiter,omitempty"` // of the size: risk, margin, discipline, risk_budget, ...
	Sizing     *domain.Sizing `json:"sizing,omitempty"`
}

// DecisionOf shows the decision of an accepted signal.
func DecisionOf(o domain.Outcome) Decision {
	d := Decision{Action: o.Action, PositionID: string(o.Position), Layer: o.Layer, Lots: o.Lots, Sizing: o.Sizing}
	if o.Sizing != nil {
		d.Limiter = o.Sizing.Limiter
	}
	return d
}

// ReasonsOf puts the operator's sentence beside each code.
func ReasonsOf(reasons []domain.Reason) []Reason {
	out := make([]Reason, len(reasons))
	for i, r := range reasons {
		out[i] = Reason{Code: string(r.Code), Message: r.Code.Sentence(), Details: r.Details}
	}
	return out
}

// signalOf shows a signal without its decision, which stands in the events behind it.
func signalOf(r *domain.Recorded, e *domain.SignalReceived) Signal {
	sig := &e.Signal
	return Signal{
		SignalID: string(e.SignalID), ClientID: e.ClientID, Type: string(sig.Type), Instrument: sig.Instrument, Position: sig.Position,
		Price: sig.Price, Stop: sig.Stop, ATR: sig.ATR, ER: sig.ER, Timestamp: sig.Timestamp, ReceivedAt: e.ReceivedAt,
		Outcome: e.Outcome, Flags: e.Flags, Revision: r.Rev,
	}
}
