package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/broker/paper"
	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore/sqlite"
	"pm/projections"
)

// restarted starts the story's log once more, as the service does, and gives the data folder and the report's file.
func restarted(t *testing.T) (data, report string) {
	t.Helper()
	data = t.TempDir()
	dir := filepath.Join(data, "log")
	pmctl(t, exitFine, "backtest", "testdata/story.ndjson", "--fee", "0.0005", "--log", dir)
	log, err := sqlite.Open(dir, "backtest", "there")
	require.NoError(t, err)
	r, err := projections.Recover(t.Context(), log, projections.RecoverOptions{Instance: "there", Build: "v2"})
	require.NoError(t, err)
	text := r.Report.JSON()
	require.NoError(t, os.Mkdir(filepath.Join(data, "recovery"), 0o700))
	report = filepath.Join(data, "recovery", "20260105T040000.000000000Z.json")
	require.NoError(t, os.WriteFile(report, text, 0o600))
	broker, err := paper.NewMemory(paper.Options{})
	require.NoError(t, err)
	e := engine.New(engine.Options{Log: log, Broker: broker, Instance: "there", Build: "v2"}, r.State, r.Head)
	sum := sha256.Sum256(text)
	require.NoError(t, e.Start(t.Context(), domain.RecoveryCompleted{
		ReportDigest: hex.EncodeToString(sum[:]), HeadRevision: r.Report.HeadRevision, HeadHash: r.Report.HeadHash, Snapshot: r.Report.Snapshot,
	}, r.State.Configured))
	require.NoError(t, log.Close())
	return data, report
}

func TestTradesAreTheClosedPositionsWithTheirSums(t *testing.T) {
	dir := storyLog(t)
	out, _ := pmctl(t, exitFine, "trades", "--data", dir)
	golden(t, "trades.txt", out)
	out, _ = pmctl(t, exitFine, "trades", "--data", dir, "--instrument", "COPPER")
	require.Equal(t, "no trades\n", out)
	out, _ = pmctl(t, exitFine, "trades", "--data", dir, "--limit", "1", "-o", "json")
	golden(t, "trades-one.json", out)
}

func TestInstancesOfALogAreItsWriters(t *testing.T) {
	data, _ := restarted(t)
	out, _ := pmctl(t, exitFine, "instances", "--data", data, "-o", "ndjson")
	require.Contains(t, out, `{"id":"backtest","status":"ended","epoch":1,`)
	require.Contains(t, out, `{"id":"there","status":"last writer","epoch":2,`)
	out, _ = pmctl(t, exitFine, "instances", "--data", data)
	require.Contains(t, out, "INSTANCE  STATUS       EPOCH  SINCE (IST)")
}

// what differs from run to run in the report of a start
var starts, reportClocks = regexp.MustCompile(`[-0-9]{10} [:0-9]{8}`), regexp.MustCompile(`after [0-9.]+[mµ]?s|, [0-9,]+/s`)

func TestRecoveryShowsTheReportOfTheLastStart(t *testing.T) {
	data, report := restarted(t)
	out, _ := pmctl(t, exitFine, "recovery", "--data", data)
	golden(t, "recovery-of-a-start.txt", reportClocks.ReplaceAllString(starts.ReplaceAllString(out, "YYYY-MM-DD hh:mm:ss"), "<clock>"))
	require.NoError(t, os.Remove(report))
	out, _ = pmctl(t, exitFine, "recovery", "--data", data)
	require.Contains(t, out, "no report is kept here")
	require.Regexp(t, `(?m)^ +48  [-0-9]+ [:0-9]+  there +46  none$`, out)
	out, _ = pmctl(t, exitFine, "recovery", "--data", data, "-o", "json")
	require.NotContains(t, out, `"last":`, "the log outlives the file")
	require.Contains(t, out, `"head_revision": 46`)
}

func TestAReportIsHeldAgainstItsLog(t *testing.T) {
	data, report := restarted(t)
	out, _ := pmctl(t, exitFine, "recovery", "verify", report, "--data", data)
	require.Contains(t, out, "the log gives the same state up to revision 46")

	text, err := os.ReadFile(report)
	require.NoError(t, err)
	changed := writeFile(t, "changed.json", string(text)+" ")
	_, errs := pmctl(t, exitFinding, "recovery", "verify", changed, "--data", data)
	require.Contains(t, errs, "none of the 1 start of this log recorded this report")
	_, errs = pmctl(t, exitFinding, "recovery", "verify", report, "--data", storyLog(t))
	require.Contains(t, errs, "none of the 0 starts")
	_, errs = pmctl(t, exitFinding, "recovery", "verify", writeFile(t, "x", "dear diary"), "--data", data)
	require.Contains(t, errs, "it belongs to another log, or was changed")
	_, errs = pmctl(t, exitFailed, "recovery", "verify", writeFile(t, "y", string(make([]byte, maxReport+1))), "--data", data)
	require.Contains(t, errs, "is no recovery report")
}

func TestAnExplanationIsTheSameFromTheServiceAndFromItsLog(t *testing.T) {
	s := staffed(t)
	s.pyramid(t)
	orders, _ := s.as(t, "vic", exitFine, "orders", "-o", "json")
	var list struct{ Orders []projections.Order }
	require.NoError(t, json.Unmarshal([]byte(orders), &list))
	for _, id := range []string{"BANK_NIFTY-1-Long_1", "BANK_NIFTY-1-Long_2", list.Orders[0].Tag, strconv.FormatUint(*list.Orders[0].Revision, 10)} {
		for _, form := range []string{"table", "json", "yaml"} {
			asked, _ := s.as(t, "vic", exitFine, "explain", id, "-o", form)
			read, _ := pmctlReal(t, exitFine, "explain", id, "--data", s.dir, "-o", form)
			require.Equal(t, asked, read, "%s -o %s", id, form)
		}
	}
	_, errs := s.as(t, "vic", exitRefused, "explain", "nobody")
	require.Contains(t, errs, "404 not_found")
	_, errs = pmctlReal(t, exitFailed, "explain", "nobody", "--data", s.dir)
	require.Contains(t, errs, "explain nobody: ")
}

func TestReadsOfAServiceAreShownAsTheyCome(t *testing.T) {
	s := staffed(t)
	s.pyramid(t)
	s.as(t, "ada", exitFine, "close-all", "--reason", "x")
	s.rest(t)
	out, _ := s.as(t, "vic", exitFine, "instances")
	require.Regexp(t, `(?m)^here +active +1 +[-0-9]+ [:0-9]+  test$`, out)
	out, _ = s.as(t, "vic", exitFine, "recovery")
	require.Contains(t, out, "no start has recovered anything yet")
	asked, _ := s.as(t, "vic", exitFine, "trades", "-o", "ndjson")
	read, _ := pmctlReal(t, exitFine, "trades", "--data", s.dir, "-o", "ndjson")
	require.Equal(t, asked, read)
	require.Contains(t, asked, `"position_id":"BANK_NIFTY-1-Long_2"`)
}
