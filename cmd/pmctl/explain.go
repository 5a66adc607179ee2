package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"pm/domain"
	"pm/eventstore"
	"pm/projections"
)

// explainCommand asks why: a signal, an order, a position. In a table it is the service's own words; the other forms have the whole
// chain with its figures.
func (c *cli) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "explain ID", Short: "why: of a signal, an order or a position, each input, gate and figure in words", Args: cobra.ExactArgs(1),
		Long: `ID is the id of a signal, an order, a position or an exit; the tag by which orders are shown (pmAQWM...); or a revision, a plain number
as the lists and replay show it: then the signal, order or exit that the event there belongs to, or else its decision. An id goes before a
revision that reads the same.`,
		ValidArgsFunction: c.completePositions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.explain(cmd.Context(), args[0])
		},
	}
}

func (c *cli) explain(ctx context.Context, id string) error {
	raw, err := c.explanation(ctx, id)
	if err != nil {
		return err
	}
	text, err := wordsIn(raw)
	if err != nil {
		return err
	}
	return c.show(raw, nil, func(t *table) { t.title = text })
}

// explanation is the same document from the service and from the log.
func (c *cli) explanation(ctx context.Context, id string) (raw json.RawMessage, err error) {
	if !c.fromLog() {
		return raw, c.get(ctx, "/api/v1/explain/"+url.PathEscape(id), nil, &raw)
	}
	err = c.withLog(ctx, func(log eventstore.Log) error {
		state, _, err := folded(ctx, log)
		if err != nil {
			return err
		}
		history, err := projections.ReadHistory(ctx, log)
		if err != nil {
			return err
		}
		var held *projections.Position
		if l := state.Layer(domain.PositionID(id)); l != nil {
			p := projections.PositionOf(state, l)
			held = &p
		}
		x, err := projections.Chain(ctx, history, projections.NewJournal(log), id, held)
		if err != nil {
			return fmt.Errorf("explain %s: %w", id, err)
		}
		raw, err = compact(x)
		return err
	})
	return raw, err
}

// wordsIn finds the words of an explanation.
func wordsIn(raw json.RawMessage) (string, error) {
	var doc struct {
		Text string `json:"text"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return "", fmt.Errorf("read the explanation: %w", err)
	}
	return strings.TrimRight(doc.Text, "\n"), nil
}
