package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/eventstore"
	"pm/eventstore/sqlite"
)

// realNow is the clock of tests that talk to a real service, and maxRest how long its orders may take to come to rest.
var realNow = time.Now

// lookEvery is how often they ask.
const (
	maxRest   = 20 * time.Second
	lookEvery = 5 * time.Millisecond
)

func TestErrorsEndInTheExitCodeOfTheirKind(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{nil, exitFine},
		{errors.New("anything else"), exitFailed},
		{fmt.Errorf("read: %w", &eventstore.Corrupt{Rev: 3, Reason: "x"}), exitFinding},
		{errors.Join(&eventstore.UnknownEvent{Rev: 3}, nil), exitFinding},
		{fmt.Errorf("of: %w", finding(errors.New("differs"))), exitFinding},
		{refused(errors.New("401")), exitRefused},
		{&unavailable{"503"}, exitFailed},
	} {
		require.Equal(t, c.code, exitCode(c.err), "%v", c.err)
	}
}

func TestWrongUsageIsExitCode2WithOneLineThatSaysWhat(t *testing.T) {
	for want, args := range map[string][]string{
		"unknown command":                                          {"dance"},
		"unknown flag: --nonsense":                                 {"status", "--nonsense"},
		"-o \"xml\" is none of table, json":                        {"status", "-o", "xml"},
		"--data and --server exclude each other: give one of them": {"status", "--server", "x", "--data", "y"},
		"--order and --signal exclude each other":                  {"replay", "--signal", "x", "--order", "y"},
		"required flag(s) \"instrument\"":                          {"import", "tradingview", "x.csv"},
		"AMOUNT -5: it is above 0":                                 {"capital", "deposit", "-5"},
		"unknown shorthand flag: 'x'":                              {"capital", "deposit", "-x"},
		"required flag(s) \"to\"":                                  {"log", "import", "x"},
		"accepts at most 1 arg":                                    {"log", "export", "a", "b"},
		"--status \"shut\" is none of [open":                       {"positions", "--status", "shut"},
		"invalid argument \"x\" for \"--from\"":                    {"replay", "--from", "x"},
	} {
		out, errs := pmctl(t, exitFailed, args...)
		require.Contains(t, errs, want)
		require.True(t, strings.HasPrefix(errs, "pmctl: "), errs)
		require.Empty(t, out)
	}
}

func TestCompletionKnowsVerbsAndForms(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		out, _ := pmctl(t, exitFine, "completion", shell)
		require.Contains(t, out, "pmctl")
	}
	out, _ := pmctl(t, exitFine, "__complete", "status", "-o", "")
	require.Contains(t, out, "table\njson\nyaml\nndjson\n")
}

func TestAnExportImportedAgainIsTheSameLogToTheByte(t *testing.T) {
	dir, to := storyLog(t), filepath.Join(t.TempDir(), "copy")
	file := filepath.Join(t.TempDir(), "log.ndjson")
	_, errs := pmctl(t, exitFine, "log", "export", file, "--data", dir, "--unsigned")
	require.Contains(t, errs, "47 events exported, head revision 46")
	_, errs = pmctl(t, exitFine, "log", "import", file, "--to", to, "--unsigned")
	require.Contains(t, errs, "47 events imported")
	again, _ := pmctl(t, exitFine, "log", "export", "--data", to)
	first, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, bytes.Equal(first, []byte(again)))
	for _, d := range []string{dir, to} {
		out, _ := pmctl(t, exitFine, "replay", "--state", "--data", d)
		require.Contains(t, out, `{"revision":46,`)
	}
}

func TestAnExportOverwritesNothingAndAnImportContinuesNothing(t *testing.T) {
	dir := storyLog(t)
	file := writeFile(t, "log.ndjson", "dear diary")
	_, errs := pmctl(t, exitFailed, "log", "export", file, "--data", dir, "--unsigned")
	require.Contains(t, errs, "file exists")
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "dear diary", string(kept))
	text, _ := pmctl(t, exitFine, "log", "export", "-", "--data", dir)
	_, errs = pmctlIn(t, text, exitFailed, "log", "import", "-", "--to", dir, "--unsigned")
	require.Contains(t, errs, "must be empty")
}

func TestADamagedExportIsAFinding(t *testing.T) {
	text, _ := pmctl(t, exitFine, "log", "export", "--data", storyLog(t))
	bad := strings.Replace(text, `"to":"60075"`, `"to":"60076"`, 1)
	require.NotEqual(t, text, bad)
	_, errs := pmctlIn(t, bad, exitFinding, "log", "import", "-", "--to", t.TempDir(), "--unsigned")
	require.Contains(t, errs, "DATA_CORRUPT: revision 20")
	_, errs = pmctlIn(t, "something else\n", exitFinding, "log", "import", "-", "--to", t.TempDir(), "--unsigned")
	require.Contains(t, errs, "no export in the form pm-log/1")
}

func TestAnEmptyLogHasNoPortfolioAndNoPositions(t *testing.T) {
	dir := t.TempDir()
	log, err := sqlite.Open(dir, "main", "a start that was killed before its first event")
	require.NoError(t, err)
	require.NoError(t, log.Close())
	_, errs := pmctl(t, exitFailed, "portfolio", "--data", dir)
	require.Contains(t, errs, "no portfolio was opened yet")
	out, _ := pmctl(t, exitFine, "positions", "--data", dir)
	require.Equal(t, "no positions\n", out)
	out, _ = pmctl(t, exitFine, "positions", "--data", dir, "-o", "json")
	require.Equal(t, "[]", field(t, out, "positions"))
	out, _ = pmctl(t, exitFine, "replay", "--state", "--data", dir)
	require.Contains(t, out, `{"revision":-1,`)
}
