package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/cmd/internal/config"
	"pm/projections"
	"pm/projections/snapshottest"
	"pm/projections/tables"
)

func TestARebuildPrintsTheDifferencesBeforeItSwitches(t *testing.T) {
	s := storyWithSnapshot(t)
	s.change()
	out, _ := s.run(t, exitFine, "rebuild")
	goldenRun(t, "rebuild.txt", out)
	s.run(t, exitFine, "verify")
	s.memory = snapshottest.NewMemory()
	out, _ = s.run(t, exitFine, "rebuild")
	goldenRun(t, "rebuild-first.txt", out)
}

func TestADryRunOfARebuildStopsThere(t *testing.T) {
	s := storyWithSnapshot(t)
	out, _ := s.run(t, exitFine, "rebuild", "--dry-run")
	require.Contains(t, out, "no value differs")
	s.change()
	out, errs := s.run(t, exitFinding, "rebuild", "--dry-run")
	goldenRun(t, "rebuild-dry-run.txt", out)
	require.Contains(t, errs, "pmctl: 1 value would change")
	out, _ = s.run(t, exitFinding, "rebuild", "--dry-run", "-o", "json")
	var r projections.Rebuilt
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	require.False(t, r.Switched)
	require.Equal(t, "portfolio_state.total_risk_amount", r.Diff.List[0].Path)
	s.run(t, exitFinding, "verify")
}

func TestADryRunOverAnOlderSchemaNamesTheTablesThatCome(t *testing.T) {
	s := storyWithSnapshot(t)
	var older projections.SnapshotHead
	require.NoError(t, s.memory.Read(t.Context(), func(v projections.SnapshotView) error {
		h, err := v.Head()
		older = *h
		return err
	}))
	older.SchemaVersion--
	s.memory.DropTable("trades")
	s.memory.SetHead(&older)
	out, _ := s.run(t, exitFine, "snapshot", "show")
	require.Contains(t, out, "an older build wrote it")
	require.NotContains(t, out, "DAMAGED", "it is whole for its version")
	out, _ = s.run(t, exitFine, "rebuild", "--dry-run")
	require.Contains(t, out, "\n+ table trades\nno value differs\n")
	s.run(t, exitFine, "rebuild")
	out, _ = s.run(t, exitFine, "verify")
	require.Contains(t, out, "agrees at revision 46")
}

func TestOneTableCanBeRebuiltAlone(t *testing.T) {
	s := storyWithSnapshot(t)
	s.change()
	s.memory.DropRow("layers", "BANK_NIFTY-1-Long_1")
	s.run(t, exitFine, "rebuild", "--projection", "layers")
	out, _ := s.run(t, exitFinding, "snapshot", "diff")
	require.Contains(t, out, "total_risk_amount")
	require.NotContains(t, out, "layers[")
	s.run(t, exitFine, "rebuild", "--projection", "portfolio_state,layers")
	s.run(t, exitFine, "verify")
	_, errs := s.run(t, exitFailed, "rebuild", "--projection", "nonsense")
	require.Contains(t, errs, "there is no table nonsense")
	_, errs = s.run(t, exitFailed, "rebuild", "--projection", "")
	require.Contains(t, errs, "name a table, or all")
}

func TestOnATerminalARebuildAsksBeforeItSwitches(t *testing.T) {
	for _, c := range []struct {
		answer   string
		args     []string
		code     int
		switched bool
	}{
		{"y\n", nil, exitFine, true}, {"Yes\n", nil, exitFine, true}, {"n\n", nil, exitFailed, false}, {"\n", nil, exitFailed, false},
		{"", nil, exitFailed, false}, {"", []string{"--yes"}, exitFine, true}, {"y\n", []string{"-o", "json"}, exitFine, true},
	} {
		s := storyWithSnapshot(t)
		s.change()
		tool := s.tool(t, c.answer)
		tool.c.inTerminal = true
		args := append([]string{"rebuild", "--data", s.data, "--snapshot", server}, c.args...)
		require.Equal(t, c.code, tool.run(args...), "%+v\n%s%s", c, tool.out.String(), tool.errs.String())
		if len(c.args) == 0 {
			require.Contains(t, tool.errs.String(), "switch to the new version? [y/N]")
			require.Contains(t, tool.out.String(), "portfolio_state.total_risk_amount")
		} else if c.args[0] == "-o" {
			require.Contains(t, tool.errs.String(), "portfolio_state.total_risk_amount", "whoever is asked sees what for")
			require.True(t, json.Valid(tool.out.Bytes()), tool.out.String())
		}
		if c.switched {
			s.run(t, exitFine, "verify")
			continue
		}
		require.Contains(t, tool.errs.String(), "nothing was switched")
		s.run(t, exitFinding, "verify")
		out, _ := s.run(t, exitFine, "rebuild")
		require.Contains(t, out, "47 events had been folded by a rebuild that did not come to its end")
	}
}

// lost is a snapshot whose switch does not come through.
type lost struct{ *snapshottest.Memory }

var errNoSwitch = errors.New("the cable was pulled")

func (lost) Switch(context.Context, *projections.SnapshotHead, *projections.SnapshotHead, ...string) error {
	return errors.Join(errNoSwitch, projections.ErrSnapshotUnavailable)
}

func TestARebuildThatWasCutOffLeavesTheOldVersionAndIsGoneOnWith(t *testing.T) {
	s := storyWithSnapshot(t)
	s.change()
	tool := s.tool(t, "")
	tool.c.openSnapshot = func(config.Snapshot) (projections.Snapshot, error) { return lost{s.memory.Session()}, nil }
	require.Equal(t, exitFailed, tool.run("rebuild", "--data", s.data, "--snapshot", server))
	require.Contains(t, tool.errs.String(), "DB_UNAVAILABLE")
	out, _ := s.run(t, exitFinding, "verify")
	require.Contains(t, out, "999999.99", "readers see what they saw")
	out, _ = s.run(t, exitFine, "rebuild")
	require.Contains(t, out, "had been folded by a rebuild that did not come to its end")
	s.run(t, exitFine, "verify")
}

func TestARebuildThatIsInterruptedSaysHowToGoOn(t *testing.T) {
	s := storyWithSnapshot(t)
	ctx, cancel := context.WithCancel(context.Background())
	s.memory.OnRead(cancel)
	tool := s.tool(t, "")
	require.Equal(t, exitFailed, tool.c.run(ctx, []string{"rebuild", "--data", s.data, "--snapshot", server}))
	require.Contains(t, tool.errs.String(), "the same command goes on with what was built")
}

func TestARebuildShowsRateAndRemainingTimeOnATerminal(t *testing.T) {
	s := storyWithSnapshot(t)
	tool := s.tool(t, "")
	tool.c.errTerminal = true
	clock := &manualClock{now: time.Date(2026, 1, 5, 4, 0, 0, 0, time.UTC)}
	tool.c.now = func() time.Time { _ = clock.wait(t.Context(), time.Second); return clock.read() }
	require.Zero(t, tool.run("rebuild", "--data", s.data, "--snapshot", server), tool.errs.String())
	require.Regexp(t, `[0-9]+ events folded, [0-9]+/s, [0-9]+ %`, tool.errs.String())
	tool.errs.Reset()
	p := tool.c.progress("events folded", 0)
	p.at(4096, 12288)
	p.at(8192, 12288)
	require.Contains(t, tool.errs.String(), "4,096 events folded, 4,096/s, 33 %, 2s left")
	require.Contains(t, tool.errs.String(), "8,192 events folded, 4,096/s, 66 %, 1s left")
}

func TestTheEmbeddedSnapshotOfTheDataFolderIsBuiltShownAndChecked(t *testing.T) {
	data := t.TempDir()
	pmctl(t, exitFine, "backtest", "testdata/story.ndjson", "--log", filepath.Join(data, "log"))
	out, _ := pmctl(t, exitFine, "rebuild", "--data", data)
	require.Contains(t, out, "switched: ")
	before := folderHash(t, data)
	out, _ = pmctl(t, exitFine, "verify", "--data", data)
	require.Contains(t, out, "agrees at revision 46")
	out, _ = pmctl(t, exitFine, "snapshot", "show", "--data", data)
	require.Regexp(t, `(?m)^trades +history +41 +2$`, out)
	pmctl(t, exitFine, "snapshot", "diff", "--data", data)
	require.Equal(t, before, folderHash(t, data), "looking leaves every file as it was")

	conf := writeFile(t, "pm.yaml", "data: "+data+"\nportfolio:\n  id: backtest\n")
	out, _ = pmctl(t, exitFine, "verify", "--config", conf)
	require.Contains(t, out, "agrees at revision 46")
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	pmctl(t, exitFine, "rebuild", "--config", conf, "--snapshot", "sqlite://"+elsewhere)
	require.DirExists(t, elsewhere)
	tool := newTool("")
	tool.c.env = func(name string) string {
		return map[string]string{"PM_CONFIG": conf, "PM_SNAPSHOT_URL": "sqlite://" + elsewhere}[name]
	}
	require.Zero(t, tool.run("verify"), tool.errs.String())
	require.Contains(t, tool.out.String(), elsewhere, "the service's variables say where things are")
}

func TestAVerbOfASnapshotSaysWhatItCannotUse(t *testing.T) {
	dir := storyLog(t)
	for want, args := range map[string][]string{
		"asks no service":                 {"verify", "--server", "http://127.0.0.1:1"},
		`"mysql:" is not sqlite://DIR`:    {"verify", "--data", dir, "--snapshot", "mysql://u:hunter2@h/d"},
		"there is no snapshot to migrate": {"migrate", "up", "--data", dir, "--snapshot", "none"},
		"no such file":                    {"verify", "--config", filepath.Join(t.TempDir(), "none.yaml")},
		"keeps the log in memory":         {"verify", "--config", writeFile(t, "m.yaml", "eventstore:\n  url: 'memory:'\n")},
		"name pm's data folder with":      {"verify", "--data", t.TempDir()},
		"unknown command \"x\" for":       {"verify", "x"},
	} {
		out, errs := pmctl(t, exitFailed, args...)
		require.Contains(t, errs, want)
		require.NotContains(t, errs, "hunter2")
		require.Empty(t, out)
	}
}

func TestTheEmbeddedSnapshotNeedsNoMigrations(t *testing.T) {
	data := t.TempDir()
	pmctl(t, exitFine, "backtest", "testdata/story.ndjson", "--log", filepath.Join(data, "log"))
	for _, verb := range []string{"up", "status"} {
		out, _ := pmctl(t, exitFine, "migrate", verb, "--data", data)
		require.Contains(t, out, "needs no migrations")
		out, _ = pmctl(t, exitFine, "migrate", verb, "--data", data, "-o", "json")
		require.JSONEq(t, `{"migrations":[],"missing":0,"unknown":0}`, out)
	}
	_, err := os.Stat(filepath.Join(data, "snapshot"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestCompletionKnowsTheTables(t *testing.T) {
	out, _ := pmctl(t, exitFine, "__complete", "rebuild", "--projection", "")
	for _, table := range tables.All() {
		require.Contains(t, out, table.Name+"\n")
	}
	require.Contains(t, out, "all\n")
}

func TestNobodyIsAskedWhereTheInputIsTheNullDevice(t *testing.T) {
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	require.True(t, nowhere(null))
	file, err := os.Open(writeFile(t, "in", "y"))
	require.NoError(t, err)
	defer file.Close()
	require.False(t, nowhere(file))
	require.False(t, terminal(file))
}
