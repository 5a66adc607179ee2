package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"pm/projections"
)

func TestACauseIsCutWhereACharacterBegins(t *testing.T) {
	for _, text := range []string{strings.Repeat("€", 200), "x" + strings.Repeat("€", 200), "xx" + strings.Repeat("€", 200), "a\xffb", strings.Repeat("a", maxReason)} {
		short := limited(text)
		require.True(t, utf8.ValidString(short), "the log takes nothing else")
		require.LessOrEqual(t, len(short), maxReason+len("..."))
	}
	require.Equal(t, strings.Repeat("a", maxReason), limited(strings.Repeat("a", maxReason)))
	require.Equal(t, "a\uFFFDb", limited("a\xffb"))
}

func TestAnEmbeddedSnapshotThatIsDamagedHaltsAsOneThatDiffers(t *testing.T) {
	data := t.TempDir()
	require.Equal(t, exitStopped, launch(t, "--data", data).stop())
	file := filepath.Join(data, "snapshot", "snapshot.db")
	for _, name := range []string{file + "-wal", file + "-shm"} {
		_ = os.Remove(name) // they are there or not
	}
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("this was a database ", 500)), 0o600))
	code, _, errs := failing(t, "--data", data, "--listen", "127.0.0.1:0")
	requireHalt(t, code, errs, projections.CodeValidationFailed, "pmctl verify --data "+data)
	require.NoError(t, os.RemoveAll(filepath.Join(data, "snapshot")))
	require.Equal(t, exitStopped, launch(t, "--data", data).stop(), "as the hint says")
}
