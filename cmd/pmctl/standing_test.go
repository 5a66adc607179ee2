package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// standsAs writes what pm would have written.
func standsAs(t *testing.T, data string, s standing) {
	t.Helper()
	s.Instance, s.Build, s.Listen = "there", "v2", "127.0.0.1:8080"
	s.Since = time.Date(2026, 1, 5, 4, 0, 0, 0, time.UTC)
	text, err := json.Marshal(s)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(data, standingFile), text, 0o600))
}

// ended is the id of a process that has run and is no more.
func ended(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("true")
	require.NoError(t, cmd.Run())
	return cmd.Process.Pid
}

func TestStatusOfADataFolderSaysHowTheInstanceStands(t *testing.T) {
	data, _ := restarted(t)
	for _, c := range []struct {
		is   standing
		want string
		id   string // the status that instances gives
	}{
		{standing{Status: "active", PID: os.Getpid()}, `(?m)^instance +active since 2026-01-05 09:30:00 IST \(there, process [0-9]+, 127.0.0.1:8080, build v2\)$`, "active"},
		{standing{Status: "recovering", PID: os.Getpid()}, `(?m)^instance +recovering since `, "recovering"},
		{standing{Status: "active", PID: ended(t)}, `(?ms)^instance +gone since .*^it was active, and its process [0-9]+ does not run on this machine`, "gone"},
		{standing{Status: "recovering", PID: ended(t)}, `(?ms)^instance +gone since .*^it was recovering, `, "gone"},
		{standing{Status: "stopped", PID: ended(t)}, `(?m)^instance +stopped since `, "stopped"},
		{standing{Status: "crashed", PID: ended(t), Code: "VALIDATION_FAILED", Message: "VALIDATION_FAILED: x", Hint: "do y"},
			`(?ms)^instance +crashed since .*^VALIDATION_FAILED: x$.^hint: do y$`, "crashed"},
	} {
		standsAs(t, data, c.is)
		out, _ := pmctl(t, exitFine, "status", "--data", data)
		require.Regexp(t, c.want, out)
		require.Regexp(t, `(?m)^positions +1 open`, out)
		out, _ = pmctl(t, exitFine, "instances", "--data", data)
		require.Regexp(t, `(?m)^backtest +ended +1 `, out)
		require.Regexp(t, `(?m)^there +`+c.id+` +2 `, out)
		out, _ = pmctl(t, exitFine, "status", "--data", data, "-o", "json")
		var doc statusDocument
		require.NoError(t, json.Unmarshal([]byte(out), &doc))
		require.Equal(t, c.id, doc.Instance.Status)
		require.Equal(t, c.is.Code, doc.Instance.Code)
	}
}

func TestHowAnInstanceCrashedIsShownAlsoWhereItsLogCannotBeRead(t *testing.T) {
	data, _ := restarted(t)
	standsAs(t, data, standing{Status: "crashed", Code: "DATA_CORRUPT", Message: "DATA_CORRUPT: revision 20: x", Hint: "keep the folder"})
	spoil(t, filepath.Join(data, "log"), `"to":"60075"`, `"to":"60076"`)
	out, errs := pmctl(t, exitFinding, "status", "--data", data)
	require.Contains(t, out, "hint: keep the folder")
	require.Contains(t, errs, "DATA_CORRUPT: revision 20")
}

func TestAStatusFileThatIsNoneIsNotTakenForOne(t *testing.T) {
	data, _ := restarted(t)
	file := filepath.Join(data, standingFile)
	for _, text := range []string{"dear diary", string(make([]byte, maxStanding+1))} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		for _, verb := range []string{"status", "instances"} {
			_, errs := pmctl(t, exitFailed, verb, "--data", data)
			require.Contains(t, errs, "is no status of pm")
		}
	}
	require.NoError(t, os.Remove(file))
	out, _ := pmctl(t, exitFine, "instances", "--data", data)
	require.Contains(t, out, "last writer")
	require.False(t, running(0))
	require.False(t, running(-1), "no group of processes is meant")
}
