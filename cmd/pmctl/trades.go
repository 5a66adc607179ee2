package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"pm/domain"
	"pm/eventstore"
	"pm/projections"
)

// tradesCommand lists what was bought and sold again: a trade is a position that is closed.
func (c *cli) tradesCommand() *cobra.Command {
	l := &list{c: c, key: "trades", paged: true, table: tradesTable, fromLog: func(ctx context.Context, log eventstore.Log, l *list) ([]any, projections.Head, error) {
		history, err := projections.ReadHistory(ctx, log)
		if err != nil {
			return nil, projections.Head{}, err
		}
		closed := history.Closed(l.filter, nil, l.limit)
		return anys(closed.Rows), closed.Head, closed.Err
	}}
	return l.command("trades", "closed positions, the latest closed first: gross, fees, net")
}

func tradesTable(t *table, rows []json.RawMessage) error {
	t.head = []string{"POSITION", ">LOTS", ">ENTRY", ">EXIT", "BECAUSE OF", ">GROSS", ">FEES", ">NET P&L", "ENTERED (IST)", "LEFT (IST)"}
	t.empty = "no trades"
	var gross, fees, net domain.Decimal
	for _, row := range rows {
		var p projections.Position
		if err := json.Unmarshal(row, &p); err != nil {
			return fmt.Errorf("read a trade: %w", err)
		}
		t.row(p.PositionID, fmt.Sprint(p.LotsSold), points(p.EntryPrice), points(p.ExitPrice), p.ExitReason, money(p.RealizedPnL), money(p.Fees),
			money(p.NetPnL), clockOf(p.EntryTime), clockOf(p.ExitTime))
		t.paint(7, signColor(p.NetPnL))
		gross, fees, net = gross.Add(p.RealizedPnL), fees.Add(p.Fees), net.Add(p.NetPnL)
	}
	if len(rows) > 0 {
		t.foot = []string{fmt.Sprintf("%s, gross %s, fees %s, net %s", counted(len(rows), "trade"), money(gross), money(fees), money(net))}
	}
	return nil
}

func clockOf(t *time.Time) string {
	if t == nil {
		return ""
	}
	return clock(*t)
}

// instance is a process that wrote the log, or one that runs.
type instance struct {
	ID     string    `json:"id"`
	Status string    `json:"status"`
	Epoch  uint64    `json:"epoch"`
	Since  time.Time `json:"since"`
	Build  string    `json:"build"`
}

// The status of an instance as far as a log can tell. Whether the last writer still lives stands in no log, but beside it (standing).
const (
	instanceEnded = "ended"
	instanceLast  = "last writer"
)

func (c *cli) instancesCommand() *cobra.Command {
	l := &list{c: c, key: "instances", table: instancesTable, fromLog: instancesFromLog}
	return l.command("instances", "who runs; from a log: who wrote it, epoch by epoch")
}

func instancesFromLog(ctx context.Context, log eventstore.Log, l *list) ([]any, projections.Head, error) {
	var found []instance
	head, err := eventstore.Replay(ctx, log, 0, func(r domain.Recorded, _ eventstore.Hash) error {
		if e, ok := r.Event.(*domain.LeaderEpochStarted); ok {
			found = append(found, instance{ID: e.Instance, Status: instanceEnded, Epoch: e.Epoch, Since: r.At, Build: r.Build})
		}
		return nil
	})
	if len(found) > 0 {
		last := &found[len(found)-1]
		last.Status = instanceLast
		if s, standErr := l.c.standing(); standErr != nil {
			err = errors.Join(err, standErr)
		} else if s != nil && s.Instance == last.ID {
			last.Status = s.Status
		}
	}
	return anys(found), projections.HeadOf(head), err
}

func instancesTable(t *table, rows []json.RawMessage) error {
	t.head = []string{"INSTANCE", "STATUS", ">EPOCH", "SINCE (IST)", "BUILD"}
	t.empty = "no instance has written yet"
	for _, row := range rows {
		var i instance
		if err := json.Unmarshal(row, &i); err != nil {
			return fmt.Errorf("read an instance: %w", err)
		}
		t.row(i.ID, i.Status, fmt.Sprint(i.Epoch), clock(i.Since), i.Build)
	}
	return nil
}
