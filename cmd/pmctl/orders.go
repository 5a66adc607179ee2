package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"pm/eventstore"
	"pm/projections"
)

func (c *cli) ordersCommand() *cobra.Command {
	l := &list{c: c, key: "orders", statuses: []string{"all", "open", "done"}, fromLog: ordersFromLog, table: ordersTable}
	return l.command("orders", "orders, newest first, and how far each came")
}

func ordersFromLog(ctx context.Context, log eventstore.Log, l *list) ([]any, projections.Head, error) {
	history, err := projections.ReadHistory(ctx, log)
	if err != nil {
		return nil, projections.Head{}, err
	}
	page := history.Orders(l.filter, nil, l.limit)
	return anys(page.Rows), page.Head, page.Err
}

func ordersTable(t *table, rows []json.RawMessage) error {
	t.head = []string{"TIME (IST)", "TAG", "SIDE", ">LOTS", "CONTRACT", "TYPE", ">LIMIT", "STATUS", ">FILLED", ">PRICE", "FOR", "REASON"}
	t.empty = "no orders"
	for _, row := range rows {
		var o projections.Order
		if err := json.Unmarshal(row, &o); err != nil {
			return fmt.Errorf("read an order: %w", err)
		}
		at := o.UpdatedAt
		if o.CreatedAt != nil {
			at = *o.CreatedAt
		}
		subject := o.PositionID
		if subject == "" {
			subject = strings.Join(o.PositionIDs, " ")
		}
		t.row(clock(at), o.Tag, o.Side, fmt.Sprint(o.Lots), o.Contract, o.Type, points(o.LimitPrice), o.Status, fmt.Sprint(o.FilledLots),
			points(o.AvgPrice), subject, o.Reason)
		if o.Status == projections.OrderEndRejected || o.Status == "unknown" {
			t.paint(7, colorBad)
		}
	}
	return nil
}

func (c *cli) signalsCommand() *cobra.Command {
	l := &list{c: c, key: "signals", statuses: []string{"all", "accepted", "rejected"}, fromLog: signalsFromLog, table: signalsTable}
	cmd := l.command("signals", "signals, newest first, with outcome and reasons; signals send posts them")
	cmd.AddCommand(c.sendCommand())
	return cmd
}

func signalsFromLog(ctx context.Context, log eventstore.Log, l *list) ([]any, projections.Head, error) {
	history, err := projections.ReadHistory(ctx, log)
	if err != nil {
		return nil, projections.Head{}, err
	}
	filter := l.filter
	filter.Status = l.statusParameter()
	page := history.Signals(filter, nil, l.limit)
	return anys(page.Rows), page.Head, page.Err
}

func signalsTable(t *table, rows []json.RawMessage) error {
	t.head = []string{">REV", "RECEIVED (IST)", "TYPE", "INSTRUMENT", "POSITION", ">PRICE", "OUTCOME", "WHAT FOLLOWED"}
	t.empty = "no signals"
	for _, row := range rows {
		var s projections.Signal
		if err := json.Unmarshal(row, &s); err != nil {
			return fmt.Errorf("read a signal: %w", err)
		}
		t.row(fmt.Sprint(s.Revision), clock(s.ReceivedAt), s.Type, s.Instrument, strings.Join(s.Position, "+"), points(s.Price), s.Outcome, followed(s.Decision, s.Reasons))
		if s.Outcome == "rejected" {
			t.paint(6, colorBad)
		}
	}
	return nil
}

// followed says what a signal led to: its decision, or every reason of its refusal.
func followed(d *projections.Decision, reasons []projections.Reason) string {
	if d != nil {
		text := d.Action
		if d.PositionID != "" {
			text += fmt.Sprintf(" %s, %s", d.PositionID, counted(d.Lots, "lot"))
		}
		if d.Limiter != "" {
			text += " (by " + d.Limiter + ")"
		}
		return text
	}
	parts := make([]string, len(reasons))
	for i, r := range reasons {
		parts[i] = r.Code + details(r.Details)
	}
	return strings.Join(parts, "; ")
}
