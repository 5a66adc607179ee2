package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/cmd/internal/installation"
	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/esdb/esdbtest"
	"pm/eventstore/sqlite"
)

// impossibleExport is an export whose every record is sound and whose first event no log can begin with.
func impossibleExport(t *testing.T) string {
	t.Helper()
	log := eventstore.NewMemory("backtest")
	t.Cleanup(func() { _ = log.Close() })
	s := eventstore.NewSealer(eventstore.Empty("backtest"), logStart, eventstore.Author{Portfolio: "backtest", Instance: "x", Build: "x", Epoch: 1})
	rec, _, err := s.Seal(eventstore.Draft{Event: &domain.AlarmRaised{Code: "x"}, At: logStart})
	require.NoError(t, err)
	require.NoError(t, log.Append(t.Context(), eventstore.Empty("backtest"), []eventstore.Record{rec}))
	var text bytes.Buffer
	_, err = eventstore.Export(t.Context(), log, &text)
	require.NoError(t, err)
	return writeFile(t, "impossible.ndjson", text.String())
}

func TestAnImportMakesNoLogThatNoStartWouldAccept(t *testing.T) {
	file, to := impossibleExport(t), filepath.Join(t.TempDir(), "log")
	_, errs := pmctl(t, exitFinding, "log", "import", file, "--unsigned", "--to", to)
	require.Contains(t, errs, "impossible event")
	require.NoDirExists(t, to)
	require.NoDirExists(t, to+stagingSuffix, "a file is checked whole before anything is made")
	_, errs = pmctlIn(t, string(read(t, file)), exitFinding, "log", "import", "-", "--unsigned", "--to", to)
	require.Contains(t, errs, "impossible event")
	require.Contains(t, errs, "rm -r "+to+stagingSuffix)
	require.NoDirExists(t, to)
}

func TestAnImportSaysWhoSignedAndTakesAStrangersFileOnlyWhenTold(t *testing.T) {
	data, key := storyData(t)
	file, server := exportOf(t, data), esdbtest.Start(t, esdbtest.Options{})
	for name, target := range map[string][]string{
		"a folder":        {"--to", filepath.Join(t.TempDir(), "log")},
		"across the wire": {"--to", server.URL(), "--data", filepath.Join(t.TempDir(), "data")},
	} {
		args := append([]string{"log", "import", file}, target...)
		_, errs := pmctl(t, exitFinding, args...)
		require.Contains(t, errs, "key "+string(key.ID())+" signed it, and no installation that is known here has that key", name)
		require.Contains(t, errs, "--key FILE", name)
		require.Contains(t, errs, "--any-signer", name)
		require.NoDirExists(t, target[len(target)-1], "nothing is made, nor pinned")
		_, errs = pmctl(t, exitFine, append(args, "--any-signer")...)
		require.Contains(t, errs, "not proven: who signed: key "+string(key.ID()), name)
	}
	home := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(home, "keys"), os.DirFS(filepath.Join(data, "keys"))))
	_, errs := pmctl(t, exitFine, "log", "import", file, "--to", filepath.Join(home, "log"))
	require.Contains(t, errs, "which is the trusted one ("+installation.PublicFile(home)+")", "its own export comes home")
	_, errs = pmctl(t, exitFine, "log", "import", file, "--to", filepath.Join(t.TempDir(), "log"), "--key", installation.PublicFile(data))
	require.Contains(t, errs, "which is the trusted one (--key ")
	_, errs = pmctl(t, exitFine, "log", "import", file, "--to", filepath.Join(t.TempDir(), "log"), "--unsigned")
	require.Contains(t, errs, "not signed: ")
}

func TestASpoiltFolderOfAnEarlierImportIsNamedAndNotTakenForTheExportsFault(t *testing.T) {
	data, _ := storyData(t)
	file := exportOf(t, data)
	base := t.TempDir()
	to := filepath.Join(base, "log")
	args := []string{"log", "import", file, "--to", to, "--key", installation.PublicFile(data)}
	for name, spoil := range map[string]func(staging string){
		"no database": func(staging string) {
			require.NoError(t, os.MkdirAll(staging, 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(staging, "events.db"), bytes.Repeat([]byte("torn "), 2000), 0o600))
		},
		"a changed record": func(staging string) {
			require.NoError(t, os.CopyFS(staging, os.DirFS(filepath.Join(data, "log"))))
			damage(t, staging, `"to":"60075"`, `"to":"60076"`)
		},
	} {
		spoil(to + stagingSuffix)
		_, errs := pmctl(t, exitFinding, args...)
		require.Contains(t, errs, "the export is sound", name)
		require.Contains(t, errs, "rm -r "+to+stagingSuffix, name)
		require.NoDirExists(t, to, name)
		require.NoError(t, os.RemoveAll(to+stagingSuffix))
	}
	log, err := sqlite.Open(to+stagingSuffix, "backtest", "another import")
	require.NoError(t, err)
	_, errs := pmctl(t, exitFailed, args...)
	require.Contains(t, errs, "in use by process")
	require.NotContains(t, errs, "rm -r", "another import is at work there")
	require.NoError(t, log.Close())
	pmctl(t, exitFine, args...)
}

func TestAnExportWithoutEventsIsNotImported(t *testing.T) {
	file := writeFile(t, "empty.ndjson", `{"format":"pm-log/1","portfolio":"backtest"}`+"\n")
	server, next := esdbtest.Start(t, esdbtest.Options{}), filepath.Join(t.TempDir(), "data")
	for _, target := range [][]string{{"--to", filepath.Join(t.TempDir(), "log")}, {"--to", server.URL(), "--data", next}} {
		_, errs := pmctl(t, exitFailed, append([]string{"log", "import", file, "--unsigned"}, target...)...)
		require.Contains(t, errs, "holds no event")
	}
	to := filepath.Join(t.TempDir(), "log")
	_, errs := pmctlIn(t, string(read(t, file)), exitFailed, "log", "import", "-", "--unsigned", "--to", to)
	require.Contains(t, errs, "remove "+to+stagingSuffix)
	require.NoDirExists(t, next, "a pin of no head could never be satisfied")
}
