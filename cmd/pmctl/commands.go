package main

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pm/domain"
)

// tradingCommands are halt, reduce and resume.
func (c *cli) tradingCommands() []*cobra.Command {
	var out []*cobra.Command
	for _, v := range [][2]string{
		{"halt", "freezes everything: nothing is sent but exits that a person asks for"},
		{"reduce", "takes no entries; exits and stops go on"},
		{"resume", "trades again, and lets go what a halt held back"},
	} {
		out = append(out, c.reasoned(&cobra.Command{Use: v[0] + " --reason TEXT", Short: v[1], Args: cobra.NoArgs}, func(ctx context.Context, o *order, _ []string) error {
			return o.say(ctx, v[0], map[string]any{"reason": o.reason})
		}))
	}
	return out
}

func (c *cli) exitCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "exit POSITION --reason TEXT", Short: "sells one position, for example BANK_NIFTY-17-Long_2", Args: cobra.ExactArgs(1),
		ValidArgsFunction: c.completePositions,
	}
	return c.reasoned(cmd, func(ctx context.Context, o *order, args []string) error {
		return o.say(ctx, "positions/"+url.PathEscape(args[0])+"/exit", map[string]any{"reason": o.reason})
	})
}

func (c *cli) withdrawCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "withdraw EXIT --reason TEXT", Short: "takes back an exit that stands (pmctl portfolio lists them)", Args: cobra.ExactArgs(1),
	}
	return c.reasoned(cmd, func(ctx context.Context, o *order, args []string) error {
		return o.say(ctx, "exits/"+url.PathEscape(args[0])+"/withdraw", map[string]any{"reason": o.reason})
	})
}

func (c *cli) acceptCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "accept DIFFERENCE --reason TEXT", Short: "a difference from the broker's book is known and harmless (pmctl status lists them)", Args: cobra.ExactArgs(1),
	}
	return c.reasoned(cmd, func(ctx context.Context, o *order, args []string) error {
		return o.say(ctx, "differences/"+url.PathEscape(args[0])+"/accept", map[string]any{"reason": o.reason})
	})
}

func (c *cli) closeAllCommand() *cobra.Command {
	dry := false
	cmd := c.reasoned(&cobra.Command{
		Use: "close-all --reason TEXT", Short: "sells everything; --dry-run shows what that would be", Args: cobra.NoArgs,
	}, func(ctx context.Context, o *order, _ []string) error {
		body := map[string]any{"reason": o.reason}
		if dry {
			body["dry_run"] = true
		}
		return o.say(ctx, "close-all", body)
	})
	cmd.Flags().BoolVar(&dry, "dry-run", false, "show what would be sold and sell nothing")
	return cmd
}

func (c *cli) capitalCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "capital", Short: "books money that was paid in or taken out"}
	for _, v := range [][2]string{{"deposit", "money paid in"}, {"withdraw", "money taken out"}} {
		note := ""
		sub, _ := c.verb(&cobra.Command{Use: v[0] + " AMOUNT", Short: v[1] + ", in rupees", Args: cobra.ExactArgs(1)}, func(ctx context.Context, o *order, args []string) error {
			amount, err := domain.ParseDecimal(args[0])
			if err != nil {
				return fmt.Errorf("AMOUNT %q: %w", args[0], err)
			}
			body := map[string]any{"type": v[0], "amount": amount.String()}
			if note != "" {
				body["note"] = note
			}
			return o.say(ctx, "capital", body)
		})
		sub.Flags().StringVar(&note, "note", "", "what it was; it is kept in the log")
		sub.SetFlagErrorFunc(noNegative)
		cmd.AddCommand(sub)
	}
	return cmd
}

// negative is how the flag library refuses a number with a minus: as a flag of that letter.
var negative = regexp.MustCompile(`^unknown shorthand flag: '[0-9.]' in (-[0-9.,]+)$`)

// noNegative says that an amount has no sign: the verb says which way the money goes.
func noNegative(_ *cobra.Command, err error) error {
	if given := negative.FindStringSubmatch(err.Error()); given != nil {
		return fmt.Errorf("AMOUNT %s: it is above 0, deposit and withdraw say which way the money goes", given[1])
	}
	return err
}

// limitsCommand shows the limits, or changes those that are named.
func (c *cli) limitsCommand() *cobra.Command {
	cmd, _ := c.verb(&cobra.Command{
		Use: "limits [NAME=VALUE...]", Short: "the limits in force; with NAME=VALUE, for example base_risk_percent=12, changes them",
	}, func(ctx context.Context, o *order, args []string) error {
		if len(args) == 0 {
			return c.showLimits(ctx)
		}
		body := map[string]any{}
		for _, arg := range args {
			name, value, ok := strings.Cut(arg, "=")
			if _, twice := body[name]; !ok || name == "" || value == "" || name == "id" || twice {
				return fmt.Errorf("%q: write NAME=VALUE, each name once", arg)
			}
			body[name] = value
		}
		return o.say(ctx, "limits", body)
	})
	return cmd
}

func (c *cli) showLimits(ctx context.Context) error {
	var raw struct {
		Limits     map[string]string `json:"limits"`
		Configured map[string]string `json:"configured"`
		Revision   uint64            `json:"revision"`
	}
	if err := c.get(ctx, "/api/v1/limits", nil, &raw); err != nil {
		return err
	}
	return c.show(raw, nil, func(t *table) {
		t.head = []string{"LIMIT", ">IN FORCE", "CONFIGURED"}
		for _, name := range slices.Sorted(maps.Keys(raw.Limits)) {
			configured := ""
			if raw.Configured[name] != raw.Limits[name] {
				configured = raw.Configured[name]
			}
			t.row(strings.TrimPrefix(name, "risk."), raw.Limits[name], configured)
		}
		t.foot = []string{fmt.Sprintf("at revision %d", raw.Revision)}
	})
}

// completePositions offers the ids of what is held, where the service answers.
func (c *cli) completePositions(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var open struct {
		Positions []struct {
			ID string `json:"position_id"`
		} `json:"positions"`
	}
	if c.get(cmd.Context(), "/api/v1/positions", url.Values{"status": {"open"}}, &open) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []string
	for _, p := range open.Positions {
		ids = append(ids, p.ID)
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
