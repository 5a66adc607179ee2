package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/cmd/internal/installation"
	"pm/eventstore/esdb"
	"pm/eventstore/esdb/esdbtest"
)

// lostEnd is a data folder whose event store has lost everything from the mark of the first send on: as after a kill, when the snapshot and the pin
// had not seen the order yet.
func lostEnd(t *testing.T) (server *esdbtest.Server, config, data string) {
	t.Helper()
	server = esdbtest.Start(t, esdbtest.Options{})
	config, data = remoteConfig(t, server.URL()), t.TempDir()
	r := launch(t, "--data", data, "--config", config)
	require.Equal(t, "accepted", r.post(baseEntry())["status"])
	r.flat()
	require.Equal(t, []string{"SignalReceived", "OrderInitialized", "OrderSendStarted"}, r.types(2)[:3])
	require.Zero(t, r.stop())
	require.NoError(t, os.Remove(installation.PinFile(data)))
	require.NoError(t, os.RemoveAll(filepath.Join(data, "snapshot")))
	require.NoError(t, server.Truncate(esdb.Stream("main"), 4))
	return server, config, data
}

func TestAnEventStoreThatLostWhatTheCopyProvesIsNotTradedOn(t *testing.T) {
	_, config, data := lostEnd(t)
	folder := filepath.Join(data, "copy")
	for range 2 {
		code, out, errs := failing(t, "--data", data, "--config", config, "--listen", "127.0.0.1:0")
		requireHalt(t, code, errs, "DATA_CORRUPT", "hold the broker's book against it and remove "+folder)
		require.Contains(t, errs.lastLines(2)[0], "revision 4: the remote log ends before it, and once went up to revision ")
		require.NotContains(t, out.String(), "discarded")
	}
	require.FileExists(t, filepath.Join(folder, "events.db"))
	require.NoDirExists(t, folder+".discarded", "the evidence stays where it is")

	require.NoError(t, os.RemoveAll(folder))
	code, _, errs := failing(t, "--data", data, "--config", config, "--listen", "127.0.0.1:0")
	requireHalt(t, code, errs, codeBrokerMismatch, "bring the newest log back to the event store at esdb://")
	require.Contains(t, errs.lastLines(2)[0], "which the log has never sent: the log is older than the book")

	require.NoError(t, os.RemoveAll(filepath.Join(data, "paper")))
	again := launch(t, "--data", data, "--config", config)
	again.flat()
	require.Zero(t, again.stop(), "the shorter log was meant, and the book is of its time")
}
