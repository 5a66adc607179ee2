package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

// explainCommand asks why: a signal, an order, a position. In a table it is the service's own words; the other forms have the whole
// chain with its figures.
func (c *cli) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "explain ID", Short: "why: of a signal, an order or a position, each input, gate and figure in words", Args: cobra.ExactArgs(1),
		ValidArgsFunction: c.completePositions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if c.fromLog() {
				return errors.New("explain asks a running service: name it with --server (replay --signal, --order or --position reads the log)")
			}
			return c.explain(cmd.Context(), args[0])
		},
	}
}

func (c *cli) explain(ctx context.Context, id string) error {
	var raw json.RawMessage
	if err := c.get(ctx, "/api/v1/explain/"+url.PathEscape(id), nil, &raw); err != nil {
		return err
	}
	text, err := wordsIn(raw)
	if err != nil {
		return err
	}
	return c.show(raw, nil, func(t *table) { t.title = text })
}

// wordsIn finds the words of an explanation: one text or a list of lines.
func wordsIn(raw json.RawMessage) (string, error) {
	var doc struct {
		Text json.RawMessage `json:"text"`
	}
	var one string
	var lines []string
	if err := json.Unmarshal(raw, &doc); err != nil {
		return "", fmt.Errorf("read the explanation: %w", err)
	}
	if json.Unmarshal(doc.Text, &one) == nil {
		return strings.TrimRight(one, "\n"), nil
	}
	if err := json.Unmarshal(doc.Text, &lines); err != nil {
		return "", fmt.Errorf("the explanation has no text: %w", err)
	}
	return strings.Join(lines, "\n"), nil
}
