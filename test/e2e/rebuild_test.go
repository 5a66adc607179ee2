package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/adapters/postgres/pgtest"
	"pm/projections"
	"pm/test/programs"
)

// own runs pmctl against the site's own folder and configuration, beside pm or without it, and gives what it printed.
func (s *site) own(code int, args ...string) string {
	s.T.Helper()
	_, ctl := programs.Build(s.T, s.Version)
	var out, errs bytes.Buffer
	cmd := exec.Command(ctl, append(args, "--data", s.Data())...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // how it ended stands in ProcessState
	require.Equal(s.T, code, cmd.ProcessState.ExitCode(), "pmctl %v\n%s%s", args, out.String(), errs.String())
	return out.String()
}

// written is the head of the snapshot.
func (s *site) written() *projections.SnapshotHead {
	s.T.Helper()
	var shown struct {
		Head *projections.SnapshotHead `json:"head"`
	}
	require.NoError(s.T, json.Unmarshal([]byte(s.own(0, "snapshot", "show", "--config", s.Config, "-o", "json")), &shown))
	return shown.Head
}

// reaches waits until the snapshot is where the log is.
func (s *site) reaches() {
	s.T.Helper()
	s.Until(programs.StopWithin, "the follower stands still", func() bool {
		var p projections.Portfolio
		s.Read("/api/v1/portfolio", &p)
		head := s.written()
		return head != nil && head.Revision == p.Revision && head.EventHash == p.HeadHash
	})
}

// feed sends bars until it is told to stop, which says how many were taken.
func (s *site) feed() (stop func() int) {
	ctx, cancel := context.WithCancel(s.T.Context())
	taken := make(chan int, 1)
	go func() {
		n := 0
		for i := 0; ctx.Err() == nil; i++ {
			body := fmt.Sprintf(`{"type":"MARKET_DATA","instrument":"BANK_NIFTY","timestamp":%q,"price":%d,"atr":350,"supertrend":51650}`,
				time.Now().UTC().Format(time.RFC3339Nano), 52000+i%100)
			if code, _, err := s.Post(ctx, []byte(body)); err == nil && code == http.StatusOK {
				n++
			}
		}
		taken <- n
	}()
	return func() int { cancel(); return <-taken }
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
			s.Start()
			s.Signal(programs.Base, "BANK_NIFTY", "52000", "51650", "350", "51650")
			s.Quiet()
			s.reaches()
			stop := s.feed()
			for range 5 { // the log runs ahead of the follower, so a switch moves the snapshot to where the follower has not been
				require.Contains(t, s.own(0, "rebuild", "--config", s.Config), "no value differs")
			}
			require.Positive(t, stop(), "it went on trading")
			s.reaches()
			rebuilt := s.written().Revision
			s.Signal(programs.Base, "GOLD_MINI", "76000", "75000", "800", "75000")
			s.Quiet()
			s.reaches()
			require.Greater(t, s.written().Revision, rebuilt, "the follower writes the new version")
			require.Contains(t, s.own(0, "verify", "--config", s.Config), "agrees at revision")
			require.Contains(t, s.own(0, "status"), "active since")

			s.own(0, "rebuild", "--config", s.Config, "--dry-run")
			s.own(0, "snapshot", "diff", "--config", s.Config)
			s.Kill()
			require.Contains(t, s.own(0, "status"), "it was active, and its process")
			require.Contains(t, s.own(0, "verify", "--config", s.Config), "would let a start go on")
			s.Start()
			s.reaches()
			require.Equal(t, 0, s.Stop())
			require.Contains(t, s.own(0, "status"), "stopped since")
			require.Contains(t, s.own(0, "verify", "--config", s.Config), "agrees at revision")
		})
	}
}
