package main

import (
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
	Pinned    bool             `json:"pinned"` // it has the head that is pinned in its data folder; false also where there is no pin
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
		Long: `Reads every record, checks length, hash, chain, revision, epoch, type, version and id, and applies every event. A log that does
not verify is named by revision and ends with exit code 1; so does one that lost the head which is pinned in its data folder, after it
was shown. Nothing is changed.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.logInfo(cmd.Context()) },
	}
}

func (c *cli) logInfo(ctx context.Context) error {
	pin, doubt := c.pinned("") // before the log, which may go on growing
	return pin.lost(c.withLog(ctx, func(log eventstore.Log) error {
		info, err := c.wholeLog(ctx, log)
		if err != nil {
			return err
		}
		if doubt == nil {
			doubt = pin.hold(ctx, log)
		}
		info.Pinned = doubt == nil && pin.pin != nil
		said := []string{"every record was checked, and the log lost its pinned head, or the pin is at fault: the message on stderr says which"}
		if doubt == nil {
			said = []string{"every record was checked: the log verifies", pin.line()}
		}
		return errors.Join(c.show(info, nil, func(t *table) { info.table(t); t.foot = append(t.foot, said...) }), doubt)
	}))
}

// wholeLog reads and checks every record, its id too, and applies every event.
func (c *cli) wholeLog(ctx context.Context, log eventstore.Log) (logInfo, error) {
	head, err := log.Head(ctx)
	if err != nil {
		return logInfo{}, err
	}
	info, state, counts := logInfo{Portfolio: string(log.Portfolio())}, domain.NewState(), map[string]int{}
	progress := c.progress("events", head.Next)
	head, err = eventstore.Audit(ctx, log, func(r domain.Recorded, _ eventstore.Hash) error {
		if r.Rev == 0 {
			info.First = r.At
		}
		counts[r.Type]++
		info.Last, info.Build = r.At, r.Build
		progress.step(1)
		return apply(state, r)
	})
	progress.done()
	if err != nil {
		return info, lastGood(err, head)
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
}

// stdin is the name of a file for what comes on the standard input.
const stdin = "-"

// input opens a file, or stdin.
func (c *cli) input(name string) (in io.Reader, end func(), err error) {
	if name == stdin {
		return c.in, func() {}, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	return file, func() { _ = file.Close() }, nil
}
