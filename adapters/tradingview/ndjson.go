package tradingview

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"pm/domain"
)

// exchangeZone is the zone in which the export's times were written; lines carry it, so that they read like the export.
var exchangeZone = time.FixedZone("IST", 5*60*60+30*60)

// body is the webhook's form of a line, keys in this order. Numbers are JSON numbers in their exact decimal text.
type body struct {
	Type       domain.SignalType `json:"type"`
	Instrument string            `json:"instrument"`
	Position   any               `json:"position"` // one name, or an array of layers
	Timestamp  string            `json:"timestamp"`
	Price      json.Number       `json:"price"`
	Lots       int               `json:"lots"`
	Stop       json.Number       `json:"stop,omitempty"`
	ATR        json.Number       `json:"atr,omitempty"`
	ER         json.Number       `json:"er,omitempty"`
	Supertrend json.Number       `json:"supertrend,omitempty"`
	Reason     string            `json:"reason,omitempty"`
	Inferred   bool              `json:"inferred,omitempty"`
}

// Body is the line as the webhook takes it: one JSON object without line break. The same line gives the same bytes.
func (l Line) Body() ([]byte, error) {
	b := body{
		Type: l.Type, Instrument: l.Instrument, Position: l.Position, Timestamp: l.At.In(exchangeZone).Format(time.RFC3339),
		Price: json.Number(l.Price.String()), Lots: l.Lots, Stop: number(l.Stop), ATR: number(l.ATR), ER: number(l.ER),
		Supertrend: number(l.Supertrend), Reason: l.Reason, Inferred: l.Inferred,
	}
	if len(l.Position) == 1 {
		b.Position = l.Position[0]
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // a reason stays as the export has it
	if err := enc.Encode(b); err != nil {
		return nil, fmt.Errorf("write the signal of %s: %w", lineNumbers(l.Rows), err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

func number(d *domain.Decimal) json.Number {
	if d == nil {
		return ""
	}
	return json.Number(d.String())
}

// WriteNDJSON writes one body a line.
func WriteNDJSON(w io.Writer, lines []Line) error {
	out := bufio.NewWriter(w)
	for _, l := range lines {
		text, err := l.Body()
		if err != nil {
			return err
		}
		if _, err := out.Write(append(text, '\n')); err != nil {
			return fmt.Errorf("write signals: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write signals: %w", err)
	}
	return nil
}
