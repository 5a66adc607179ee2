package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"pm/domain"
	"pm/eventstore"
	"pm/projections"
)

func (c *cli) positionsCommand() *cobra.Command {
	l := &list{c: c, key: "positions", statuses: []string{"open", "closed", "all"}, fromLog: positionsFromLog, table: positionsTable}
	return l.command("positions", "what is held, with stops; --status closed for what was")
}

func positionsFromLog(ctx context.Context, log eventstore.Log, l *list) (rows []any, head projections.Head, err error) {
	if l.filter.Status != "closed" {
		var state *domain.State
		if state, head, err = folded(ctx, log); err != nil {
			return nil, head, err
		}
		held := projections.OpenPositions(state)
		if l.filter.Status == "all" { // as the service has it: reserved ones too
			held = projections.Positions(state)
		}
		for _, p := range held {
			if l.filter.Instrument == "" || l.filter.Instrument == p.Instrument {
				rows = append(rows, p)
			}
		}
	}
	if l.filter.Status != "open" {
		history, err := projections.ReadHistory(ctx, log)
		if err != nil {
			return nil, head, err
		}
		page := history.Closed(projections.Filter{Instrument: l.filter.Instrument}, nil, l.limit)
		if page.Err != nil {
			return nil, head, page.Err
		}
		head = page.Head
		for _, p := range page.Rows {
			rows = append(rows, p)
		}
	}
	return rows[:min(len(rows), l.limit)], head, nil
}

func positionsTable(t *table, rows []json.RawMessage) error {
	t.head = []string{"POSITION", "STATUS", ">LOTS", ">LEAVING", ">ENTRY", ">STOP", ">LAST", ">EXIT", ">RISK", ">UNREALIZED", ">NET P&L", "SINCE (IST)"}
	t.empty = "no positions"
	var risk, unrealized domain.Decimal
	for _, row := range rows {
		var p projections.Position
		if err := json.Unmarshal(row, &p); err != nil {
			return fmt.Errorf("read a position: %w", err)
		}
		net := ""
		if p.LotsSold > 0 {
			net = money(p.NetPnL)
		}
		since := ""
		if p.EntryTime != nil {
			since = clock(*p.EntryTime)
		}
		t.row(p.PositionID, p.Status, fmt.Sprint(p.Lots), blankZero(p.LotsLeaving), points(p.EntryPrice), price(p.Stop), points(p.LastPrice),
			points(p.ExitPrice), money(p.Risk), money(p.Unrealized), net, since)
		t.paint(9, signColor(p.Unrealized))
		t.paint(10, signColor(p.NetPnL))
		risk, unrealized = risk.Add(p.Risk), unrealized.Add(p.Unrealized)
	}
	if len(rows) > 0 {
		t.foot = []string{fmt.Sprintf("%s, risk %s, unrealized %s", counted(len(rows), "position"), money(risk), money(unrealized))}
	}
	return nil
}

func (c *cli) pyramidsCommand() *cobra.Command {
	l := &list{c: c, key: "pyramids", table: pyramidsTable, fromLog: func(ctx context.Context, log eventstore.Log, _ *list) ([]any, projections.Head, error) {
		state, head, err := folded(ctx, log)
		if err != nil {
			return nil, head, err
		}
		return anys(projections.Pyramids(state)), head, nil
	}}
	return l.command("pyramids", "open campaigns: their layers, and what the next one would be")
}

func pyramidsTable(t *table, rows []json.RawMessage) error {
	t.head = []string{"INSTRUMENT", ">CAMPAIGN", "LAYERS", ">LOTS", ">BASE ENTRY", ">R", ">LAST", "NEXT", ">RISK", ">UNREALIZED"}
	t.empty = "no open campaigns"
	for _, row := range rows {
		var p projections.Pyramid
		if err := json.Unmarshal(row, &p); err != nil {
			return fmt.Errorf("read a pyramid: %w", err)
		}
		layers := make([]string, len(p.Layers))
		for i, l := range p.Layers {
			layers[i] = fmt.Sprintf("%s %d", l.Layer, l.Lots)
			if l.Status != projections.PositionOpen {
				layers[i] += " " + l.Status
			}
		}
		next := p.NextLayer
		if !p.BaseOpen {
			next = "none: the base is gone"
		}
		if p.InFlight != "" {
			next = "in flight"
		}
		t.row(p.Instrument, fmt.Sprint(p.Campaign), strings.Join(layers, ", "), fmt.Sprint(p.Lots), points(p.BaseEntry), points(p.R), points(p.Bar),
			next, money(p.Risk), money(p.Unrealized))
		t.paint(9, signColor(p.Unrealized))
	}
	return nil
}

// points writes a price that may be absent.
func points(d *domain.Decimal) string {
	if d == nil {
		return ""
	}
	return price(*d)
}

func blankZero(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func signColor(d domain.Decimal) string {
	switch {
	case d.IsPos():
		return colorGood
	case d.IsNeg():
		return colorBad
	}
	return colorNone
}

func anys[T any](rows []T) []any {
	out := make([]any, len(rows))
	for i, row := range rows {
		out[i] = row
	}
	return out
}
