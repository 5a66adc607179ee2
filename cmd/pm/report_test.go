package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/cmd/internal/installation"
	"pm/eventstore/signature"
)

func testKey(t *testing.T) *signature.Key {
	t.Helper()
	key, err := installation.LoadOrCreate(t.TempDir())
	require.NoError(t, err)
	return key
}

func TestReportsAreKeptUpToTheirLimitTheNewestOnesEachWithItsSignature(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	name := func(at time.Time) string { return filepath.Join(dir, at.Format(reportTime)+reportSuffix) }
	orphan := name(at.Add(-time.Hour)) + signature.Suffix
	require.NoError(t, os.WriteFile(orphan, nil, 0o600))
	for i := range maxReports {
		require.NoError(t, os.WriteFile(name(at.Add(time.Duration(i))), nil, 0o600))
		require.NoError(t, os.WriteFile(name(at.Add(time.Duration(i)))+signature.Suffix, nil, 0o600))
	}
	key := testKey(t)
	kept, err := keepReport(dir, at.Add(time.Hour), []byte("{}\n"), key)
	require.NoError(t, err)
	require.Equal(t, name(at.Add(time.Hour)), kept)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Len(t, files, 2*maxReports)
	require.NoFileExists(t, orphan, "a crash between a signature and its report leaves nothing for ever")
	require.NotContains(t, files, name(at), "the oldest is gone")
	require.NotContains(t, files, name(at)+signature.Suffix, "and its signature")
	text, err := os.ReadFile(name(at.Add(time.Hour)))
	require.NoError(t, err)
	require.Equal(t, "{}\n", string(text))
	signed, err := installation.ReadSideFile(name(at.Add(time.Hour)) + signature.Suffix)
	require.NoError(t, err)
	require.Equal(t, signature.OfFile(signature.OfReport, text).By(key.ID()), signed.Statement)
}

func TestAnInstallationSignsEveryStartWithTheSameKey(t *testing.T) {
	data := t.TempDir()
	for range 3 {
		require.Equal(t, exitStopped, launch(t, "--data", data).stop())
	}
	key, err := installation.Load(data)
	require.NoError(t, err)
	reports, err := filepath.Glob(filepath.Join(data, "recovery", "*"+reportSuffix))
	require.NoError(t, err)
	require.Len(t, reports, 2)
	for _, name := range reports {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		signed, err := installation.ReadSideFile(name + signature.Suffix)
		require.NoError(t, err)
		require.Equal(t, signature.OfFile(signature.OfReport, text).By(key.ID()), signed.Statement)
	}
}

func TestAKeyThatOthersCanReadEndsTheStartWithTheCommandThatMendsIt(t *testing.T) {
	data := t.TempDir()
	first := launch(t, "--data", data)
	head := first.get("/api/v1/portfolio")["revision"]
	first.stop()
	key := installation.PrivateFile(data)
	require.NoError(t, os.Chmod(key, 0o644))
	errs := &console{}
	p := program{args: []string{"--listen", "127.0.0.1:0", "--data", data}, out: &console{}, errs: errs, build: "test"}
	require.Equal(t, exitHalted, p.run(t.Context()))
	last := errs.lastLines(2)
	require.Contains(t, last[0], codeInstallationKey)
	require.Contains(t, last[1], "hint: run `chmod 600 "+key+"`")
	require.NoError(t, os.Chmod(key, 0o600))
	second := launch(t, "--data", data)
	require.Equal(t, []string{"LeaderEpochStarted", "RecoveryCompleted"}, second.types(int(head.(float64))+1), "the refused start wrote nothing")
	require.Equal(t, exitStopped, second.stop())
}
