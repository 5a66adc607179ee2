package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/cmd/internal/installation"
	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/esdb/esdbtest"
	"pm/eventstore/signature"
	"pm/eventstore/sqlite"
	"pm/projections"
)

// headOf is where the log in a folder ends.
func headOf(t *testing.T, dir string) eventstore.Head {
	t.Helper()
	log, err := sqlite.OpenReader(dir)
	require.NoError(t, err)
	defer log.Close()
	head, err := log.Head(t.Context())
	require.NoError(t, err)
	return head
}

// cutTo puts the first events of a data folder's log in its place.
func cutTo(t *testing.T, data string, events int) {
	t.Helper()
	text, _ := pmctl(t, exitFine, "log", "export", "--data", data)
	lines := bytes.SplitAfter([]byte(text), []byte("\n"))
	dir := filepath.Join(data, "log")
	require.NoError(t, os.RemoveAll(dir))
	pmctlIn(t, string(bytes.Join(lines[:events+1], nil)), exitFine, "log", "import", "-", "--unsigned", "--to", dir)
}

// truncated is a data folder whose log lost its end behind revision 29, with the honest pin of its revision 46.
func truncated(t *testing.T) (data string, key *signature.Key) {
	t.Helper()
	data, key = storyData(t)
	require.NoError(t, installation.WritePin(key, data, "backtest", headOf(t, filepath.Join(data, "log"))))
	cutTo(t, data, 30)
	return data, key
}

func TestAPinThatAStrangerSignedDoesNotCoverALogThatLostItsEnd(t *testing.T) {
	data, key := truncated(t)
	_, errs := pmctl(t, exitFinding, "log", "verify", "--data", data)
	require.Contains(t, errs, "it once went up to revision 46")
	_, errs = pmctl(t, exitFinding, "verify", "--data", data)
	require.Contains(t, errs, "it once went up to revision 46")
	require.Equal(t, 1, strings.Count(errs, "DATA_CORRUPT"), "the code once: %s", errs)
	stranger, err := installation.LoadOrCreate(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, installation.WritePin(stranger, data, "backtest", headOf(t, filepath.Join(data, "log"))))
	for _, verb := range [][]string{{"log", "verify"}, {"verify"}} {
		_, errs = pmctl(t, exitFinding, append(verb, "--data", data)...)
		require.Contains(t, errs, "key "+string(stranger.ID())+" signed it, this installation has "+string(key.ID()), "%v", verb)
		require.Contains(t, errs, "hint: the pin and keys/ are of two installations", "%v", verb)
	}
	require.NoError(t, os.RemoveAll(filepath.Dir(installation.PublicFile(data))))
	for _, verb := range [][]string{{"log", "verify"}, {"verify"}} {
		_, errs = pmctl(t, exitFinding, append(verb, "--data", data)...)
		require.Contains(t, errs, "cannot be judged: key "+string(stranger.ID())+" signed it, and there is no key of this installation", "%v", verb)
		require.NotContains(t, errs, "does not hold", "%v: nobody has judged it", verb)
		require.Contains(t, errs, "hint: bring "+installation.PublicFile(data)+" back", "%v", verb)
	}
	_, errs = pmctl(t, exitFinding, "verify", "--data", data)
	require.Contains(t, errs, "pmctl: INSTALLATION_KEY: ", "the code of a start")
	_, errs = pmctl(t, exitFinding, "log", "verify", "--data", data, "--key", string(key.ID()))
	require.Contains(t, errs, "this installation has "+string(key.ID()))
}

func TestAPinThatIsFoundWantingBesideAnotherFindingNamesItsCodeOnce(t *testing.T) {
	d := &dryRun{halt: &projections.Halt{Code: projections.CodeValidationFailed, Err: errors.New("differs")}}
	require.NoError(t, d.judgePin(t.Context(), nil, finding(&foundPin{by: thePin, err: &eventstore.Corrupt{Rev: 121, Reason: "it is shorter"}})))
	require.Equal(t, []string{"DATA_CORRUPT: the pinned head: revision 121: it is shorter"}, d.report.Findings)
}

func TestAMissingPublicKeyIsSaidWhereThePrivateOneStillJudgesThePin(t *testing.T) {
	data, key := storyData(t)
	require.NoError(t, installation.WritePin(key, data, "backtest", headOf(t, filepath.Join(data, "log"))))
	require.NoError(t, os.Remove(installation.PublicFile(data)))
	for _, verb := range [][]string{{"log", "verify"}, {"log", "info"}, {"verify"}} {
		out, _ := pmctl(t, exitFine, append(verb, "--data", data)...)
		require.Contains(t, out, "(judged by the private key: "+installation.PublicFile(data)+" is missing", "%v", verb)
	}
}

// hinted gives the arguments of the command of pmctl that a hint names.
func hinted(t *testing.T, errs string) []string {
	t.Helper()
	found := regexp.MustCompile("`pmctl ([^`]*)`").FindStringSubmatch(errs)
	require.NotNil(t, found, errs)
	return strings.Fields(strings.ReplaceAll(found[1], "'", ""))
}

func TestTheHintOfATruncationLeadsToACommandThatFindsItToo(t *testing.T) {
	data, _ := truncated(t)
	elsewhere := filepath.Join(t.TempDir(), "moved")
	require.NoError(t, os.CopyFS(elsewhere, os.DirFS(filepath.Join(data, "log"))))
	for name, env := range map[string]map[string]string{
		"the log in the data folder": {"PM_DATA": data},
		"the log somewhere else":     {"PM_DATA": data, "PM_EVENTSTORE_URL": "sqlite://" + elsewhere},
	} {
		tool := newTool("")
		tool.c.env = func(key string) string { return env[key] }
		require.Equal(t, exitFinding, tool.run("verify", "--snapshot", "none"), name)
		args := hinted(t, tool.errs.String())
		require.Contains(t, args, data, "%s: the folder with the pin", name)
		_, errs := pmctl(t, exitFinding, args...)
		require.Contains(t, errs, "it once went up to revision 46", name)
	}
	_, errs := pmctl(t, exitFinding, "log", "verify", "--eventstore", "sqlite://"+elsewhere, "--data", data)
	pmctl(t, exitFinding, hinted(t, errs)...)
	pmctl(t, exitFinding, "verify", "--eventstore", "sqlite://"+elsewhere, "--data", data, "--snapshot", "none")
	pmctl(t, exitFinding, "log", "verify", "--data", filepath.Join(data, "log"))
	out, _ := pmctl(t, exitFine, "log", "verify", "--eventstore", "sqlite://"+elsewhere)
	require.Contains(t, out, "not held against any pinned head: there is no ")
	out, _ = pmctl(t, exitFine, "log", "verify", "--eventstore", "sqlite://"+elsewhere, "-o", "json")
	require.Contains(t, out, `"pinned": false`)
}

func TestALogAcrossTheWireIsHeldAgainstThePinOfTheDataFolderThatIsNamed(t *testing.T) {
	data, key := storyData(t)
	server := esdbtest.Start(t, esdbtest.Options{})
	pmctl(t, exitFine, "log", "import", exportOf(t, data), "--to", server.URL(), "--data", t.TempDir(), "--key", installation.PublicFile(data))
	address := esdb.WithPortfolio(server.URL(), "backtest")
	head := headOf(t, filepath.Join(data, "log"))
	require.NoError(t, installation.WritePin(key, data, "backtest", head))
	out, _ := pmctl(t, exitFine, "log", "verify", "--eventstore", address, "--data", data)
	require.Contains(t, out, "the log still has the head that was pinned at revision 46")
	out, _ = pmctl(t, exitFine, "log", "verify", "--eventstore", address)
	require.Contains(t, out, "not held against any pinned head: name the data folder of the pm that writes it with --data")
	head.Next++
	require.NoError(t, installation.WritePin(key, data, "backtest", head))
	for _, verb := range [][]string{{"log", "verify"}, {"verify", "--snapshot", "none"}} {
		_, errs := pmctl(t, exitFinding, append(verb, "--eventstore", address, "--data", data)...)
		require.Contains(t, errs, "it once went up to revision 47", "%v", verb)
		require.Contains(t, errs, "--eventstore '"+address+"' --data "+data, "%v", verb)
	}
}

func TestABacktestBesideALogIsNotHeldAgainstItsPin(t *testing.T) {
	data, key := storyData(t)
	beside := filepath.Join(data, "tried")
	pmctl(t, exitFine, "backtest", "testdata/story.ndjson", "--log", beside)
	require.NoError(t, installation.WritePin(key, data, "main", eventstore.Head{Next: 5}))
	for _, verb := range [][]string{{"log", "verify"}, {"verify", "--snapshot", "none"}} {
		out, _ := pmctl(t, exitFine, append(verb, "--data", beside)...)
		require.Contains(t, out, `head.pin is of portfolio "main"`)
	}
	_, errs := pmctl(t, exitFinding, "log", "verify", "--data", data)
	require.Contains(t, errs, `the pin is of portfolio "main", the log of "backtest"`, "where pm keeps its log it is another log")
}

func TestNoKeySignsALogThatItsOwnPinContradicts(t *testing.T) {
	data, key := truncated(t)
	file := filepath.Join(t.TempDir(), "cut.ndjson")
	moved := filepath.Join(t.TempDir(), "moved")
	require.NoError(t, os.CopyFS(moved, os.DirFS(filepath.Join(data, "log"))))
	for _, from := range [][]string{
		{"--data", data}, {"--eventstore", "sqlite://" + filepath.Join(data, "log")}, {"--eventstore", "sqlite://" + moved, "--installation", data},
		{"--data", data, "--installation", installedElsewhere(t)},
	} {
		_, errs := pmctl(t, exitFinding, append([]string{"log", "export", file}, from...)...)
		require.Contains(t, errs, "nothing was signed or written: the pinned head: ", "%v", from)
		require.Contains(t, errs, "it once went up to revision 46", "%v", from)
		require.NoFileExists(t, file)
		require.NoFileExists(t, file+signature.Suffix)
	}
	_, errs := pmctl(t, exitFine, "log", "export", file, "--data", data, "--unsigned")
	require.Contains(t, errs, "WARNING the pinned head: ", "what is kept for a look is no evidence, and that is said")
	_, errs = pmctl(t, exitFine, "log", "export", "--data", data)
	require.Contains(t, errs, "WARNING the pinned head: ")

	require.NoError(t, installation.WritePin(key, data, "backtest", headOf(t, filepath.Join(data, "log"))))
	_, errs = pmctl(t, exitFine, "log", "export", file+"2", "--data", data)
	require.Contains(t, errs, "the log still has the head that was pinned at revision 29")
}

// installedElsewhere is a data folder with a key and no log.
func installedElsewhere(t *testing.T) string {
	t.Helper()
	data := t.TempDir()
	_, err := installation.LoadOrCreate(data)
	require.NoError(t, err)
	return data
}

func TestInfoShowsALogThatLostItsEndAndSaysSo(t *testing.T) {
	data, key := truncated(t)
	out, errs := pmctl(t, exitFinding, "log", "info", "--data", data)
	require.Regexp(t, `(?m)^head +revision 29$`, out, "it is shown all the same")
	require.Contains(t, out, "the log lost its pinned head")
	require.NotContains(t, out, "the log verifies")
	require.Contains(t, errs, "it once went up to revision 46")
	require.NoError(t, installation.WritePin(key, data, "backtest", headOf(t, filepath.Join(data, "log"))))
	out, _ = pmctl(t, exitFine, "log", "info", "--data", data)
	require.Contains(t, out, "the log still has the head that was pinned at revision 29")
}

func TestACopyThatLiesBehindIsNoLogThatLostItsEnd(t *testing.T) {
	data, _ := truncated(t)
	beside := filepath.Join(data, "copy")
	require.NoError(t, os.Rename(filepath.Join(data, "log"), beside))
	for _, verb := range [][]string{{"log", "verify"}, {"verify", "--snapshot", "none"}} {
		out, _ := pmctl(t, exitFine, append(verb, "--eventstore", "sqlite://"+beside)...)
		require.Contains(t, out, "this is the copy of a log across the wire and may lie behind it")
	}
	pmctl(t, exitFinding, "log", "verify", "--eventstore", "sqlite://"+beside, "--data", data)
}
