package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"pm/eventstore"
	"pm/eventstore/signature"
	"pm/projections"
)

// maxReport is the most bytes of a recovery report; more is none.
const maxReport = 1 << 20

func (c *cli) recoveryVerifyCommand() *cobra.Command {
	key := ""
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "was this report written by an installation that we know, and not changed since", Args: cobra.ExactArgs(1),
		Long: `Checks FILE against the signature in FILE.sig, offline: the bytes, the signature, the key id. --key names the key that is trusted, as
a public key file or as its id; without it the signature proves that nothing was changed since somebody signed, but not who did.

With --data or --eventstore the report is held against that log as well: one of its starts recorded the digest of this file, and
the state that the report names is the state that the log gives there. The key of that data folder counts as trusted, unless --key
names another, and a report from before there were signatures is judged by the log alone.

Exit code 1: the file was changed, another key signed it, or the log says something else. 2: there is nothing to check it with.`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.recoveryVerify(cmd.Context(), args[0], key) },
	}
	cmd.Flags().StringVar(&key, "key", "", "the trusted key: a public key file, or a key id")
	return cmd
}

// recoveryVerify checks a report by its signature, and by the log where one is named.
func (c *cli) recoveryVerify(ctx context.Context, file, key string) error {
	text, err := readReport(file)
	if err != nil {
		return err
	}
	unsigned := c.fromLog() && key == "" && missing(file+signature.Suffix)
	side, known, err := c.vouched(file, key, unsigned)
	if err != nil {
		return err
	}
	doc, lines := document{{"file", file}}, []string{}
	if side == nil {
		doubt := fmt.Sprintf("who wrote it: there is no %s%s", file, signature.Suffix)
		doc, lines = append(doc, member{"not_proven", doubt}), append(lines, "not proven: "+doubt)
	} else {
		p, err := side.prove(signature.OfFile(signature.OfReport, text), known)
		if err != nil {
			return err
		}
		doc, lines = append(doc, p.members()...), append(lines, p.lines()...)
	}
	if c.fromLog() {
		r, err := c.recordedReport(ctx, file, text)
		if err != nil {
			return err
		}
		doc = append(doc, member{"recorded_at_revision", r.Revision}, member{"head_revision", r.HeadRevision}, member{"state_digest", r.stateDigest}, member{"agrees", true})
		lines = append(lines, fmt.Sprintf("recorded at revision %d; the log gives the same state up to revision %d", r.Revision, r.HeadRevision))
	}
	return c.show(doc, nil, func(t *table) {
		t.title = file + ": as it was written"
		t.foot = lines
	})
}

// recordedReport holds a report against the log: its digest is that of a recorded recovery, and the state that it names is the state
// that the log gives there. A report that is not is a finding.
func (c *cli) recordedReport(ctx context.Context, file string, text []byte) (r recovered, err error) {
	var list []recovered
	err = c.withLog(ctx, func(log eventstore.Log) (err error) { list, _, err = recoveries(ctx, log, true); return err })
	if err != nil {
		return r, err
	}
	sum := sha256.Sum256(text)
	digest := hex.EncodeToString(sum[:])
	for _, r := range list {
		if r.ReportDigest != digest {
			continue
		}
		var report projections.Report // read only now: a torn one is first of all one that the log does not know
		if err := json.Unmarshal(text, &report); err != nil {
			return r, fmt.Errorf("%s is no recovery report, although the log recorded it at revision %d: %w", file, r.Revision, err)
		}
		if r.HeadRevision != report.HeadRevision || r.HeadHash != report.HeadHash || r.stateDigest != report.StateDigest {
			return r, finding(fmt.Errorf("%s: the log at revision %d gives state %s, the report says %s", file, r.HeadRevision, r.stateDigest, report.StateDigest))
		}
		return r, nil
	}
	return r, finding(fmt.Errorf("%s: none of the %s of this log recorded this report: it belongs to another log, or was changed", file, counted(len(list), "start")))
}

func readReport(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no such file", file)
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > maxReport {
		return nil, fmt.Errorf("%s is no recovery report: it has %d bytes", file, info.Size())
	}
	return os.ReadFile(file)
}
