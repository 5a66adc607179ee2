package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/sqlite"
)

func (c *cli) logCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "log", Short: "the log as a whole: info, verify, export, import"}
	cmd.AddCommand(c.logInfoCommand(), c.logVerifyCommand(), c.logExportCommand(), c.logImportCommand())
	return cmd
}

// logInfo is what a whole reading of the log found.
type logInfo struct {
	Portfolio string           `json:"portfolio"`
	Demo      bool             `json:"demo"`
	Events    uint64           `json:"events"`
	Head      uint64           `json:"head_revision"`
	HeadHash  string           `json:"head_hash"`
	Digest    string           `json:"state_digest"`
	Epoch     uint64           `json:"epoch"`
	Instance  string           `json:"instance"`
	Build     string           `json:"build"` // that wrote the last event
	First     time.Time        `json:"first"`
	Last      time.Time        `json:"last"`
	Types     []eventTypeCount `json:"types"`
}

type eventTypeCount struct {
	Type  string `json:"type"`
	Count int    `json:"count"`
}

func (c *cli) logInfoCommand() *cobra.Command {
	return &cobra.Command{
		Use: "info", Short: "reads and checks the whole log: how long it is, where it ends, what is in it", Args: cobra.NoArgs,
		Long: `Reads every record, checks length, hash, chain, revision, epoch, type and version, and applies every event. A log that does
not verify is named by revision and ends with exit code 1. Nothing is changed.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withLog(func(log eventstore.Log) error { return c.logInfo(cmd.Context(), log) })
		},
	}
}

// logVerifyCommand is the check alone, for scripts and watches: its answer is the exit code and a line.
func (c *cli) logVerifyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "checks every record of the log as a start does; exit code 1 names the revision at fault", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withLog(func(log eventstore.Log) error {
				info, err := c.wholeLog(cmd.Context(), log)
				if err != nil {
					return err
				}
				doc := document{{"verifies", true}, {"events", info.Events}, {"head_revision", info.Head}, {"head_hash", info.HeadHash}, {"state_digest", info.Digest}}
				return c.show(doc, nil, func(t *table) {
					t.title = fmt.Sprintf("the log verifies: %s, head %s, state %s", counted(info.Events, "event"), info.HeadHash, info.Digest)
				})
			})
		},
	}
}

func (c *cli) logInfo(ctx context.Context, log eventstore.Log) error {
	info, err := c.wholeLog(ctx, log)
	if err != nil {
		return err
	}
	return c.show(info, nil, info.table)
}

// wholeLog reads and checks every record and applies every event.
func (c *cli) wholeLog(ctx context.Context, log eventstore.Log) (logInfo, error) {
	head, err := log.Head(ctx)
	if err != nil {
		return logInfo{}, err
	}
	info, state, counts := logInfo{Portfolio: string(log.Portfolio())}, domain.NewState(), map[string]int{}
	progress := c.progress("events", head.Next)
	head, err = fold(ctx, log, state, func(r domain.Recorded, _ eventstore.Hash) error {
		if r.Rev == 0 {
			info.First = r.At
		}
		counts[r.Type]++
		info.Last, info.Build = r.At, r.Build
		progress.step(1)
		return nil
	})
	progress.done()
	if err != nil {
		return info, err
	}
	info.Events, info.Demo, info.Epoch, info.Instance = head.Next, state.Demo, state.Epoch, state.Instance
	if head.Next > 0 {
		info.Head, info.HeadHash = head.Next-1, head.Hash.String()
	}
	info.Digest = state.Digest()
	info.Types = sortedCounts(counts)
	return info, nil
}

// sortedCounts lists the types, the most frequent first.
func sortedCounts(counts map[string]int) []eventTypeCount {
	out := make([]eventTypeCount, 0, len(counts))
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		out = append(out, eventTypeCount{name, counts[name]})
	}
	slices.SortStableFunc(out, func(a, b eventTypeCount) int { return cmp.Compare(b.Count, a.Count) })
	return out
}

func (i logInfo) table(t *table) {
	for _, r := range [][2]string{
		{"portfolio", i.Portfolio}, {"events", grouped(fmt.Sprint(i.Events))}, {"head", fmt.Sprintf("revision %d", i.Head)},
		{"head hash", i.HeadHash}, {"state digest", i.Digest}, {"epoch", fmt.Sprintf("%d, instance %s, build %s", i.Epoch, i.Instance, i.Build)},
		{"from", clock(i.First) + " IST"}, {"to", clock(i.Last) + " IST"},
	} {
		t.row(r[0], r[1])
	}
	if i.Demo {
		t.row("demo", "yes: a real broker on it is refused")
	}
	for _, n := range i.Types {
		t.foot = append(t.foot, fmt.Sprintf("  %9s %s", grouped(fmt.Sprint(n.Count)), n.Type))
	}
	t.foot = append(t.foot, "every record was checked: the log verifies")
}

func (c *cli) logExportCommand() *cobra.Command {
	return &cobra.Command{
		Use: "export [FILE]", Short: "writes the log in the form pm-log/1, to a file or to stdout", Args: cobra.MaximumNArgs(1),
		Long: `Writes every record verbatim, one line each, behind a line that names the portfolio. Every record is checked on the way. Two
exports of one log are the same bytes, whatever the store. An existing FILE is not overwritten.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withLog(func(log eventstore.Log) error { return c.logExport(cmd.Context(), log, args) })
		},
	}
}

func (c *cli) logExport(ctx context.Context, log eventstore.Log, args []string) (err error) {
	out := c.out
	if len(args) == 1 && args[0] != "-" {
		file, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		out = file
	}
	head, err := eventstore.Export(ctx, log, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.errs, "%s events exported, head %s\n", grouped(fmt.Sprint(head.Next)), head)
	return nil
}

func (c *cli) logImportCommand() *cobra.Command {
	to := ""
	cmd := &cobra.Command{
		Use: "import FILE --to DIR", Short: "makes a log in an empty folder from an export", Args: cobra.ExactArgs(1),
		Long: `Reads an export (- is stdin), checks every record, and writes the same bytes into a new log in DIR. As pm's data folder is read
from DIR/log, an import that pm is to continue goes --to DATA/log. After an error the folder holds a part and is to be thrown away.`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.logImport(cmd.Context(), args[0], to) },
	}
	cmd.Flags().StringVar(&to, "to", "", "folder for the new log")
	_ = cmd.MarkFlagRequired("to")
	return cmd
}

func (c *cli) logImport(ctx context.Context, name, to string) error {
	in, end, err := c.input(name)
	if err != nil {
		return err
	}
	defer end()
	var log *sqlite.Log
	head, err := eventstore.Import(ctx, bufio.NewReader(in), func(p domain.PortfolioID) (eventstore.Log, error) {
		opened, err := sqlite.Open(to, p, "pmctl")
		if err != nil {
			return nil, err
		}
		log = opened
		return opened, nil
	})
	if log != nil {
		err = errors.Join(err, log.Close())
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.errs, "%s events imported into %s, head %s\n", grouped(fmt.Sprint(head.Next)), to, head)
	return nil
}

// input opens a file, or stdin for "-".
func (c *cli) input(name string) (in io.Reader, end func(), err error) {
	if name == "-" {
		return c.in, func() {}, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	return file, func() { file.Close() }, nil
}
