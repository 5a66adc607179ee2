package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"pm/domain"
	"pm/eventstore"
	"pm/projections"
)

// maxReport is the most bytes of a recovery report; more is none.
const maxReport = 1 << 20

func (c *cli) recoveryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "recovery", Short: "what the last start read, compared and found; verify holds a report against the log", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.recovery(cmd.Context()) },
	}
	cmd.AddCommand(&cobra.Command{
		Use: "verify FILE", Short: "was this report written by a start of this log, and is what it says still so", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withLog(func(log eventstore.Log) error { return c.verifyReport(cmd.Context(), log, args[0]) })
		},
	})
	return cmd
}

// recovery shows the service's document, or what the log and the data folder hold.
func (c *cli) recovery(ctx context.Context) error {
	var raw json.RawMessage
	if !c.fromLog() {
		if err := c.get(ctx, "/api/v1/recovery", nil, &raw); err != nil {
			return err
		}
	} else if err := c.withLog(func(log eventstore.Log) (err error) { raw, err = c.recoveryFromLog(ctx, log); return err }); err != nil {
		return err
	}
	var failed error
	err := c.show(raw, nil, func(t *table) {
		t.empty = "no start has recovered anything yet"
		failed = facts(t, "", raw)
	})
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
	dir, err := c.logDir()
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(filepath.Dir(dir), "recovery")
	if _, err := os.Stat(folder); err != nil {
		return []projections.KeptReport{}, nil
	}
	kept, _, err := projections.NewReports(os.DirFS(folder)).List("", listLimit)
	return kept, err
}

// verifyReport holds a report against the log: its digest is that of a recorded recovery, and the state that it names is the state
// that the log gives there. A report that is not is a finding.
func (c *cli) verifyReport(ctx context.Context, log eventstore.Log, file string) error {
	text, err := readReport(file)
	if err != nil {
		return err
	}
	var report projections.Report
	if err := json.Unmarshal(text, &report); err != nil {
		return fmt.Errorf("%s is no recovery report: %w", file, err)
	}
	list, _, err := recoveries(ctx, log, true)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	digest := hex.EncodeToString(sum[:])
	for _, r := range list {
		if r.ReportDigest != digest {
			continue
		}
		if r.HeadRevision != report.HeadRevision || r.HeadHash != report.HeadHash || r.stateDigest != report.StateDigest {
			return finding(fmt.Errorf("%s: the log at revision %d gives state %s, the report says %s", file, r.HeadRevision, r.stateDigest, report.StateDigest))
		}
		doc := document{{"file", file}, {"recorded_at_revision", r.Revision}, {"head_revision", r.HeadRevision}, {"state_digest", r.stateDigest}, {"agrees", true}}
		return c.show(doc, nil, func(t *table) {
			t.title = fmt.Sprintf("%s: recorded at revision %d; the log gives the same state up to revision %d", file, r.Revision, r.HeadRevision)
		})
	}
	return finding(fmt.Errorf("%s: none of the %s of this log recorded this report: it belongs to another log, or was changed", file, counted(len(list), "start")))
}

func readReport(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxReport {
		return nil, fmt.Errorf("%s is no recovery report: it has %d bytes", file, info.Size())
	}
	return os.ReadFile(file)
}

// facts writes a document as rows of name and value, whatever it holds; members of members are named with a point between.
func facts(t *table, prefix string, raw json.RawMessage) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		name := prefix + fmt.Sprint(key)
		var items []json.RawMessage
		var text string
		switch {
		case value[0] == '{':
			if err := facts(t, name+".", value); err != nil {
				return err
			}
		case json.Unmarshal(value, &items) == nil && value[0] == '[':
			t.row(name, counted(len(items), "item"))
		case json.Unmarshal(value, &text) == nil && value[0] == '"':
			t.row(name, text)
		default:
			t.row(name, string(value))
		}
	}
	return nil
}
