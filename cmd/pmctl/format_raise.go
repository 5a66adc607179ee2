package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"pm/domain"
	"pm/eventstore"
)

// formatOfLog is what a log is written in, and what the one who answers knows: the service, or this tool when it reads the log itself.
type formatOfLog struct {
	Format   int    `json:"format"`
	Known    int    `json:"known"`
	Revision uint64 `json:"revision"`
}

// formatCommand shows the log's format; its own verb raises it.
func (c *cli) formatCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "format", Short: "the format that the log is written in, and the newest that is known", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.showFormat(cmd.Context()) },
	}
	raise, _ := c.verb(&cobra.Command{
		Use: "raise FORMAT", Short: "writes the log in a newer format from now on; older builds cannot read it any more", Args: cobra.ExactArgs(1),
	}, func(ctx context.Context, o *order, args []string) error {
		to, err := strconv.Atoi(args[0])
		if err != nil || to < 1 {
			return fmt.Errorf("FORMAT %q: a whole number is needed; pmctl format shows the newest that is known", args[0])
		}
		return o.say(ctx, "format/raise", map[string]any{"to": to})
	})
	cmd.AddCommand(raise)
	return cmd
}

func (c *cli) showFormat(ctx context.Context) error {
	found := formatOfLog{Known: eventstore.Format}
	var err error
	if c.fromLog() {
		err = c.withLog(ctx, func(log eventstore.Log) error {
			state, head, err := folded(ctx, log)
			found.Format, found.Revision = max(state.Format, domain.FirstFormat), head.Revision
			return err
		})
	} else {
		err = c.get(ctx, "/api/v1/format", nil, &found)
	}
	if err != nil {
		return err
	}
	return c.show(found, nil, func(t *table) {
		t.title = fmt.Sprintf("the log is written in format %d; known are the formats up to %d", found.Format, found.Known)
		if found.Format < found.Known {
			t.foot = append(t.foot, fmt.Sprintf("once every instance runs such a build: pmctl format raise %d", found.Known))
		}
		t.foot = append(t.foot, fmt.Sprintf("at revision %d", found.Revision))
	})
}
