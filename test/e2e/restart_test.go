package e2e

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/sqlite"
	"pm/test/programs"
)

const plain = "portfolio:\n  initial_capital: 5000000\n"

// traded is a site with two open positions, one closed, and nothing under way.
func traded(t *testing.T) *site {
	t.Helper()
	s := newSite(t, plain)
	s.Start()
	s.Signal(programs.Base, "BANK_NIFTY", "52000", "51650", "350", "51650")
	s.Signal(programs.Base, "GOLD_MINI", "76000", "75000", "800", "75000")
	s.Signal(programs.Base, "COPPER", "850", "840", "5", "840")
	s.Quiet()
	s.Signal(`{"type":"EXIT","instrument":"COPPER","position":"ALL","timestamp":"NOW","price":851}`)
	s.Quiet()
	return s
}

// view is what a person sees, but for what names the start and the moment of reading.
func (s *site) view(path string) string {
	s.T.Helper()
	var v map[string]any
	s.Read(path, &v)
	for _, own := range []string{"revision", "head_hash", "epoch", "instance", "log_time"} { // the start's own
		delete(v, own)
	}
	text, err := json.MarshalIndent(v, "", " ")
	require.NoError(s.T, err)
	return string(text)
}

// events are the types in the log from a revision on.
func (s *site) events(from uint64) []string {
	s.T.Helper()
	log, err := sqlite.OpenReader(s.LogFolder())
	require.NoError(s.T, err)
	defer log.Close()
	var types []string
	_, err = eventstore.Replay(s.T.Context(), log, from, func(r domain.Recorded, _ eventstore.Hash) error {
		types = append(types, r.Type)
		return nil
	})
	require.NoError(s.T, err)
	return types
}

func TestAStartAfterAStopShowsTheSameAndAddsOnlyItsOwnEvents(t *testing.T) {
	s := traded(t)
	paths := []string{"/api/v1/portfolio", "/api/v1/positions?status=all", "/api/v1/orders?status=all", "/api/v1/pyramids", "/api/v1/signals"}
	before := map[string]string{}
	for _, p := range paths {
		before[p] = s.view(p)
	}
	require.Contains(t, before["/api/v1/positions?status=all"], "BANK_NIFTY-1-Long_1")
	require.Zero(t, s.Stop())
	n := uint64(len(s.events(0)))

	s.Start()
	s.Ready()
	for _, p := range paths {
		require.Equal(t, before[p], s.view(p), p)
	}
	require.Equal(t, []string{"LeaderEpochStarted", "RecoveryCompleted"}, s.events(n))
	require.Zero(t, s.Stop())
	require.Equal(t, []string{"LeaderEpochStarted", "RecoveryCompleted"}, s.events(n), "a stop adds nothing")
}

func TestAStartAfterAKillShowsTheSame(t *testing.T) {
	s := traded(t)
	before := s.view("/api/v1/positions?status=all")
	s.Kill()
	s.Start()
	require.Equal(t, before, s.view("/api/v1/positions?status=all"))
}

// refusesToStart wants exit code 1, and the code and the hint as the last two lines; and the same once more.
func (s *site) refusesToStart(code string) string {
	s.T.Helper()
	for range 2 {
		s.Launch()
		require.Equal(s.T, 1, s.Wait(), s.Tail())
		lines := s.Lines()
		require.Greater(s.T, len(lines), 1)
		last := lines[len(lines)-2:]
		require.True(s.T, strings.HasPrefix(last[0], code+":"), "%s\n%s", code, s.Tail())
		require.True(s.T, strings.HasPrefix(last[1], "hint: "), s.Tail())
	}
	return strings.Join(s.Lines()[len(s.Lines())-2:], "\n")
}

// edit changes bytes of a file, all of the same length, that must be there exactly once.
func edit(t *testing.T, name string, from, to []byte) {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Len(t, to, len(from))
	require.Equal(t, 1, bytes.Count(text, from), "%q in %s", from, name)
	require.NoError(t, os.WriteFile(name, bytes.Replace(text, from, to, 1), 0o600))
}

func TestADamagedLogIsNotStartedOn(t *testing.T) {
	s := traded(t)
	require.Zero(t, s.Stop())
	edit(t, filepath.Join(s.LogFolder(), "events.db"), []byte(`"last_px":"76000"`), []byte(`"last_px":"77000"`))
	said := s.refusesToStart("DATA_CORRUPT")
	require.Contains(t, said, "revision")
	require.Contains(t, said, "pmctl")
}

func TestALogOfANewerBuildIsNotStartedOn(t *testing.T) {
	s := traded(t)
	require.Zero(t, s.Stop())
	last := s.last()
	meta := bytes.Replace(last.Meta, []byte(`"v":1`), []byte(`"v":2`), 1)
	meta = bytes.Replace(meta, []byte(`"build":"e2e"`), []byte(`"build":"e3e"`), 1)
	hash := eventstore.HashOf(meta, last.Data)
	file := filepath.Join(s.LogFolder(), "events.db")
	edit(t, file, last.Meta, meta)
	edit(t, file, last.Hash[:], hash[:])
	said := s.refusesToStart("UNKNOWN_EVENT")
	require.Contains(t, said, fmt.Sprintf("revision %d", last.Rev))
	require.Contains(t, said, "e3e", "which build is needed")
}

// last is the last record as it is stored.
func (s *site) last() eventstore.Record {
	s.T.Helper()
	log, err := sqlite.OpenReader(s.LogFolder())
	require.NoError(s.T, err)
	defer log.Close()
	var last eventstore.Record
	require.NoError(s.T, log.Read(s.T.Context(), 0, func(recs []eventstore.Record) error {
		last = recs[len(recs)-1]
		return nil
	}))
	return last
}

func TestASecondServiceOnTheSameFolderIsToldWhoHoldsIt(t *testing.T) {
	s := traded(t)
	n := len(s.events(0))
	second := newSite(t, plain)
	second.Dir = s.Dir
	second.Config = s.Config
	second.Started = 100 // its stderr has names of its own
	said := second.refusesToStart("LOG_LOCKED")
	require.Contains(t, said, fmt.Sprintf("process %d", s.Cmd.Process.Pid))
	require.Len(t, s.events(0), n, "the second one wrote nothing")
	require.Equal(t, 0, s.Stop(), "the first one did not notice")
}

func TestABrokerThatCannotBeOpenedIsNotReplaced(t *testing.T) {
	s := traded(t)
	require.Zero(t, s.Stop())
	n := len(s.events(0))
	book := filepath.Join(s.Data(), "paper", "paper.db")
	require.NoError(t, os.WriteFile(book, []byte("no order book at all, and longer than a header would be: "+hex.EncodeToString(make([]byte, 100))), 0o600))
	said := s.refusesToStart("BROKER_UNAVAILABLE")
	require.Contains(t, said, "never replaced")
	require.Len(t, s.events(0), n)
}
