package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/cmd/internal/config"
	"pm/projections"
	"pm/projections/snapshottest"
	"pm/projections/tables"
)

// server is a database that the tests put a snapshot in memory in the place of.
const server = "postgres://pm:hunter2@127.0.0.1:1/pm"

// withSnapshot is the sample story's log and a snapshot of it, and a pmctl that finds both.
type withSnapshot struct {
	data   string
	memory *snapshottest.Memory
}

func storyWithSnapshot(t *testing.T) *withSnapshot {
	t.Helper()
	s := &withSnapshot{data: storyLog(t), memory: snapshottest.NewMemory()}
	s.run(t, exitFine, "rebuild")
	return s
}

func (s *withSnapshot) tool(t *testing.T, in string) *tool {
	t.Helper()
	tool := newTool(in)
	tool.c.snapshotTry = []time.Duration{time.Microsecond}
	tool.c.openSnapshot = func(c config.Snapshot) (projections.Snapshot, error) {
		require.True(t, c.Server)
		return s.memory.Session(), nil
	}
	tool.c.readSnapshot = tool.c.openSnapshot
	return tool
}

func (s *withSnapshot) run(t *testing.T, code int, args ...string) (out, errs string) {
	t.Helper()
	tool := s.tool(t, "")
	got := tool.run(append(args, "--data", s.data, "--snapshot", server)...)
	require.Equal(t, code, got, "pmctl %v\nstdout: %s\nstderr: %s", args, tool.out.String(), tool.errs.String())
	require.NotContains(t, tool.out.String()+tool.errs.String(), "hunter2")
	return tool.out.String(), tool.errs.String()
}

var (
	paces   = regexp.MustCompile(`in [0-9.]+(µs|ms|s), [0-9,]+/s`)
	seconds = regexp.MustCompile(`"(seconds|events_per_second|took|started|finished)": [^,\n]+`)
	folders = regexp.MustCompile(`/[^ \n"]*/log\b`)
	pins    = regexp.MustCompile(`/[^ \n"]*/head\.pin\b`)
)

// goldenRun holds an output against its file, without what a clock and the folder have put into it.
func goldenRun(t *testing.T, name, got string) {
	t.Helper()
	got = seconds.ReplaceAllString(paces.ReplaceAllString(got, "in <time>, <rate>/s"), `"$1": <clock>`)
	golden(t, name, pins.ReplaceAllString(folders.ReplaceAllString(got, "<folder>"), "<pin>"))
}

// change sets one value in the snapshot by hand.
func (s *withSnapshot) change() {
	s.memory.Set("portfolio_state", "backtest", "total_risk_amount", "999999.99")
}

func TestVerifySaysWhatAStartWouldReadCompareAndFind(t *testing.T) {
	s := storyWithSnapshot(t)
	out, errs := s.run(t, exitFine, "verify")
	goldenRun(t, "verify.txt", out)
	require.Empty(t, errs)
	out, _ = s.run(t, exitFine, "verify", "-o", "json")
	goldenRun(t, "verify.json", out)
}

func TestVerifyNamesTheFirstDifferenceBehindItsCodeAndListsTheOthers(t *testing.T) {
	s := storyWithSnapshot(t)
	s.change()
	s.memory.Set("portfolio_state", "backtest", "fees", "1")
	out, errs := s.run(t, exitFinding, "verify")
	require.Contains(t, errs, "pmctl: VALIDATION_FAILED: Fees mismatch: DB=1.00, Calculated=")
	require.Contains(t, errs, "hint: the snapshot does not say what the log says")
	require.Contains(t, errs, "--data "+filepath.Dir(s.data), "the hint names this log")
	goldenRun(t, "verify-differs.txt", out)
	file := filepath.Join(t.TempDir(), "report.json")
	out, _ = s.run(t, exitFinding, "verify", "-o", "json", "--report", file)
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, out, string(kept))
	var report projections.Report
	require.NoError(t, json.Unmarshal(kept, &report))
	require.Equal(t, 2, report.DivergenceCount, "two values; the hash over all tables says nothing beside them")
	require.Equal(t, "portfolio_state.total_risk_amount", report.Divergences[1].Path)
	require.Equal(t, "999999.99", report.Divergences[1].Snapshot)
}

func TestVerifyOverwritesNoReport(t *testing.T) {
	s := storyWithSnapshot(t)
	file := writeFile(t, "report.json", "dear diary")
	_, errs := s.run(t, exitFailed, "verify", "--report", file)
	require.Contains(t, errs, "no report is overwritten")
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "dear diary", string(kept))
	require.ErrorIs(t, newTool("").c.keepReport(file, &projections.Report{}), fs.ErrExist, "also one that came while the log was read")
	_, errs = s.run(t, exitFailed, "verify", "--report", filepath.Join(t.TempDir(), "no", "folder"))
	require.Contains(t, errs, "no such file")
}

func TestWhereTheSnapshotCannotBeReachedTheLogIsVerifiedAllTheSame(t *testing.T) {
	s := storyWithSnapshot(t)
	s.memory.SetUnavailable(true)
	out, errs := s.run(t, exitFailed, "verify")
	require.Contains(t, errs, "the snapshot cannot be reached, trying again in 1µs")
	require.Contains(t, errs, "pmctl: DB_UNAVAILABLE: the log verifies, but the snapshot (memory) could not be read")
	require.Contains(t, out, "revision 46")
	require.Contains(t, out, "not compared: unavailable")
	for _, verb := range [][]string{{"snapshot", "show"}, {"snapshot", "diff"}, {"rebuild"}} {
		_, errs = s.run(t, exitFailed, verb...)
		require.Contains(t, errs, "DB_UNAVAILABLE", "%v", verb)
	}
}

func TestWhatAStartWarnsOfIsSaidAndIsNoFinding(t *testing.T) {
	s := storyWithSnapshot(t)
	var head projections.SnapshotHead
	require.NoError(t, s.memory.Read(t.Context(), func(v projections.SnapshotView) error {
		h, err := v.Head()
		head = *h
		return err
	}))
	older, newer := head, head
	older.FoldVersion--
	newer.SchemaVersion++
	for _, c := range []struct {
		code string
		head projections.SnapshotHead
	}{{"SNAPSHOT_OUTDATED", older}, {"SNAPSHOT_NEWER", newer}} {
		code := c.code
		s.memory.SetHead(&c.head)
		out, _ := s.run(t, exitFine, "verify")
		require.Contains(t, out, "WARNING "+code)
		_, errs := s.run(t, exitFailed, "snapshot", "diff")
		require.Contains(t, errs, "nothing was compared: "+code)
		out, _ = s.run(t, exitFine, "snapshot", "show")
		require.Contains(t, out, "build")
	}
	_, errs := s.run(t, exitFailed, "rebuild")
	require.Contains(t, errs, "SNAPSHOT_NEWER: the snapshot was written by a newer build")
	s.memory = snapshottest.NewMemory()
	out, _ := s.run(t, exitFine, "verify")
	require.Contains(t, out, "WARNING SNAPSHOT_MISSING")
	out, _ = s.run(t, exitFine, "snapshot", "show")
	require.Contains(t, out, "nothing was written yet")
	_, errs = s.run(t, exitFailed, "snapshot", "diff")
	require.Contains(t, errs, "nothing was compared: SNAPSHOT_MISSING")
}

func TestVerifyWithoutASnapshotChecksTheLog(t *testing.T) {
	data := storyLog(t)
	out, _ := pmctl(t, exitFine, "verify", "--data", data, "--snapshot", "none")
	require.Contains(t, out, "not compared: none is configured")
	out, _ = pmctl(t, exitFine, "verify", "--data", data)
	require.Contains(t, out, "not compared: there is none in "+filepath.Join(filepath.Dir(data), "snapshot"))
	require.NoDirExists(t, filepath.Join(filepath.Dir(data), "snapshot"), "whoever looks makes no folder")
	for verb, want := range map[string]string{"show": "there is no snapshot to show", "diff": "nothing was compared: there is none in"} {
		_, errs := pmctl(t, exitFailed, "snapshot", verb, "--data", data)
		require.Contains(t, errs, want)
	}
	_, errs := pmctl(t, exitFailed, "rebuild", "--data", data, "--snapshot", "none")
	require.Contains(t, errs, "none is configured")
	_, errs = pmctl(t, exitFailed, "rebuild", "--data", data, "--dry-run")
	require.Contains(t, errs, "there is no snapshot that a rebuild would change: there is none in")
	require.NoDirExists(t, filepath.Join(filepath.Dir(data), "snapshot"))
}

func TestASnapshotOfALogThatWasTruncatedIsDataCorrupt(t *testing.T) {
	s := storyWithSnapshot(t)
	whole := s.data
	text, _ := pmctl(t, exitFine, "log", "export", "--data", whole)
	lines := regexp.MustCompile(`(?m)^.*\n`).FindAllString(text, 31) // the line that names the portfolio, and 30 events
	s.data = filepath.Join(t.TempDir(), "log")
	cut := ""
	for _, l := range lines {
		cut += l
	}
	pmctlIn(t, cut, exitFine, "log", "import", "-", "--unsigned", "--to", s.data)
	out, errs := s.run(t, exitFinding, "verify")
	require.Contains(t, errs, "pmctl: DATA_CORRUPT: the snapshot was folded up to revision 46")
	require.Regexp(t, `(?m)^head +revision 29, `, out, "the log itself is sound")
	_, errs = s.run(t, exitFinding, "rebuild")
	require.Contains(t, errs, "DATA_CORRUPT: the snapshot knows events that the log does not have")
	require.Contains(t, errs, "pmctl rebuild --data "+filepath.Dir(s.data)+" --accept-older-log")
	out, _ = s.run(t, exitFine, "rebuild", "--accept-older-log")
	require.Contains(t, out, "not compared: the old version was folded up to revision 46, which this log does not have")
	require.NotContains(t, out, "no value differs")
	s.run(t, exitFine, "verify")
}

func TestSnapshotDiffListsEveryDifference(t *testing.T) {
	s := storyWithSnapshot(t)
	out, _ := s.run(t, exitFine, "snapshot", "diff")
	require.Contains(t, out, "agrees at revision 46")
	s.change()
	s.memory.DropRow("layers", "BANK_NIFTY-1-Long_1")
	out, errs := s.run(t, exitFinding, "snapshot", "diff")
	goldenRun(t, "snapshot-diff.txt", out)
	require.Contains(t, errs, "pmctl: VALIDATION_FAILED: ")
	out, _ = s.run(t, exitFinding, "snapshot", "diff", "-o", "json")
	goldenRun(t, "snapshot-diff.json", out)
	out, _ = s.run(t, exitFinding, "snapshot", "diff", "-o", "ndjson")
	require.Regexp(t, `(?m)^\{"path":"portfolio_state.total_risk_amount","log":"[0-9.]+","snapshot":"999999.99","revision":46,`, out)
}

func TestSnapshotShowSaysWhereItIsAndWhatIsInIt(t *testing.T) {
	s := storyWithSnapshot(t)
	out, _ := s.run(t, exitFine, "snapshot", "show")
	goldenRun(t, "snapshot-show.txt", out)
	out, _ = s.run(t, exitFine, "snapshot", "show", "-o", "json")
	var shown shownSnapshot
	require.NoError(t, json.Unmarshal([]byte(out), &shown))
	require.Len(t, shown.Tables, len(tables.All()))
	require.Equal(t, versionSame, shown.Version)
	for _, table := range shown.Tables {
		require.NotNil(t, table.Rows, table.Name)
	}
	s.memory.DropTable("fills")
	out, errs := s.run(t, exitFinding, "snapshot", "show")
	require.Contains(t, out, "DAMAGED table fills is missing")
	require.Contains(t, errs, "VALIDATION_FAILED: the snapshot is damaged: table fills is missing")
}

// folderHash is over the names and bytes of everything in a folder, but for what SQLite keeps beside a file that somebody reads: a shared
// memory, and a write-ahead log in which nothing was written.
func folderHash(t *testing.T, dir string) string {
	t.Helper()
	sum := sha256.New()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.HasSuffix(path, "-shm") || strings.HasSuffix(path, "-wal") && len(text) == 0 {
			return err
		}
		fmt.Fprintf(sum, "%s %d\n", path, len(text))
		sum.Write(text)
		return err
	}))
	return fmt.Sprintf("%x", sum.Sum(nil))
}

func TestLookingChangesNothing(t *testing.T) {
	s := storyWithSnapshot(t)
	s.change()
	before, writes := folderHash(t, filepath.Dir(s.data)), s.memory.Writes()
	for _, args := range [][]string{{"verify"}, {"snapshot", "diff"}} {
		s.run(t, exitFinding, args...)
	}
	s.run(t, exitFine, "snapshot", "show")
	require.Equal(t, before, folderHash(t, filepath.Dir(s.data)))
	require.Equal(t, writes, s.memory.Writes())
}

func TestAVerifyThatIsInterruptedFindsNothing(t *testing.T) {
	s := storyWithSnapshot(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	tool := s.tool(t, "")
	require.Equal(t, exitFailed, tool.c.run(ctx, []string{"verify", "--data", s.data, "--snapshot", server}))
	require.Contains(t, tool.errs.String(), "context canceled")
}
