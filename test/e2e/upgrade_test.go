package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/sqlite"
	"pm/test/programs"
)

// older builds this source as a release of the format before: what is newer it does not know, and names itself "older".
func older(t *testing.T) string {
	t.Helper()
	pm, _ := programs.Build(t, "older", "-tags", "olderformat")
	return pm
}

// raise asks for a newer format of the log.
func (s *site) raise(to int) (code int, answer string) {
	s.T.Helper()
	req, err := http.NewRequestWithContext(s.T.Context(), http.MethodPost, s.URL("/api/v1/format/raise"), strings.NewReader(fmt.Sprintf(`{"to":%d}`, to)))
	require.NoError(s.T, err)
	req.Header.Set("Content-Type", "application/json")
	code, body, err := programs.Do(req)
	require.NoError(s.T, err)
	return code, string(body)
}

// history verifies the whole log and gives its events and its head.
func (s *site) history() (all []domain.Recorded, head eventstore.Head) {
	s.T.Helper()
	log, err := sqlite.OpenReader(s.LogFolder())
	require.NoError(s.T, err)
	defer log.Close()
	head, err = eventstore.Replay(s.T.Context(), log, 0, func(r domain.Recorded, _ eventstore.Hash) error {
		all = append(all, r)
		return nil
	})
	require.NoError(s.T, err)
	return all, head
}

// recoveries lists which build wrote which version of RecoveryCompleted.
func (s *site) recoveries() (out []string) {
	s.T.Helper()
	all, _ := s.history()
	for _, r := range all {
		if e, ok := r.Event.(*domain.RecoveryCompleted); ok {
			require.Equal(s.T, r.V > 1, e.StateDigest != "", "revision %d: only the new form has the digest", r.Rev)
			out = append(out, fmt.Sprintf("%s v%d", r.Build, r.V))
		}
	}
	return out
}

// trade starts a program on the site, opens a position, and stops it.
func (s *site) trade(program, instrument, price, stop, atr string) {
	s.T.Helper()
	s.Program = program
	s.Start()
	s.Signal(programs.Base, instrument, price, stop, atr, stop)
	s.Quiet()
	require.Zero(s.T, s.Stop())
}

func TestOldAndNewBuildsShareALogUntilItsFormatIsRaised(t *testing.T) {
	old := older(t)
	s := newSite(t, plain)
	s.trade(old, "BANK_NIFTY", "52000", "51650", "350")
	s.trade("", "GOLD_MINI", "76000", "75000", "800")
	s.trade(old, "COPPER", "850", "840", "5")
	require.Equal(t, []string{"e2e v1", "older v1"}, s.recoveries(), "the new build writes what the old one can read")

	s.Program = old
	s.Start()
	code, answer := s.raise(domain.Format)
	require.Equal(t, http.StatusConflict, code, answer)
	require.Contains(t, answer, "unknown_format", "the old build raises nothing that it could not read itself")
	s.Kill()

	s.Program = ""
	s.Start()
	code, answer = s.raise(domain.Format)
	require.Equal(t, http.StatusOK, code, answer)
	s.Signal(`{"type":"EXIT","instrument":"COPPER","position":"ALL","timestamp":"NOW","price":851}`)
	s.Quiet()
	seen := s.view("/api/v1/positions")
	s.Kill()

	_, before := s.history()
	s.Program = old
	words := s.refusesToStart("UNKNOWN_EVENT")
	require.Contains(t, words, fmt.Sprintf("holds FormatRaised version %d, which this build does not know: use build e2e or a later one", domain.Format))
	require.Contains(t, words, "hint: a newer build wrote this log: start build e2e or a later one")
	_, after := s.history()
	require.Equal(t, before, after, "and has written nothing")

	s.Program = ""
	s.Start()
	require.Equal(t, seen, s.view("/api/v1/positions"))
	require.Zero(t, s.Stop())
	require.Equal(t, []string{"e2e v1", "older v1", "older v1", "e2e v1", "e2e v2"}, s.recoveries())
}
