package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/cmd/internal/installation"
	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/signature"
	"pm/eventstore/sqlite"
)

var logStart = time.Date(2026, 1, 5, 4, 0, 0, 0, time.UTC)

// storyData is a data folder with the story's log and a key.
func storyData(t *testing.T) (data string, key *signature.Key) {
	t.Helper()
	data = t.TempDir()
	pmctl(t, exitFine, "backtest", "testdata/story.ndjson", "--fee", "0.0005", "--log", filepath.Join(data, "log"))
	key, err := installation.LoadOrCreate(data)
	require.NoError(t, err)
	return data, key
}

// exportOf is the signed export of a data folder.
func exportOf(t *testing.T, data string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "log.ndjson")
	pmctl(t, exitFine, "log", "export", file, "--data", data)
	return file
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return text
}

func TestAnExportIsSignedAndVerifiesWithoutTheLog(t *testing.T) {
	data, key := storyData(t)
	file := filepath.Join(t.TempDir(), "log.ndjson")
	_, errs := pmctl(t, exitFine, "log", "export", file, "--data", data)
	require.Contains(t, errs, "signed by key "+string(key.ID()))
	again := exportOf(t, data)
	require.Equal(t, read(t, file), read(t, again))
	require.Equal(t, read(t, file+".sig"), read(t, again+".sig"), "two exports of one log are the same, the signature too")

	out, _ := pmctl(t, exitFine, "log", "verify", file)
	require.Contains(t, out, "verifies: 47 events")
	require.Contains(t, out, "not proven: who signed: key "+string(key.ID()))
	out, _ = pmctl(t, exitFine, "log", "verify", file, "--key", installation.PublicFile(data))
	require.NotContains(t, out, "not proven")
	out, _ = pmctl(t, exitFine, "log", "verify", file, "--data", data, "-o", "json")
	require.Contains(t, out, `"key_trusted": true`)
	log, _ := pmctl(t, exitFine, "log", "verify", "--data", data, "-o", "json")
	for _, name := range []string{"events", "head_revision", "head_hash", "state_digest"} {
		require.Equal(t, field(t, log, name), field(t, out, name), "the file and the log are the same")
	}
	other, err := installation.LoadOrCreate(t.TempDir())
	require.NoError(t, err)
	_, errs = pmctl(t, exitFinding, "log", "verify", file, "--key", string(other.ID()))
	require.Contains(t, errs, "not the trusted key")
}

// strangersExport is a part of an export that another installation has signed.
func strangersExport(t *testing.T, file string) string {
	t.Helper()
	stranger, err := installation.LoadOrCreate(t.TempDir())
	require.NoError(t, err)
	lines := bytes.SplitAfter(read(t, file), []byte("\n"))
	cut := writeFile(t, "cut.ndjson", string(bytes.Join(lines[:2], nil)))
	found, err := newTool("").c.checkExport(t.Context(), bytes.NewReader(read(t, cut)), 0)
	require.NoError(t, err)
	require.NoError(t, installation.SignFile(stranger, cut, signature.OfLog(found.portfolio, found.head)))
	return cut
}

func TestAStrangersSignatureIsNoProofForAFolderThatHasNoKeyToTell(t *testing.T) {
	data, key := storyData(t)
	file := exportOf(t, data)
	cut := strangersExport(t, file)
	pmctl(t, exitFinding, "log", "verify", cut, "--data", data)
	require.NoError(t, os.Remove(installation.PublicFile(data)))
	_, errs := pmctl(t, exitFinding, "log", "verify", cut, "--data", data)
	require.Contains(t, errs, "not the trusted key "+string(key.ID())+" ("+installation.PrivateFile(data)+")", "the private half tells as well")
	out, _ := pmctl(t, exitFine, "log", "verify", file, "--data", data)
	require.NotContains(t, out, "not proven")

	require.NoError(t, os.RemoveAll(filepath.Dir(installation.PublicFile(data))))
	elsewhere := filepath.Join(t.TempDir(), "no", "such", "folder")
	for _, signed := range []string{cut, file} {
		_, errs = pmctl(t, exitFailed, "log", "verify", signed, "--data", data)
		require.Contains(t, errs, "there is no key of an installation ("+installation.PublicFile(data)+")")
		require.Contains(t, errs, "name pm's own data folder with --data, or the key that you trust with --key")
		_, errs = pmctl(t, exitFailed, "log", "verify", signed, "--data", elsewhere)
		require.Contains(t, errs, "there is no folder "+elsewhere)
		pmctl(t, exitFailed, "log", "verify", signed, "--key", installation.PublicFile(data))
		out, _ = pmctl(t, exitFine, "log", "verify", signed)
		require.Contains(t, out, "not proven: who signed", "where nobody was named, that is said")
	}
	pmctl(t, exitFine, "log", "verify", file, "--data", data, "--unsigned")
}

func TestAChangedByteOfAnExportOrItsSignatureIsAFindingThatSaysWhere(t *testing.T) {
	data, _ := storyData(t)
	file := exportOf(t, data)
	itself := file + " itself is good up to revision 46 (hash " + headOf(t, filepath.Join(data, "log")).Hash.String() + "), its end, and nothing tells whether more followed"
	for name, want := range map[string]string{file: "DATA_CORRUPT: revision ", file + ".sig": "the signature does not hold"} {
		text := read(t, name)
		behindFirstLine := (bytes.IndexByte(text, '\n') + 1) % len(text) // a side file has one line only
		for i := behindFirstLine; i < len(text); i += 191 {
			bad := bytes.Clone(text)
			bad[i] ^= 1 << (i % 8)
			require.NoError(t, os.WriteFile(name, bad, 0o600))
			_, errs := pmctl(t, exitFinding, "log", "verify", file)
			require.Contains(t, errs, want, "byte %d", i)
			if name == file {
				require.Contains(t, errs, "good")
			} else {
				require.Contains(t, errs, itself, "byte %d", i)
			}
		}
		require.NoError(t, os.WriteFile(name, text, 0o600))
	}
	text := read(t, file)
	for i := range bytes.IndexByte(text, '\n') {
		bad := bytes.Clone(text)
		bad[i] ^= 1
		require.NoError(t, os.WriteFile(file, bad, 0o600))
		_, errs := pmctl(t, exitFinding, "log", "verify", file)
		require.Regexp(t, "no export in the form.*; it stands before revision 0, so no revision was looked at|DATA_CORRUPT: revision 0: .*; no revision before it is good",
			errs, "byte %d of the first line", i)
	}
}

func TestOfABrokenSignatureAndABrokenExportBothPlacesAreSaid(t *testing.T) {
	data, _ := storyData(t)
	file := exportOf(t, data)
	text := read(t, file)
	require.NoError(t, os.WriteFile(file+".sig", nil, 0o600))
	lines := bytes.SplitAfter(text, []byte("\n"))
	for want, bad := range map[string][]byte{
		"DATA_CORRUPT: revision 1: ":                        append(bytes.Join(lines[:2], nil), lines[3]...),
		"the last good one is revision 0 ":                  append(bytes.Join(lines[:2], nil), lines[3]...),
		"it stands before revision 0, so no revision":       text[1:],
		file + " itself holds no revision":                  lines[0],
		file + " itself is good up to revision 3 (hash ":    bytes.Join(lines[:5], nil),
		"and nothing tells whether more followed":           bytes.Join(lines[:5], nil),
		"the signature does not hold: the side file is not": text,
	} {
		require.NoError(t, os.WriteFile(file, bad, 0o600))
		_, errs := pmctl(t, exitFinding, "log", "verify", file)
		require.Contains(t, errs, want)
		require.Contains(t, errs, "the signature does not hold")
	}
	require.NoError(t, os.Remove(file))
	_, errs := pmctl(t, exitFinding, "log", "verify", file)
	require.Contains(t, errs, "no revision was looked at")
}

func TestAnExportThatWasCutShowsByItsSignature(t *testing.T) {
	data, _ := storyData(t)
	file := exportOf(t, data)
	lines := bytes.SplitAfter(read(t, file), []byte("\n"))
	for n := 1; n < len(lines)-1; n++ {
		require.NoError(t, os.WriteFile(file, bytes.Join(lines[:n], nil), 0o600))
		_, errs := pmctl(t, exitFinding, "log", "verify", file)
		require.Contains(t, errs, "up to revision 46 with hash")
		require.Contains(t, errs, fmt.Sprintf("pmctl: %s: cut: ends at revision %d of 46: ", file, max(n-2, 0)))
		pmctl(t, exitFine, "log", "verify", file, "--unsigned") // which is what --unsigned gives up
	}
	require.NoError(t, os.WriteFile(file, bytes.Join(lines, nil)[:5000], 0o600))
	_, errs := pmctl(t, exitFinding, "log", "verify", file)
	require.Contains(t, errs, "cut in the middle of a line; the last good one is revision 1 ")
}

func TestAnExportWithoutASignatureHasToBeAccepted(t *testing.T) {
	data, _ := storyData(t)
	file := exportOf(t, data)
	require.NoError(t, os.Remove(file+".sig"))
	for _, args := range [][]string{{"log", "verify", file}, {"log", "import", file, "--to", filepath.Join(t.TempDir(), "x")}} {
		_, errs := pmctl(t, exitFailed, args...)
		require.Contains(t, errs, "log.ndjson is not signed: there is no "+file+".sig; --unsigned takes it")
	}
	out, _ := pmctl(t, exitFine, "log", "verify", file, "--unsigned")
	require.Contains(t, out, "not signed: a part that was cut off at the end would not show")
	_, errs := pmctlIn(t, string(read(t, file)), exitFailed, "log", "verify", "-")
	require.Contains(t, errs, "--unsigned")
	pmctlIn(t, string(read(t, file)), exitFine, "log", "verify", "-", "--unsigned")
}

func TestAnExportNeedsAKeyAndLeavesNothingHalfDone(t *testing.T) {
	data, key := storyData(t)
	keys := filepath.Dir(installation.PrivateFile(data))
	file := filepath.Join(t.TempDir(), "log.ndjson")
	require.NoError(t, os.Rename(keys, keys+".away"))
	_, errs := pmctl(t, exitFailed, "log", "export", file, "--data", data)
	require.Contains(t, errs, "this installation has no key")
	require.Contains(t, errs, "pm makes one when it starts")
	require.NoFileExists(t, file)
	require.NoError(t, installation.WritePin(key, data, "backtest", headOf(t, filepath.Join(data, "log"))))
	_, errs = pmctl(t, exitFailed, "log", "export", file, "--data", data)
	require.Contains(t, errs, "this folder had one, which signed "+installation.PinFile(data)+": bring keys/ back from a backup")
	require.NotContains(t, errs, "pm makes one", "it does not where a pin says that there was one")
	require.NoError(t, os.Remove(installation.PinFile(data)))
	_, errs = pmctl(t, exitFailed, "log", "export", file, "--data", t.TempDir())
	require.Contains(t, errs, "there is no log here", "said before the key, which is not there either")
	require.NotContains(t, errs, "key")
	require.NoDirExists(t, keys, "pmctl makes no key")
	elsewhere := t.TempDir()
	require.NoError(t, os.Rename(keys+".away", filepath.Join(elsewhere, "keys")))
	_, errs = pmctl(t, exitFine, "log", "export", file, "--data", data, "--installation", elsewhere)
	require.Contains(t, errs, string(key.ID()))
	require.NoError(t, os.Remove(file))
	_, errs = pmctl(t, exitFailed, "log", "export", file, "--data", data, "--installation", elsewhere)
	require.Contains(t, errs, "log.ndjson.sig: file already exists")
	require.NoFileExists(t, file)
	require.NoError(t, os.Remove(file+".sig"))
	damage(t, filepath.Join(data, "log"), `"to":"60075"`, `"to":"60076"`)
	_, errs = pmctl(t, exitFinding, "log", "export", file, "--data", data, "--unsigned")
	require.Contains(t, errs, "DATA_CORRUPT: revision 20")
	require.Contains(t, errs, "the last good one is revision 19 ")
	require.NoFileExists(t, file)
}

func TestAFileThatIsNotThereIsNoUnsignedOne(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.ndjson")
	for _, args := range [][]string{
		{"log", "verify", none}, {"log", "import", none, "--to", filepath.Join(t.TempDir(), "x")}, {"recovery", "verify", none},
		{"log", "verify", none, "--unsigned"},
	} {
		_, errs := pmctl(t, exitFailed, args...)
		require.Contains(t, errs, "none.ndjson: no such file", args)
		require.NotContains(t, errs, "not signed")
	}
}

func TestAFileThatIsNoPublicKeyIsSaidToBeNoneAndNobodyIsToldToMoveTheKeyAway(t *testing.T) {
	data, _ := storyData(t)
	file := exportOf(t, data)
	for named, says := range map[string]string{
		installation.PrivateFile(data): "it is a PRIVATE KEY, and a PUBLIC KEY belongs there", file: "it is too long for a key", file + ".sig": "it is no PUBLIC KEY in PEM",
	} {
		for _, args := range [][]string{{"log", "verify", file}, {"log", "import", file, "--to", filepath.Join(t.TempDir(), "x")}} {
			_, errs := pmctl(t, exitFailed, append(args, "--key", named)...)
			require.Contains(t, errs, "--key "+named+": "+says)
			require.Contains(t, errs, "one PEM block that begins with -----BEGIN PUBLIC KEY-----, as installation.pub in the folder keys/")
			require.NotContains(t, errs, "move it away")
		}
	}
}

func TestAnImportThatIsNotWholeIsNeverTakenForALog(t *testing.T) {
	data, _ := storyData(t)
	file := exportOf(t, data)
	whole := read(t, file)
	to := filepath.Join(t.TempDir(), "log")
	lines := bytes.SplitAfter(whole, []byte("\n"))
	require.NoError(t, os.WriteFile(file, bytes.Join(lines[:30], nil), 0o600))
	_, errs := pmctl(t, exitFinding, "log", "import", file, "--to", to, "--key", installation.PublicFile(data))
	require.Contains(t, errs, "signed was pm-log/1")
	require.NoDirExists(t, to)
	require.NoDirExists(t, to+stagingSuffix, "nothing is made of a file that was cut")
	head, err := fill(t.Context(), bytes.NewReader(read(t, file)), to+stagingSuffix) // an import of the whole that was interrupted
	require.NoError(t, err)
	require.Equal(t, uint64(29), head.Next)

	require.NoError(t, os.WriteFile(file, whole, 0o600))
	require.NoError(t, os.Mkdir(to, 0o700), "an empty folder is as good as none")
	_, errs = pmctl(t, exitFine, "log", "import", file, "--to", "sqlite://"+to, "--key", installation.PublicFile(data))
	require.Contains(t, errs, "47 events imported into "+to)
	require.NoDirExists(t, to+stagingSuffix)
	back, _ := pmctl(t, exitFine, "log", "export", "--data", to)
	require.Equal(t, string(whole), back)
	_, errs = pmctl(t, exitFailed, "log", "import", file, "--to", to, "--key", installation.PublicFile(data))
	require.Contains(t, errs, "must be empty")
}

func TestAnImportGoesOnlyOnWithItsOwnBeginning(t *testing.T) {
	data, _ := storyData(t)
	file := exportOf(t, data)
	to := filepath.Join(t.TempDir(), "log")
	log, err := sqlite.Open(to+stagingSuffix, "backtest", "test")
	require.NoError(t, err)
	other := eventstore.NewSealer(eventstore.Empty("backtest"), logStart, eventstore.Author{Portfolio: "backtest", Instance: "x", Build: "x", Epoch: 1})
	rec, _, err := other.Seal(eventstore.Draft{Event: &domain.AlarmRaised{Code: "x"}, At: logStart})
	require.NoError(t, err)
	require.NoError(t, log.Append(t.Context(), eventstore.Empty("backtest"), []eventstore.Record{rec}))
	require.NoError(t, log.Close())
	_, errs := pmctl(t, exitFailed, "log", "import", file, "--to", to, "--key", installation.PublicFile(data))
	require.Contains(t, errs, "an earlier import left "+to+stagingSuffix)
	require.NoDirExists(t, to)
}

func TestALogWithAForeignIDIsAFindingOfVerify(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	log, err := sqlite.Open(dir, "main", "test")
	require.NoError(t, err)
	s := eventstore.NewSealer(eventstore.Empty("main"), logStart, eventstore.Author{Portfolio: "main", Instance: "x", Build: "x", Epoch: 1})
	rec, got, err := s.Seal(eventstore.Draft{Event: &domain.AlarmRaised{Code: "x"}, At: logStart})
	require.NoError(t, err)
	rec.Meta = []byte(strings.ReplaceAll(string(rec.Meta), string(got.ID), string(domain.NewEventID("main", 9, nil))))
	rec.Hash = eventstore.HashOf(rec.Meta, rec.Data)
	require.NoError(t, log.Append(t.Context(), eventstore.Empty("main"), []eventstore.Record{rec}))
	require.NoError(t, log.Close())
	_, errs := pmctl(t, exitFinding, "log", "verify", "--data", dir)
	require.Contains(t, errs, "DATA_CORRUPT: revision 0: its id is")
}

func TestALogThatLostItsPinnedHeadIsAFindingOfVerify(t *testing.T) {
	data, key := storyData(t)
	out, _ := pmctl(t, exitFine, "log", "verify", "--data", data)
	require.Contains(t, out, "not held against any pinned head: there is no "+installation.PinFile(data))
	head := headOf(t, filepath.Join(data, "log"))
	require.NoError(t, installation.WritePin(key, data, "backtest", head))
	out, _ = pmctl(t, exitFine, "log", "verify", "--data", data)
	require.Contains(t, out, "the log still has the head that was pinned at revision 46")
	head.Next++
	require.NoError(t, installation.WritePin(key, data, "backtest", head))
	_, errs := pmctl(t, exitFinding, "log", "verify", "--data", data)
	require.Contains(t, errs, "DATA_CORRUPT: revision 47: the log ends before it")
	pmctl(t, exitFinding, "log", "verify", "--eventstore", "sqlite://"+filepath.Join(data, "log"))
	require.NoError(t, os.WriteFile(installation.PinFile(data), nil, 0o600))
	_, errs = pmctl(t, exitFinding, "log", "verify", "--data", data)
	require.Contains(t, errs, "the signature does not hold")
}
