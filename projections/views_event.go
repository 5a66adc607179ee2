package projections

import (
	"encoding/json"
	"time"

	"pm/domain"
	"pm/eventstore"
)

// Event is a record of the log with readable names for its metadata. Data are the stored bytes; an encoder that escapes HTML
// would change them (json.Encoder.SetEscapeHTML(false) keeps them as they are).
type Event struct {
	Revision      uint64          `json:"revision"`
	Type          string          `json:"type"`
	Version       int             `json:"version"`
	ID            string          `json:"id"`
	RecordedAt    time.Time       `json:"recorded_at"`
	CorrelationID string          `json:"correlation_id"`
	CausationID   string          `json:"causation_id"`
	Epoch         uint64          `json:"epoch"`
	Instance      string          `json:"instance"`
	Build         string          `json:"build"`
	PrevHash      string          `json:"prev_hash"`
	Hash          string          `json:"hash"`
	Data          json.RawMessage `json:"data"`
}

// EventOf shows a record that was checked and decoded.
func EventOf(rec eventstore.Record, m domain.Meta) Event {
	return Event{
		Revision: m.Rev, Type: m.Type, Version: m.V, ID: string(m.ID), RecordedAt: m.At, CorrelationID: string(m.Corr),
		CausationID: string(m.Cause), Epoch: m.Epoch, Instance: m.Inst, Build: m.Build, PrevHash: m.Prev, Hash: rec.Hash.String(),
		Data: json.RawMessage(rec.Data),
	}
}
