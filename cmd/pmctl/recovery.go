package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"pm/domain"
	"pm/eventstore"
	"pm/projections"
)

func (c *cli) recoveryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "recovery", Short: "what the last start read, compared and found; verify checks the signature of a report", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.recovery(cmd.Context()) },
	}
	cmd.AddCommand(c.recoveryVerifyCommand())
	return cmd
}

// recovery shows the service's document, or what the log and the data folder hold.
func (c *cli) recovery(ctx context.Context) error {
	var raw json.RawMessage
	if !c.fromLog() {
		if err := c.get(ctx, "/api/v1/recovery", nil, &raw); err != nil {
			return err
		}
	} else if err := c.withLog(ctx, func(log eventstore.Log) (err error) { raw, err = c.recoveryFromLog(ctx, log); return err }); err != nil {
		return err
	}
	var failed error
	err := c.show(raw, nil, func(t *table) { failed = recoveryTable(t, raw, c.data) })
	return errors.Join(failed, err)
}

// recovered is a recovery as the log has it.
type recovered struct {
	Revision     uint64    `json:"revision"`
	At           time.Time `json:"at"`
	Instance     string    `json:"instance"`
	HeadRevision uint64    `json:"head_revision"`
	HeadHash     string    `json:"head_hash"`
	Snapshot     string    `json:"snapshot"`
	ReportDigest string    `json:"report_digest"`
	stateDigest  string
}

// recoveries reads every RecoveryCompleted, and the digest of the state that each start had recovered.
func recoveries(ctx context.Context, log eventstore.Log, digests bool) (list []recovered, head eventstore.Head, err error) {
	state, before := domain.NewState(), ""
	list = []recovered{}
	head, err = fold(ctx, log, state, func(r domain.Recorded, _ eventstore.Hash) error {
		switch e := r.Event.(type) {
		case *domain.LeaderEpochStarted:
			if digests && state.Events > 1 {
				before = state.Digest()
			}
		case *domain.RecoveryCompleted:
			list = append(list, recovered{r.Rev, r.At, state.Instance, e.HeadRevision, e.HeadHash, e.Snapshot, e.ReportDigest, before})
		}
		return nil
	})
	return list, head, err
}

func (c *cli) recoveryFromLog(ctx context.Context, log eventstore.Log) (json.RawMessage, error) {
	list, head, err := recoveries(ctx, log, false)
	if err != nil {
		return nil, err
	}
	kept, err := c.reports()
	if err != nil {
		return nil, err
	}
	doc := document{}
	if len(kept) > 0 {
		doc = append(doc, member{"last", kept[0]})
	}
	doc = append(doc, member{"reports", kept}, member{"recorded", list}, member{"revision", projections.HeadOf(head).Revision})
	return compact(doc)
}

// reports are those of the data folder, the latest first. There are none where the log stands alone: reports are kept for a while,
// the log for ever.
func (c *cli) reports() ([]projections.KeptReport, error) {
	if remote(c.eventstore) && c.data == "" {
		return []projections.KeptReport{}, nil
	}
	data, err := c.dataDir()
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(data, "recovery")
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) { // no start has come to its report
		return []projections.KeptReport{}, nil
	} else if err != nil {
		return nil, fmt.Errorf("look for reports: %w", err)
	}
	kept, _, err := projections.NewReports(os.DirFS(folder)).List("", listLimit)
	return kept, err
}
