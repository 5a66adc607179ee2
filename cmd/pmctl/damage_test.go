package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/cmd/internal/installation"
	"pm/cmd/internal/stores"
	"pm/eventstore"
	"pm/eventstore/sqlite"
	"pm/projections"
)

// spoil changes the bytes of a log's file behind everybody's back.
func spoil(t *testing.T, dir, was, is string) {
	t.Helper()
	file := filepath.Join(dir, "events.db")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), was)
	require.NoError(t, os.WriteFile(file, bytes.ReplaceAll(text, []byte(was), []byte(is)), 0o600))
}

func TestVerifyNamesTheFirstBadRevisionAndTheLastGoodOne(t *testing.T) {
	s := storyWithSnapshot(t)
	spoil(t, s.data, `"to":"60075"`, `"to":"60076"`)
	out, errs := s.run(t, exitFinding, "verify")
	require.Contains(t, errs, "pmctl: DATA_CORRUPT: revision 20")
	goldenRun(t, "verify-corrupt.txt", out)
	_, errs = s.run(t, exitFinding, "snapshot", "diff")
	require.Contains(t, errs, "pmctl: DATA_CORRUPT: revision 20")
	_, errs = s.run(t, exitFinding, "rebuild")
	require.Contains(t, errs, "DATA_CORRUPT: revision 20")
}

func TestALogWhoseFirstRecordIsBadHasNoGoodOne(t *testing.T) {
	dir := storyLog(t)
	spoil(t, dir, `"currency":"INR"`, `"currency":"INX"`)
	out, _ := pmctl(t, exitFinding, "verify", "--data", dir)
	require.Regexp(t, `(?m)^first bad +revision 0\nlast good +none$`, out)
}

func TestVerifyChecksIDsThatAStartDoesNot(t *testing.T) {
	log, err := sqlite.OpenReader(storyLog(t))
	require.NoError(t, err)
	var all []eventstore.Record
	require.NoError(t, log.Read(t.Context(), 0, func(r []eventstore.Record) error { all = append(all, r...); return nil }))
	require.NoError(t, log.Close())
	last := &all[len(all)-1]
	ids := regexp.MustCompile(`"id":"[0-9a-f]`)
	last.Meta = ids.ReplaceAll(last.Meta, []byte(`"id":"g`))
	last.Meta = bytes.Replace(last.Meta, []byte(`"id":"g`), []byte(`"id":"0`), 1)
	require.NotContains(t, string(last.Meta), `"id":"g`)
	last.Hash = eventstore.HashOf(last.Meta, last.Data)
	s := &withSnapshot{data: filepath.Join(t.TempDir(), "log"), memory: storyWithSnapshot(t).memory}
	forged, err := sqlite.Open(s.data, "backtest", "forger")
	require.NoError(t, err)
	require.NoError(t, forged.Append(t.Context(), eventstore.Empty("backtest"), all))
	require.NoError(t, forged.Close())

	out, errs := pmctl(t, exitFinding, "verify", "--data", s.data, "--snapshot", "none")
	require.Contains(t, errs, "pmctl: DATA_CORRUPT: revision 46")
	require.Contains(t, errs, "its id is 0")
	require.Contains(t, errs, "a start does not look at ids")
	require.Regexp(t, `(?m)^last good +revision 45$`, out)
	out, _ = pmctl(t, exitFinding, "verify", "--data", s.data, "--snapshot", "none", "-o", "json")
	require.Equal(t, `"DATA_CORRUPT"`, field(t, out, "code"))
	require.Equal(t, `"crashed"`, field(t, out, "result"))
	out, errs = s.run(t, exitFinding, "verify")
	require.Contains(t, errs, "DATA_CORRUPT: the snapshot was folded from event", "a start sees another log; that comes first")
	require.Contains(t, out, "WARNING DATA_CORRUPT: revision 46: its id is 0")
	require.NotContains(t, out, "unbroken")
}

func TestVerifyHoldsTheLogAgainstTheHeadThatIsPinnedOutsideIt(t *testing.T) {
	data := t.TempDir()
	pmctl(t, exitFine, "backtest", "testdata/story.ndjson", "--log", filepath.Join(data, "log"))
	out, _ := pmctl(t, exitFine, "verify", "--data", data)
	require.Contains(t, out, "not held against any: there is no "+installation.PinFile(data), "nothing was pinned yet")
	log, err := sqlite.OpenReader(filepath.Join(data, "log"))
	require.NoError(t, err)
	head, err := log.Head(t.Context())
	require.NoError(t, errors.Join(err, log.Close()))
	key, err := installation.LoadOrCreate(data)
	require.NoError(t, err)
	require.NoError(t, installation.WritePin(key, data, "backtest", head))
	out, _ = pmctl(t, exitFine, "verify", "--data", data)
	require.Regexp(t, `(?m)^pinned head +revision 46, the log still has it$`, out)

	head.Next += 3
	require.NoError(t, installation.WritePin(key, data, "backtest", head))
	out, errs := pmctl(t, exitFinding, "verify", "--data", data)
	require.Contains(t, errs, "pmctl: DATA_CORRUPT: the pinned head: ")
	require.Contains(t, errs, "it once went up to revision 49")
	require.Contains(t, errs, "remove "+installation.PinFile(data))
	require.Regexp(t, `(?m)^head +revision 46, `, out, "up to its end it is sound")
	require.NotContains(t, out, "the log still has it")

	other, err := installation.LoadOrCreate(t.TempDir())
	require.NoError(t, err)
	head.Next -= 3
	require.NoError(t, installation.WritePin(other, data, "backtest", head))
	_, errs = pmctl(t, exitFinding, "verify", "--data", data)
	require.Contains(t, errs, "DATA_CORRUPT: the pinned head: "+installation.PinFile(data)+": the signature does not hold: key "+string(other.ID())+" signed it")
}

func TestAFileThatIsNoSnapshotIsAFindingAndTheLogIsVerifiedAllTheSame(t *testing.T) {
	data := t.TempDir()
	pmctl(t, exitFine, "backtest", "testdata/story.ndjson", "--log", filepath.Join(data, "log"))
	file := filepath.Join(data, "snapshot", stores.SnapshotFile)
	pmctl(t, exitFine, "rebuild", "--data", data)
	require.NoError(t, os.WriteFile(file, bytes.Repeat([]byte("dear diary\n"), 1000), 0o600))
	out, errs := pmctl(t, exitFinding, "verify", "--data", data)
	require.Contains(t, errs, "pmctl: VALIDATION_FAILED: open the snapshot")
	require.Contains(t, errs, "move it away, and let `pmctl rebuild --data "+data+"` make it anew")
	require.Contains(t, out, "revision 46")
	for _, verb := range [][]string{{"snapshot", "show"}, {"snapshot", "diff"}, {"rebuild"}} {
		_, errs = pmctl(t, exitFinding, append(verb, "--data", data)...)
		require.Contains(t, errs, "VALIDATION_FAILED: ", "%v", verb)
	}
	require.NoError(t, os.Remove(file))
	pmctl(t, exitFine, "rebuild", "--data", data)
	pmctl(t, exitFine, "verify", "--data", data)
}

func TestASnapshotOfADatabaseIsNotTakenForTheOneInTheDataFolder(t *testing.T) {
	data := t.TempDir()
	pmctl(t, exitFine, "backtest", "testdata/story.ndjson", "--log", filepath.Join(data, "log"))
	pmctl(t, exitFine, "rebuild", "--data", data)
	require.NoError(t, os.Mkdir(filepath.Join(data, "recovery"), 0o700))
	report := projections.Report{Portfolio: "backtest", SnapshotPlace: "postgres://db:5432/pm"}
	require.NoError(t, os.WriteFile(filepath.Join(data, "recovery", "20260105T040000.000000000Z.json"), report.JSON(), 0o600))
	const told = "the last start had its snapshot in postgres://db:5432/pm: name it with --snapshot or --config"
	before := folderHash(t, data)
	for _, verb := range [][]string{{"snapshot", "show"}, {"snapshot", "diff"}, {"rebuild"}, {"migrate", "up"}, {"migrate", "status"}} {
		_, errs := pmctl(t, exitFailed, append(verb, "--data", data)...)
		require.Contains(t, errs, told, "%v", verb)
	}
	out, errs := pmctl(t, exitFailed, "verify", "--data", data)
	require.Contains(t, errs, "the log verifies, and nothing was compared with it: "+told)
	require.Contains(t, out, "not compared: the last start")
	require.Equal(t, before, folderHash(t, data))
	for _, named := range []string{"none", "sqlite://" + filepath.Join(data, "snapshot")} {
		pmctl(t, exitFine, "verify", "--data", data, "--snapshot", named)
	}
	report.SnapshotPlace = filepath.Join(data, "snapshot", stores.SnapshotFile)
	require.NoError(t, os.WriteFile(filepath.Join(data, "recovery", "20260106T040000.000000000Z.json"), report.JSON(), 0o600))
	out, _ = pmctl(t, exitFine, "verify", "--data", data)
	require.Contains(t, out, "agrees at revision 46", "the latest start counts")
}
