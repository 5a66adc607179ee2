package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/cmd/internal/installation"
	"pm/eventstore/sqlite"
	"pm/projections"
)

// requireHalt wants exit code 1, with the code and the hint as the last two lines on stderr.
func requireHalt(t *testing.T, code int, errs *console, want, hint string) {
	t.Helper()
	require.Equal(t, exitHalted, code, errs.String())
	last := errs.lastLines(2)
	require.True(t, strings.HasPrefix(last[0], want+": "), last[0])
	require.True(t, strings.HasPrefix(last[1], "hint: "), last[1])
	require.Contains(t, last[1], hint)
}

func TestTheFolderOfALogIsNoDataFolder(t *testing.T) {
	data := t.TempDir()
	require.Zero(t, launch(t, "--data", data).stop())
	inside := filepath.Join(data, "log")
	before, err := os.ReadDir(inside)
	require.NoError(t, err)
	code, _, errs := failing(t, "--data", inside, "--listen", "127.0.0.1:0")
	requireHalt(t, code, errs, "DATA_FOLDER", "--data "+data)
	after, err := os.ReadDir(inside)
	require.NoError(t, err)
	require.Equal(t, names(before), names(after), "nothing is opened inside")
}

func names(entries []os.DirEntry) (out []string) {
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestNothingInADataFolderThatOthersCanReadIsReadableByThem(t *testing.T) {
	data := filepath.Join(t.TempDir(), "shared")
	require.NoError(t, os.Mkdir(data, 0o755))
	r := launch(t, "--data", data)
	require.Equal(t, "accepted", r.post(baseEntry())["status"])
	r.flat()
	require.Zero(t, r.stop())
	entries, err := os.ReadDir(data)
	require.NoError(t, err)
	require.Contains(t, names(entries), "history.db")
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, e.Name())
	}
}

func TestTwoServicesOnOneFolderAreRefusedByTheLock(t *testing.T) {
	data := t.TempDir()
	first := launch(t, "--data", data)
	defer first.stop()
	code, _, errs := failing(t, "--data", data, "--listen", "127.0.0.1:0")
	requireHalt(t, code, errs, codeLogLocked, "one pm runs on this folder already")
	require.Contains(t, errs.lastLines(2)[0], "in use by process ")
}

func TestATakenPortIsSaidWithTheFlagThatHelps(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	data := t.TempDir()
	code, _, errs := failing(t, "--data", data, "--listen", taken.Addr().String())
	requireHalt(t, code, errs, codeListenFailed, "choose another port with --listen "+nextPort(taken.Addr().String()))
	require.NoDirExists(t, filepath.Join(data, "log"), "a start that had no port has made no log")
	require.Equal(t, "127.0.0.1:8081", nextPort("127.0.0.1:8080"))
	require.Equal(t, "127.0.0.1:65535", nextPort("127.0.0.1:65534"))
	require.Equal(t, "[::1]:8081", nextPort("[::1]:65535"))
}

// standingIn reads what the data folder says about the last start.
func standingIn(t *testing.T, data string) (last standing) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, standingFile))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &last))
	return last
}

func TestAStartWithoutAPortSaysSoInTheFolderUnlessAnotherServiceHasIt(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	data := t.TempDir()
	noPort := func() {
		code, _, errs := failing(t, "--data", data, "--listen", taken.Addr().String())
		requireHalt(t, code, errs, codeListenFailed, "choose another port")
	}
	noPort() // a fresh folder
	last := standingIn(t, data)
	require.Equal(t, []string{standingCrashed, codeListenFailed}, []string{last.Status, last.Code})
	require.Contains(t, last.Hint, "choose another port")

	first := launch(t, "--data", data)
	require.Equal(t, standingActive, standingIn(t, data).Status)
	noPort()
	require.Equal(t, standingActive, standingIn(t, data).Status, "the one that has the log is the one that is spoken of")
	first.stop()
	require.Equal(t, standingStopped, standingIn(t, data).Status)
	noPort()
	require.Equal(t, codeListenFailed, standingIn(t, data).Code, "and not how the start before ended")
}

func TestALogOfAnotherPortfolioIsNotContinued(t *testing.T) {
	data := t.TempDir()
	launch(t, "--data", data).stop()
	file := filepath.Join(t.TempDir(), "pm.yaml")
	require.NoError(t, os.WriteFile(file, []byte("portfolio: {id: other}\n"), 0o600))
	code, _, errs := failing(t, "--data", data, "--config", file, "--listen", "127.0.0.1:0")
	requireHalt(t, code, errs, codeWrongPortfolio, "set portfolio.id to main")
}

func TestADamagedLogHaltsAndIsLeftAsItIs(t *testing.T) {
	data := t.TempDir()
	launch(t, "--data", data).stop()
	name := filepath.Join(data, "log", "events.db")
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	at := strings.Index(string(content), `"initial_capital":"5000000"`)
	require.Positive(t, at)
	content[at+len(`"initial_capital":"`)] ^= 1
	require.NoError(t, os.WriteFile(name, content, 0o600))
	code, _, errs := failing(t, "--data", data, "--listen", "127.0.0.1:0")
	requireHalt(t, code, errs, "DATA_CORRUPT", "pmctl log info --data "+data)
	require.Contains(t, errs.lastLines(2)[0], "revision 0")
	log, err := sqlite.OpenReader(filepath.Join(data, "log"))
	require.NoError(t, err)
	defer log.Close()
	head, err := log.Head(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(2), head.Next, "a halt writes nothing")
	reports, _, err := projections.NewReports(os.DirFS(filepath.Join(data, "recovery"))).List("", 10)
	require.NoError(t, err)
	require.Len(t, reports, 1, "what the start found is kept")
	require.Equal(t, projections.Crashed, reports[0].Result)
	require.Equal(t, "DATA_CORRUPT", reports[0].Code)
	last := standingIn(t, data)
	require.Equal(t, standingCrashed, last.Status)
	require.Equal(t, "DATA_CORRUPT", last.Code)
	require.Contains(t, last.Hint, "pmctl log info --data "+data)
}

func TestAHintNamesTheLogWhereverItIs(t *testing.T) {
	s, _ := quiet(t)
	require.Equal(t, "--data "+s.cfg.Data, s.where())
	s.cfg.EventStore.Dir = "/srv/log"
	require.Equal(t, "--eventstore sqlite:///srv/log --data "+s.cfg.Data, s.where(), "the pin stands in the data folder")
}

func TestAnEmptyLogBesideAnOldBookIsRefused(t *testing.T) {
	data := t.TempDir()
	first := launch(t, "--data", data)
	first.post(baseEntry())
	first.flat()
	require.Equal(t, exitStopped, first.stop())
	require.NoError(t, os.RemoveAll(filepath.Join(data, "log")))
	code, _, errs := failing(t, "--data", data, "--listen", "127.0.0.1:0")
	requireHalt(t, code, errs, "DATA_CORRUPT", "pmctl rebuild --data "+data+" --accept-older-log")
	require.NoError(t, os.RemoveAll(filepath.Join(data, "snapshot")))
	code, _, errs = failing(t, "--data", data, "--listen", "127.0.0.1:0")
	requireHalt(t, code, errs, "DATA_CORRUPT", "bring the right log back")
	require.NoError(t, os.Remove(installation.PinFile(data)), "without the pin the broker's book still knows")
	code, _, errs = failing(t, "--data", data, "--listen", "127.0.0.1:0")
	requireHalt(t, code, errs, codeBrokerMismatch, "bring the log back")
}

func TestAFolderThatCannotBeMadeIsAHalt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	code, _, errs := failing(t, "--data", filepath.Join(file, "data"))
	requireHalt(t, code, errs, codeDataFolder, "--data DIR")
}

func TestUsageAndConfigurationEndWithTwoAndEveryProblem(t *testing.T) {
	code, _, errs := failing(t, "--nonsense")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs.String(), "--nonsense")
	require.Contains(t, errs.String(), "Try pm --help.")
	code, _, _ = failing(t, "stray")
	require.Equal(t, exitUsage, code)

	file := filepath.Join(t.TempDir(), "pm.yaml")
	require.NoError(t, os.WriteFile(file, []byte("risk: {peel_off: 7}\nlog: {levl: info}\n"), 0o600))
	data := filepath.Join(t.TempDir(), "data")
	code, _, errs = failing(t, "--config", file, "--listen", "0.0.0.0:1", "--data", data)
	require.Equal(t, exitUsage, code)
	for _, want := range []string{"3 problem(s)", file + " line 1: risk.peel_off", "did you mean log.level?", "flag --listen: listen"} {
		require.Contains(t, errs.String(), want)
	}
	require.NotContains(t, errs.String(), "pm --help", "the list says it all")
	_, err := os.Stat(data)
	require.ErrorIs(t, err, os.ErrNotExist, "nothing is made before the configuration holds")
}

func TestThePrintedConfigurationIsTheEffectiveOne(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	out := &console{}
	p := program{args: []string{"--print-config", "--data", data}, env: []string{"PM_WEBHOOK_SECRETS=0123456789abcdef"}, out: out, errs: &console{}}
	require.Equal(t, exitStopped, p.run(t.Context()))
	require.Contains(t, out.String(), "data: "+data+" # flag --data")
	require.Contains(t, out.String(), `secrets: ["[redacted]"] # variable PM_WEBHOOK_SECRETS`)
	require.NotContains(t, out.String(), "0123456789abcdef")
	_, err := os.Stat(data)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestTheConfigurationFileCanBeNamedByAVariable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pm.yaml")
	require.NoError(t, os.WriteFile(file, []byte("log: {format: json}\n"), 0o600))
	out := &console{}
	p := program{args: []string{"--print-config"}, env: []string{"PM_CONFIG=x", "PM_CONFIG=" + file}, out: out, errs: &console{}}
	require.Equal(t, exitStopped, p.run(t.Context()))
	require.Contains(t, out.String(), "format: json # "+file)
}

func TestTheVersionIsThatOfTheBuild(t *testing.T) {
	code, out, _ := failing(t, "--version")
	require.Equal(t, exitStopped, code)
	require.Equal(t, "pm test\n", out.String())
}
