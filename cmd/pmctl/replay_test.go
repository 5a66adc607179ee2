package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/broker/paper"
	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore"
	"pm/eventstore/sqlite"
	"pm/projections"
)

// live is an engine that trades a file of signals and notes its digests as the service does: the log line of every 100th revision.
func live(t *testing.T, dir string, bodies []numbered, settings map[string]string, each func(*domain.State)) map[uint64]string {
	t.Helper()
	ctx := context.Background()
	log, err := sqlite.Open(dir, "main", "live")
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	feed, problems := parseFeed("live", bodies)
	require.Empty(t, problems)
	time := &virtual{first: feed[0].sub.Signal.Timestamp, now: feed[0].sub.Signal.Timestamp}
	broker, err := paper.NewMemory(paper.Options{Now: time.clock})
	require.NoError(t, err)
	var lines bytes.Buffer
	e := engine.New(engine.Options{
		Log: log, Broker: broker, Instance: "live", Build: "test", Clock: time.clock, Uptime: time.uptime,
		Logger: slog.New(slog.NewJSONHandler(&lines, nil)),
	}, domain.NewState(), eventstore.Empty("main"))
	require.NoError(t, e.Open(ctx, domain.PortfolioOpened{ID: "main", Currency: "INR", InitialCapital: domain.D("5000000"), Settings: settings}))
	for i := range feed {
		time.now = feed[i].sub.Signal.Timestamp
		_, err := e.Step(ctx, domain.SubmitSignal{Submission: feed[i].sub, Now: time.now})
		require.NoError(t, err)
		require.NoError(t, e.Settle(ctx))
		each(e.State())
	}
	return digestsIn(t, lines.Bytes())
}

func digestsIn(t *testing.T, log []byte) map[uint64]string {
	t.Helper()
	out := map[uint64]string{}
	for _, line := range bytes.Split(bytes.TrimSpace(log), []byte("\n")) {
		var l struct {
			Msg      string
			Revision uint64
			Digest   string
		}
		require.NoError(t, json.Unmarshal(line, &l))
		if l.Msg == "state digest" {
			out[l.Revision] = l.Digest
		}
	}
	return out
}

func TestAReplayUntilARevisionGivesTheStateThatWasLiveThere(t *testing.T) {
	conf, err := loadConfig("", map[string]string{"sizing.mode": "sender"})
	require.NoError(t, err)
	story, err := os.ReadFile("testdata/story.ndjson")
	require.NoError(t, err)
	// The story, over and over, a day later each time: some 700 revisions.
	var bodies []numbered
	for day := 5; day < 23; day++ {
		text := strings.ReplaceAll(string(story), "2026-01-05", "2026-01-"+pad(day))
		text = strings.ReplaceAll(text, `"price"`, `"lots":4,"price"`)
		lines, err := readLines(strings.NewReader(text))
		require.NoError(t, err)
		bodies = append(bodies, lines...)
	}
	dir, documents := filepath.Join(t.TempDir(), "log"), map[uint64]string{}
	digests := live(t, dir, bodies, conf.Decision(), func(s *domain.State) { documents[s.Events-1] = string(projections.StateDocument(s)) })
	require.Greater(t, len(digests), 4)
	for revision, digest := range digests {
		out, _ := pmctl(t, exitFine, "replay", "--data", dir, "--until", strconv.FormatUint(revision, 10), "--state")
		require.Equal(t, `"`+digest+`"`, field(t, out, "digest"), "revision %d", revision)
	}
	checked := 0
	for revision, document := range documents {
		if checked++; checked > 25 {
			break
		}
		out, errs := pmctl(t, exitFine, "replay", "--data", dir, "--until", strconv.FormatUint(revision, 10), "--state")
		require.Equal(t, document, out, "revision %d, byte for byte", revision)
		require.Empty(t, errs)
	}
}

func pad(day int) string { return strings.Repeat("0", 2-len(strconv.Itoa(day))) + strconv.Itoa(day) }

func TestAReplayEndsAtATimeThatCounts(t *testing.T) {
	dir := storyLog(t)
	at, _ := pmctl(t, exitFine, "replay", "--data", dir, "--until", "2026-01-05T09:30:00+05:30", "--state")
	exchange, _ := pmctl(t, exitFine, "replay", "--data", dir, "--until", "2026-01-05 09:30:00", "--state")
	revision, _ := pmctl(t, exitFine, "replay", "--data", dir, "--until", "13", "--state")
	require.Equal(t, revision, at, "what was recorded at that time is in")
	require.Equal(t, revision, exchange, "a time without zone is exchange time")
	before, _ := pmctl(t, exitFine, "replay", "--data", dir, "--until", "2026-01-05T09:29:59+05:30", "--state")
	require.Equal(t, "11", field(t, before, "revision"))
}

func TestAReplayPrintsFromTheRevisionThatWasAskedFor(t *testing.T) {
	dir := storyLog(t)
	whole, _ := pmctl(t, exitFine, "replay", "--data", dir)
	part, _ := pmctl(t, exitFine, "replay", "--data", dir, "--from", "40")
	require.True(t, strings.HasSuffix(whole, part), "a part says the same as the whole")
	require.Equal(t, 7, strings.Count(part, "\n"))
}

func TestAReplayOfASignalShowsWhatItLedTo(t *testing.T) {
	dir := storyLog(t)
	list, _ := pmctl(t, exitFine, "signals", "--data", dir, "--status", "rejected", "-o", "json")
	var doc struct {
		Signals []projections.Signal `json:"signals"`
	}
	require.NoError(t, json.Unmarshal([]byte(list), &doc))
	out, _ := pmctl(t, exitFine, "replay", "--data", dir, "--signal", doc.Signals[1].SignalID)
	require.Equal(t, 2, strings.Count(out, "\n"))
	require.Contains(t, out, "campaign_open (campaign 1)")
}

func TestWhereThereIsNothingToReplayItSaysSo(t *testing.T) {
	_, errs := pmctl(t, exitFailed, "replay", "--data", t.TempDir())
	require.Contains(t, errs, "there is no log here")
	require.Contains(t, errs, "--data")
	_, errs = pmctl(t, exitFailed, "replay", "--data", storyLog(t), "--until", "47")
	require.Contains(t, errs, "the log ends at revision 46")
	_, errs = pmctl(t, exitFailed, "replay", "--data", storyLog(t), "--until", "yesterday")
	require.Contains(t, errs, "neither a revision nor a time")
	_, errs = pmctl(t, exitFailed, "replay", "--eventstore", "memory:")
	require.Contains(t, errs, "this build reads sqlite://DIR")
}

func TestASlipInWhatIsReplayedIsSaidAndNotAnsweredByNothing(t *testing.T) {
	dir := storyLog(t)
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--order", "NOPE"}, "nothing in the log belongs to NOPE"},
		{[]string{"--signal", "NOPE", "-o", "json"}, "nothing in the log belongs to NOPE"},
		{[]string{"--position", "NOPE"}, "nothing in the log belongs to NOPE"},
		{[]string{"--position", "BANK_NIFTY-1-Long_2", "--until", "20"}, "nothing until 20 belongs to BANK_NIFTY-1-Long_2"},
		{[]string{"--order", "pmMUFNMH2MFNQD5ZK7GE", "--from", "40"}, "nothing from revision 40 on belongs to pmMUFNMH2MFNQD5ZK7GE: the last that does is revision 6"},
		{[]string{"--from", "500"}, "--from 500: the log ends at revision 46"},
		{[]string{"--from", "500", "--state"}, "--from 500: the log ends at revision 46"},
		{[]string{"--from", "30", "--until", "20"}, "--from 30 is after --until 20"},
		{[]string{"--from", "30", "--until", "2026-01-05T09:30:00+05:30"}, "--from 30 is after --until 2026-01-05T09:30:00+05:30: the last event by then is revision 13"},
		{[]string{"--until", "2026-01-05T09:19:59+05:30"}, "--until 2026-01-05T09:19:59+05:30: the first event of the log is later"},
		{[]string{"--until", "2026-01-05T09:19:59+05:30", "--state"}, "the first event of the log is later"},
	} {
		out, errs := pmctl(t, exitFailed, append([]string{"replay", "--data", dir}, c.args...)...)
		require.Empty(t, out, c.args)
		require.Contains(t, errs, c.says, c.args)
	}
}

func TestATimeFromTheRowsOfAReplayTakesInWhatWasRecordedInThatSecond(t *testing.T) {
	story, err := os.ReadFile("testdata/story.ndjson")
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "log")
	pmctl(t, exitFine, "backtest", writeFile(t, "story.ndjson", strings.ReplaceAll(string(story), ":00+05:30", ":43.25+05:30")), "--log", dir)
	for until, revision := range map[string]string{
		"2026-01-05T09:20:43+05:30": "6", "2026-01-05 09:30:43": "13", "2026-01-05T09:30:43.25+05:30": "13", "2026-01-05T09:30:43.249+05:30": "11", "2026-01-05T09:30:42+05:30": "11",
	} {
		out, _ := pmctl(t, exitFine, "replay", "--data", dir, "--until", until, "--state")
		require.Equal(t, revision, field(t, out, "revision"), until)
	}
}

func TestTheLogIsFoundInADataFolderAndByItsAddress(t *testing.T) {
	data := t.TempDir()
	require.NoError(t, os.Rename(storyLog(t), filepath.Join(data, "log")))
	want, _ := pmctl(t, exitFine, "replay", "--data", filepath.Join(data, "log"), "--state")
	for _, args := range [][]string{{"--data", data}, {"--eventstore", "sqlite://" + filepath.Join(data, "log")}} {
		out, _ := pmctl(t, exitFine, append([]string{"replay", "--state"}, args...)...)
		require.Equal(t, want, out)
	}
	t.Chdir(data)
	require.NoError(t, os.Mkdir("data", 0o700))
	require.NoError(t, os.Rename("log", "data/log"))
	out, _ := pmctl(t, exitFine, "replay", "--state")
	require.Equal(t, want, out, "./data is where a log is looked for when nobody says")
}

// damage changes bytes of the log's file, as a disk might.
func damage(t *testing.T, dir, was, now string) {
	t.Helper()
	require.Len(t, now, len(was))
	name := filepath.Join(dir, "events.db")
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, 1, bytes.Count(content, []byte(was)), "the damage must hit one record")
	require.NoError(t, os.WriteFile(name, bytes.Replace(content, []byte(was), []byte(now), 1), 0o600))
}

func TestADamagedLogIsAFindingThatNamesTheRevision(t *testing.T) {
	dir := storyLog(t)
	damage(t, dir, `"to":"60075"`, `"to":"60076"`)
	for _, args := range [][]string{
		{"replay"}, {"replay", "--state"}, {"replay", "-o", "json"}, {"log", "info"}, {"log", "verify"}, {"log", "export"},
		{"positions"}, {"orders"}, {"status"}, {"trades"}, {"instances"}, {"recovery"},
	} {
		out, errs := pmctl(t, exitFinding, append(args, "--data", dir)...)
		require.Contains(t, errs, "DATA_CORRUPT: revision 20", "%v", args)
		require.NotContains(t, out, `"digest"`)
	}
	out, _ := pmctl(t, exitFine, "replay", "--data", dir, "--until", "19", "--state")
	require.Equal(t, "19", field(t, out, "revision"), "what stands before the damage can still be read")
}

func TestAReplayThatFollowsGoesOnUntilItIsInterrupted(t *testing.T) {
	dir := storyLog(t)
	ctx, cancel := context.WithCancel(context.Background())
	tool := newTool("")
	tool.c.out = cutAfter{n: 47, end: cancel, left: new(int)}
	require.Zero(t, tool.c.run(ctx, []string{"replay", "--follow", "--data", dir}), tool.errs.String())
}

// cutAfter ends a run when it has seen so many lines.
type cutAfter struct {
	n    int
	end  func()
	left *int
}

func (c cutAfter) Write(text []byte) (int, error) {
	if *c.left += bytes.Count(text, []byte("\n")); *c.left == c.n {
		c.end()
	}
	return len(text), nil
}
