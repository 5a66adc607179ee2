package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/postgres/pgtest"
	"pm/projections"
)

// own runs pmctl against the site's own folder and configuration, beside pm or without it, and gives what it printed.
func (s *site) own(code int, args ...string) string {
	s.t.Helper()
	_, ctl := build(s.t)
	var out, errs bytes.Buffer
	cmd := exec.Command(ctl, append(args, "--data", s.data())...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // how it ended stands in ProcessState
	require.Equal(s.t, code, cmd.ProcessState.ExitCode(), "pmctl %v\n%s%s", args, out.String(), errs.String())
	return out.String()
}

// written is the head of the snapshot.
func (s *site) written() *projections.SnapshotHead {
	s.t.Helper()
	var shown struct {
		Head *projections.SnapshotHead `json:"head"`
	}
	require.NoError(s.t, json.Unmarshal([]byte(s.own(0, "snapshot", "show", "--config", s.config, "-o", "json")), &shown))
	return shown.Head
}

// reaches waits until the snapshot is where the log is.
func (s *site) reaches() {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		var p projections.Portfolio
		s.read("/api/v1/portfolio", &p)
		head := s.written()
		return head != nil && head.Revision == p.Revision && head.EventHash == p.HeadHash
	}, stopWithin, lookEvery, "the follower stands still")
}

// snapshotsOf are the configurations of a service with each kind of snapshot.
func snapshotsOf(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"embedded":   plain,
		"PostgreSQL": plain + fmt.Sprintf("snapshot:\n  url: %q\n", pgtest.Database(t)),
	}
}

func TestARebuildBesideARunningServiceIsNoticedAndGoneOnWith(t *testing.T) {
	for kind, yaml := range snapshotsOf(t) {
		t.Run(kind, func(t *testing.T) {
			s := newSite(t, yaml)
			s.start()
			s.signal(base, "BANK_NIFTY", "52000", "51650", "350", "51650")
			s.quiet()
			s.reaches()
			out := s.own(0, "rebuild", "--config", s.config)
			require.Contains(t, out, "no value differs")
			require.Contains(t, out, "switched: ")
			rebuilt := s.written().Revision
			s.signal(base, "GOLD_MINI", "76000", "75000", "800", "75000")
			s.quiet()
			s.reaches()
			require.Greater(t, s.written().Revision, rebuilt, "the follower writes the new version")
			require.Contains(t, s.own(0, "verify", "--config", s.config), "agrees at revision")
			require.Contains(t, s.own(0, "status"), "active since")

			s.own(0, "rebuild", "--config", s.config, "--dry-run")
			s.own(0, "snapshot", "diff", "--config", s.config)
			s.kill()
			require.Contains(t, s.own(0, "status"), "it was active, and its process")
			require.Contains(t, s.own(0, "verify", "--config", s.config), "a start would go on")
			s.start()
			s.reaches()
			require.Equal(t, 0, s.stop())
			require.Contains(t, s.own(0, "status"), "stopped since")
			require.Contains(t, s.own(0, "verify", "--config", s.config), "agrees at revision")
		})
	}
}
