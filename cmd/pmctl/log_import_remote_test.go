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
	"pm/eventstore/esdb"
	"pm/eventstore/esdb/esdbtest"
	"pm/eventstore/logtest"
)

// across opens the story's stream on a test server.
func across(t *testing.T, server *esdbtest.Server) *esdb.Log {
	t.Helper()
	log, err := esdb.Open(t.Context(), server.URL(), "backtest", esdb.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = log.Close() })
	return log
}

func TestALogMovesFromOneKindOfStoreToAnotherWithoutAByteChanging(t *testing.T) {
	data, _ := storyData(t)
	file, server, next := exportOf(t, data), esdbtest.Start(t, esdbtest.Options{}), filepath.Join(t.TempDir(), "data")
	address := esdb.WithPortfolio(server.URL(), "backtest")
	_, errs := pmctl(t, exitFine, "log", "import", file, "--to", server.URL(), "--data", next, "--key", installation.PublicFile(data))
	require.Contains(t, errs, "47 events imported into ")
	again := filepath.Join(t.TempDir(), "again.ndjson")
	pmctl(t, exitFine, "log", "export", again, "--eventstore", address, "--installation", data)
	require.Equal(t, string(read(t, file)), string(read(t, again)))
	require.Equal(t, string(read(t, file+".sig")), string(read(t, again+".sig")))
	pmctl(t, exitFine, "log", "verify", again, "--key", installation.PublicFile(data))
	pmctl(t, exitFine, "log", "verify", "--eventstore", address)

	back := filepath.Join(t.TempDir(), "log")
	pmctl(t, exitFine, "log", "import", again, "--to", back, "--key", installation.PublicFile(data))
	text, _ := pmctl(t, exitFine, "log", "export", "--data", back)
	require.Equal(t, string(read(t, file)), text, "and back again")
	_, errs = pmctl(t, exitFailed, "log", "import", file, "--to", server.URL(), "--data", next, "--key", installation.PublicFile(data))
	require.Contains(t, errs, "must be empty")
}

func TestAHalfDoneImportIntoAnEventStoreIsKnownAndResumed(t *testing.T) {
	data, _ := storyData(t)
	file, server, next := exportOf(t, data), esdbtest.Start(t, esdbtest.Options{}), filepath.Join(t.TempDir(), "data")
	whole := eventstore.NewMemory("backtest")
	defer whole.Close()
	_, err := eventstore.Import(t.Context(), bytes.NewReader(read(t, file)), func(domain.PortfolioID) (eventstore.Log, error) { return whole, nil })
	require.NoError(t, err)
	recs := logtest.All(t, whole, 0)
	log := across(t, server)
	require.NoError(t, log.Append(t.Context(), eventstore.Empty("backtest"), recs[:20]))

	_, errs := pmctl(t, exitFailed, "log", "import", file, "--to", server.URL(), "--data", next, "--key", installation.PublicFile(data))
	require.Contains(t, errs, "goes on with --resume")
	require.NoDirExists(t, next, "nothing is promised of a stream that is not free")
	server.FailAppends(esdbtest.Denied)
	_, errs = pmctl(t, exitFailed, "log", "import", file, "--to", server.URL(), "--data", next, "--resume", "--key", installation.PublicFile(data))
	require.Contains(t, errs, installation.PinFile(next)+" holds the head that this import was to end in")
	pin, err := installation.ReadPin(next)
	require.NoError(t, err)
	var corrupt *eventstore.Corrupt
	require.ErrorAs(t, installation.CheckPin(t.Context(), log, pin.Statement), &corrupt, "a start on the half is refused")
	_, errs = pmctl(t, exitFine, "log", "import", file, "--to", server.URL(), "--data", next, "--resume", "--key", installation.PublicFile(data))
	require.Contains(t, errs, "47 events imported")
	require.NoError(t, installation.CheckPin(t.Context(), log, pin.Statement))
	require.Equal(t, recs, logtest.All(t, log, 0))
}

func TestAnImportOverASlowLineHasTheTimeThatItNeeds(t *testing.T) {
	data, _ := storyData(t)
	file, next := exportOf(t, data), filepath.Join(t.TempDir(), "data")
	server := esdbtest.Start(t, esdbtest.Options{BytesPerSecond: len(read(t, file))}) // the one append takes a second
	_, errs := pmctl(t, exitFine, "log", "import", file, "--to", server.URL(), "--data", next, "--key", installation.PublicFile(data))
	require.Contains(t, errs, "47 events imported into ")
}

func TestNothingIsSentOfAnExportThatIsNotSound(t *testing.T) {
	data, _ := storyData(t)
	file, server, next := exportOf(t, data), esdbtest.Start(t, esdbtest.Options{}), t.TempDir()
	text := read(t, file)
	bad := bytes.Clone(text)
	bad[len(bad)-300] ^= 1 // in the last record
	require.NoError(t, os.WriteFile(file, bad, 0o600))
	_, errs := pmctl(t, exitFinding, "log", "import", file, "--to", server.URL(), "--data", next, "--key", installation.PublicFile(data))
	require.Contains(t, errs, "DATA_CORRUPT: revision 46")
	head, err := across(t, server).Head(t.Context())
	require.NoError(t, err)
	require.Zero(t, head.Next)
	require.NoFileExists(t, installation.PinFile(next))

	require.NoError(t, os.WriteFile(file, text, 0o600))
	_, errs = pmctl(t, exitFailed, "log", "import", file, "--to", server.URL())
	require.Contains(t, errs, "--data names the data folder")
	_, errs = pmctl(t, exitFailed, "log", "import", file, "--to", esdb.WithPortfolio(server.URL(), "other"), "--data", next, "--key", installation.PublicFile(data))
	require.Contains(t, errs, `the address names portfolio "other"`)
	key, err := installation.LoadOrCreate(next)
	require.NoError(t, err)
	require.NoError(t, installation.WritePin(key, next, "backtest", eventstore.Head{Next: 3}))
	_, errs = pmctl(t, exitFailed, "log", "import", file, "--to", server.URL(), "--data", next, "--key", installation.PublicFile(data))
	require.Contains(t, errs, "remembers pm-pin/1 of portfolio")
	head, err = across(t, server).Head(t.Context())
	require.NoError(t, err)
	require.Zero(t, head.Next)
}

func TestAnImportIntoAnEventStorePromisesNothingToAFolderThatHasALog(t *testing.T) {
	data, _ := storyData(t)
	file, server := exportOf(t, data), esdbtest.Start(t, esdbtest.Options{})
	for _, named := range []string{data, filepath.Join(data, "log")} {
		_, errs := pmctl(t, exitFailed, "log", "import", file, "--to", server.URL(), "--data", named)
		require.Contains(t, errs, "there is a log in "+filepath.Join(data, "log"))
		require.Contains(t, errs, "name a data folder that has no log yet")
	}
	require.NoFileExists(t, installation.PinFile(data))
	require.NoFileExists(t, installation.PinFile(filepath.Join(data, "log")))
	log := across(t, server)
	head, err := log.Head(t.Context())
	require.NoError(t, err)
	require.Zero(t, head.Next)
}
