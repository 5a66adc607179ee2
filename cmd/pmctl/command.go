package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

// order is a command of a person on its way to the service. Its id is made here and not there, so that it is known even if no answer
// comes: said again with the same id, a command is recognized and done once.
type order struct {
	c      *cli
	id     string
	reason string
}

// outcomeOfCommand is what the service says about a command.
type outcomeOfCommand struct {
	Status    string   `json:"status"` // done, unchanged, planned
	Revision  uint64   `json:"revision"`
	ID        string   `json:"id"`
	By        string   `json:"by"`
	Repeated  bool     `json:"repeated"`
	State     string   `json:"trading_state"`
	Format    int      `json:"format"`
	Withdrawn []string `json:"withdrawn"`
	Exits     []struct {
		IntentID   string `json:"intent_id"`
		Instrument string `json:"instrument"`
		Contract   string `json:"contract"`
		Lots       int    `json:"lots"`
		Claims     []struct {
			PositionID string `json:"position_id"`
			Lots       int    `json:"lots"`
		} `json:"claims"`
	} `json:"exits"`
}

// verb makes the command's flags; every command takes an id.
func (c *cli) verb(cmd *cobra.Command, run func(ctx context.Context, o *order, args []string) error) (*cobra.Command, *order) {
	o := &order{c: c}
	cmd.Flags().StringVar(&o.id, "id", "", "the command's id; give that of an earlier try to say the same again (default: a new one)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if c.fromLog() {
			return fmt.Errorf("%s asks a running service and writes to no log: name it with --server", cmd.Name())
		}
		if o.id == "" {
			o.id = uuid.NewString()
		}
		return run(cmd.Context(), o, args)
	}
	return cmd, o
}

// reasoned is a verb that wants to know why: the reason is kept in the log with the name of the token's owner.
func (c *cli) reasoned(cmd *cobra.Command, run func(ctx context.Context, o *order, args []string) error) *cobra.Command {
	cmd, o := c.verb(cmd, run)
	cmd.Flags().StringVar(&o.reason, "reason", "", "why; it is kept in the log")
	_ = cmd.MarkFlagRequired("reason")
	return cmd
}

// say posts the command and shows what became of it.
func (o *order) say(ctx context.Context, path string, body map[string]any) error {
	body["id"] = o.id
	text, err := compact(body)
	if err != nil {
		return err
	}
	raw, err := o.post(ctx, path, text)
	if err != nil {
		return err
	}
	var t outcomeOfCommand
	if err := json.Unmarshal(raw, &t); err != nil {
		return o.unknown(fmt.Errorf("the answer cannot be read: %w", err))
	}
	return o.c.show(json.RawMessage(raw), nil, func(tab *table) { t.table(tab) })
}

// post gives the service's answer. Exit code 3 is a refusal: nothing was recorded.
func (o *order) post(ctx context.Context, path string, body []byte) ([]byte, error) {
	status, _, text, err := o.c.call(ctx, http.MethodPost, o.c.serverURL()+"/api/v1/"+path, bytes.NewReader(body))
	switch {
	case err != nil:
		return nil, o.unknown(fmt.Errorf("no answer from the service: %w", err))
	case status == http.StatusGatewayTimeout:
		return nil, o.unknown(errors.New(answerWords(status, text)))
	case status >= http.StatusInternalServerError:
		return nil, &unavailable{answerWords(status, text)}
	case status != http.StatusOK:
		return nil, refused(errors.New(answerWords(status, text)))
	}
	return text, nil
}

// unknown says how to ask again without doing it twice.
func (o *order) unknown(err error) error {
	return fmt.Errorf("%w\nwhether it was recorded is not known: say the same again with --id %s, it is done once", err, o.id)
}

func (t *outcomeOfCommand) table(tab *table) {
	tab.title = fmt.Sprintf("done by %s, durable at revision %d", t.By, t.Revision)
	switch {
	case t.Repeated:
		tab.title = fmt.Sprintf("this id was taken before: done at revision %d, nothing new was recorded", t.Revision)
	case t.Status == "unchanged":
		tab.title = "nothing to do: it is so already, nothing was recorded"
	case t.Status == "planned":
		tab.title = fmt.Sprintf("dry run at revision %d: nothing was recorded; this would leave", t.Revision)
	}
	if t.State != "" {
		tab.foot = append(tab.foot, "trading state: "+t.State)
	}
	if t.Format != 0 {
		tab.foot = append(tab.foot, fmt.Sprintf("log format: %d", t.Format))
	}
	for _, id := range t.Withdrawn {
		tab.foot = append(tab.foot, "withdrawn: exit "+id)
	}
	if len(t.Exits) == 0 {
		return
	}
	tab.head = []string{"EXIT", "INSTRUMENT", "CONTRACT", ">LOTS", "OF"}
	for _, e := range t.Exits {
		parts := make([]string, len(e.Claims))
		for i, claim := range e.Claims {
			parts[i] = fmt.Sprintf("%s %d", claim.PositionID, claim.Lots)
			if claim.Lots == 0 {
				parts[i] = claim.PositionID + " (what the order under way leaves)"
			}
		}
		tab.row(e.IntentID, e.Instrument, e.Contract, fmt.Sprint(e.Lots), strings.Join(parts, ", "))
	}
}
