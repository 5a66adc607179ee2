package e2e

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/sqlite"
)

const plain = "portfolio:\n  initial_capital: 5000000\n"

// signal sends a signal that is dated now, and wants it accepted.
func (s *site) signal(form string, args ...any) {
	s.t.Helper()
	body := strings.Replace(fmt.Sprintf(form, args...), "NOW", time.Now().UTC().Format(time.RFC3339Nano), 1)
	code, answer, err := s.post(s.t.Context(), []byte(body))
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, code, string(answer))
	require.Contains(s.t, string(answer), `"status":"accepted"`)
}

const base = `{"type":"BASE_ENTRY","instrument":%q,"position":"Long_1","timestamp":"NOW","price":%s,"stop":%s,"atr":%s,"er":1,"supertrend":%s}`

// traded is a site with two open positions, one closed, and nothing under way.
func traded(t *testing.T) *site {
	t.Helper()
	s := newSite(t, plain)
	s.start()
	s.signal(base, "BANK_NIFTY", "52000", "51650", "350", "51650")
	s.signal(base, "GOLD_MINI", "76000", "75000", "800", "75000")
	s.signal(base, "COPPER", "850", "840", "5", "840")
	s.quiet()
	s.signal(`{"type":"EXIT","instrument":"COPPER","position":"ALL","timestamp":"NOW","price":851}`)
	s.quiet()
	return s
}

// quiet waits until no order is under way.
func (s *site) quiet() {
	s.t.Helper()
	deadline := time.Now().Add(stopWithin)
	for time.Now().Before(deadline) {
		if s.settled(s.t.Context(), "") {
			return
		}
		pause(s.t.Context(), lookEvery)
	}
	s.t.Fatal("orders are still under way")
}

// view is what a person sees, but for what names the start and the moment of reading.
func (s *site) view(path string) string {
	s.t.Helper()
	var v map[string]any
	s.read(path, &v)
	for _, own := range []string{"revision", "head_hash", "epoch", "instance", "log_time"} { // the start's own
		delete(v, own)
	}
	text, err := json.MarshalIndent(v, "", " ")
	require.NoError(s.t, err)
	return string(text)
}

// events are the types in the log from a revision on.
func (s *site) events(from uint64) []string {
	s.t.Helper()
	log, err := sqlite.OpenReader(s.logFolder())
	require.NoError(s.t, err)
	defer log.Close()
	var types []string
	_, err = eventstore.Replay(s.t.Context(), log, from, func(r domain.Recorded, _ eventstore.Hash) error {
		types = append(types, r.Type)
		return nil
	})
	require.NoError(s.t, err)
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
	require.Zero(t, s.stop())
	n := uint64(len(s.events(0)))

	s.start()
	s.ready()
	for _, p := range paths {
		require.Equal(t, before[p], s.view(p), p)
	}
	require.Equal(t, []string{"LeaderEpochStarted", "RecoveryCompleted"}, s.events(n))
	require.Zero(t, s.stop())
	require.Equal(t, []string{"LeaderEpochStarted", "RecoveryCompleted"}, s.events(n), "a stop adds nothing")
}

func TestAStartAfterAKillShowsTheSame(t *testing.T) {
	s := traded(t)
	before := s.view("/api/v1/positions?status=all")
	s.kill()
	s.start()
	require.Equal(t, before, s.view("/api/v1/positions?status=all"))
}

// refusesToStart wants exit code 1, and the code and the hint as the last two lines; and the same once more.
func (s *site) refusesToStart(code string) string {
	s.t.Helper()
	for range 2 {
		s.launch()
		require.Equal(s.t, 1, s.wait(), s.tail())
		lines := s.lines()
		require.Greater(s.t, len(lines), 1)
		last := lines[len(lines)-2:]
		require.True(s.t, strings.HasPrefix(last[0], code+":"), "%s\n%s", code, s.tail())
		require.True(s.t, strings.HasPrefix(last[1], "hint: "), s.tail())
	}
	return strings.Join(s.lines()[len(s.lines())-2:], "\n")
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
	require.Zero(t, s.stop())
	edit(t, filepath.Join(s.logFolder(), "events.db"), []byte(`"last_px":"76000"`), []byte(`"last_px":"77000"`))
	said := s.refusesToStart("DATA_CORRUPT")
	require.Contains(t, said, "revision")
	require.Contains(t, said, "pmctl")
}

func TestALogOfANewerBuildIsNotStartedOn(t *testing.T) {
	s := traded(t)
	require.Zero(t, s.stop())
	last := s.last()
	meta := bytes.Replace(last.Meta, []byte(`"v":1`), []byte(`"v":2`), 1)
	meta = bytes.Replace(meta, []byte(`"build":"e2e"`), []byte(`"build":"e3e"`), 1)
	hash := eventstore.HashOf(meta, last.Data)
	file := filepath.Join(s.logFolder(), "events.db")
	edit(t, file, last.Meta, meta)
	edit(t, file, last.Hash[:], hash[:])
	said := s.refusesToStart("UNKNOWN_EVENT")
	require.Contains(t, said, fmt.Sprintf("revision %d", last.Rev))
	require.Contains(t, said, "e3e", "which build is needed")
}

// last is the last record as it is stored.
func (s *site) last() eventstore.Record {
	s.t.Helper()
	log, err := sqlite.OpenReader(s.logFolder())
	require.NoError(s.t, err)
	defer log.Close()
	var last eventstore.Record
	require.NoError(s.t, log.Read(s.t.Context(), 0, func(recs []eventstore.Record) error {
		last = recs[len(recs)-1]
		return nil
	}))
	return last
}

func TestASecondServiceOnTheSameFolderIsToldWhoHoldsIt(t *testing.T) {
	s := traded(t)
	n := len(s.events(0))
	second := newSite(t, plain)
	second.dir = s.dir
	second.config = s.config
	second.started = 100 // its stderr has names of its own
	said := second.refusesToStart("LOG_LOCKED")
	require.Contains(t, said, fmt.Sprintf("process %d", s.cmd.Process.Pid))
	require.Len(t, s.events(0), n, "the second one wrote nothing")
	require.Equal(t, 0, s.stop(), "the first one did not notice")
}

func TestABrokerThatCannotBeOpenedIsNotReplaced(t *testing.T) {
	s := traded(t)
	require.Zero(t, s.stop())
	n := len(s.events(0))
	book := filepath.Join(s.data(), "paper", "paper.db")
	require.NoError(t, os.WriteFile(book, []byte("no order book at all, and longer than a header would be: "+hex.EncodeToString(make([]byte, 100))), 0o600))
	said := s.refusesToStart("BROKER_UNAVAILABLE")
	require.Contains(t, said, "never replaced")
	require.Len(t, s.events(0), n)
}
