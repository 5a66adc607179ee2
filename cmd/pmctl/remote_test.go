package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/cmd/internal/installation"
	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/esdb/esdbtest"
	"pm/eventstore/sqlite"
)

func TestALogInAnEventStoreIsReadAndExportedLikeAnyOther(t *testing.T) {
	dir := storyLog(t)
	server := esdbtest.Start(t, esdbtest.Options{})
	source, err := sqlite.OpenReader(dir)
	require.NoError(t, err)
	target, err := esdb.Open(t.Context(), server.URL(), source.Portfolio(), esdb.Options{OpenWaits: []time.Duration{}})
	require.NoError(t, err)
	at := eventstore.Empty(source.Portfolio())
	require.NoError(t, source.Read(t.Context(), 0, func(recs []eventstore.Record) error {
		err := target.Append(t.Context(), at, recs)
		at = recs[len(recs)-1].After()
		return err
	}))
	portfolio := source.Portfolio()
	require.NoError(t, source.Close())
	require.NoError(t, target.Close())

	address, data := esdb.WithPortfolio(server.URL(), portfolio), t.TempDir()
	for _, question := range [][]string{{"log", "info"}, {"log", "verify"}, {"positions", "--status", "all"}, {"replay"}, {"log", "export"}} {
		local, _ := pmctl(t, exitFine, append([]string{"--eventstore", "sqlite://" + dir, "--data", data}, question...)...)
		remote, _ := pmctl(t, exitFine, append([]string{"--eventstore", address, "--data", data}, question...)...)
		require.Equal(t, local, remote, question)
	}
	status, _ := pmctl(t, exitFine, "--eventstore", address, "status")
	require.Contains(t, status, server.Address())
	_, errs := pmctl(t, exitFailed, "--eventstore", "esdb://u:s3cret@x?tls=false", "log", "info")
	require.Contains(t, errs, "would not be sent with tls=false")
	require.NotContains(t, errs, "s3cret")
}

func TestAnAddressWithoutAPortfolioMeansPmsOwn(t *testing.T) {
	address, p := remoteLog("esdb://store?tls=false")
	require.Equal(t, "esdb://store?tls=false", address)
	require.Equal(t, domain.PortfolioID("main"), p)
	address, p = remoteLog("esdb://store?portfolio=gold&tls=false")
	require.Equal(t, "esdb://store?tls=false", address)
	require.Equal(t, domain.PortfolioID("gold"), p)
}

func TestALogInAnEventStoreIsVerifiedWhereItIsAndNotInItsCopy(t *testing.T) {
	data, _ := storyData(t)
	server := esdbtest.Start(t, esdbtest.Options{})
	pmctl(t, exitFine, "log", "import", exportOf(t, data), "--to", server.URL(), "--data", filepath.Join(t.TempDir(), "data"), "--key", installation.PublicFile(data))
	conf := writeFile(t, "pm.yaml", "portfolio: {id: backtest}\neventstore: {url: '"+server.URL()+"'}\nsnapshot: {url: 'sqlite://"+filepath.Join(t.TempDir(), "snapshot")+"'}\n")
	for _, at := range [][]string{{"--eventstore", server.URL() + "&portfolio=backtest", "--config", conf}, {"--config", conf}, {"--config", conf, "--data", t.TempDir()}} {
		pmctl(t, exitFine, append([]string{"rebuild"}, at...)...)
		out, _ := pmctl(t, exitFine, append([]string{"verify"}, at...)...)
		require.Contains(t, out, "agrees at revision 46")
		require.Regexp(t, `(?m)^log +esdb:`, out)
	}
}

func TestAStreamThatDoesNotExistIsNoLog(t *testing.T) {
	data, key := storyData(t)
	server := esdbtest.Start(t, esdbtest.Options{})
	absent := esdb.WithPortfolio(server.URL(), "mian")
	file := filepath.Join(t.TempDir(), "none.ndjson")
	for _, verb := range [][]string{
		{"log", "verify"}, {"log", "info"}, {"log", "export", file, "--installation", data}, {"log", "export"}, {"replay"}, {"positions"}, {"verify", "--snapshot", "none"},
	} {
		_, errs := pmctl(t, exitFailed, append(verb, "--eventstore", absent)...)
		require.Contains(t, errs, `there is no log of portfolio "mian" at esdb://`, "%v", verb)
		require.Contains(t, errs, "?portfolio=ID", "%v", verb)
	}
	require.NoFileExists(t, file)
	require.NoError(t, installation.WritePin(key, data, "mian", eventstore.Head{Next: 5}))
	for _, verb := range [][]string{{"log", "verify"}, {"log", "info"}, {"log", "export", file}, {"verify", "--snapshot", "none"}} {
		_, errs := pmctl(t, exitFinding, append(verb, "--eventstore", absent, "--data", data)...)
		require.Contains(t, errs, "the pinned head: ", "%v: a log was there once", verb)
		require.Contains(t, errs, "it once went up to revision 4", "%v", verb)
		require.Contains(t, errs, "bring the right log back", "%v", verb)
	}
	require.NoFileExists(t, file)
}

func TestControlCEndsACallToAnEventStoreThatIsSilent(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing, like a machine behind a broken firewall
	require.NoError(t, err)
	defer silent.Close()
	address := "esdb://" + silent.Addr().String() + "?tls=false&portfolio=gold"
	for _, verb := range [][]string{{"log", "verify"}, {"log", "info"}, {"positions"}, {"replay"}, {"verify", "--snapshot", "none"}} {
		ctx, pressed := context.WithTimeout(t.Context(), 200*time.Millisecond)
		began := time.Now()
		require.Equal(t, exitFailed, newTool("").c.run(ctx, append(verb, "--eventstore", address)), "%v", verb)
		require.Less(t, time.Since(began), 1500*time.Millisecond, "%v", verb)
		pressed()
	}
}

func TestALogInAnEventStoreIsHeldAgainstItsLocalCopy(t *testing.T) {
	data, _ := storyData(t)
	server := esdbtest.Start(t, esdbtest.Options{})
	pmctl(t, exitFine, "log", "import", exportOf(t, data), "--to", server.URL(), "--data", filepath.Join(t.TempDir(), "data"), "--key", installation.PublicFile(data))
	copied := installation.CopyFolder(data)
	require.NoError(t, os.Rename(filepath.Join(data, "log"), copied))
	address := server.URL() + "&portfolio=backtest"
	verbs := [][]string{{"log", "verify"}, {"log", "info"}, {"verify", "--snapshot", "none"}}
	for _, verb := range verbs {
		pmctl(t, exitFine, append(verb, "--eventstore", address, "--data", data)...)
	}
	require.NoError(t, server.Truncate(esdb.Stream("backtest"), 30))
	for _, verb := range append(verbs, []string{"log", "export", filepath.Join(t.TempDir(), "short.ndjson")}) {
		_, errs := pmctl(t, exitFinding, append(verb, "--eventstore", address, "--data", data)...)
		require.Regexp(t, `the local copy: (DATA_CORRUPT: )?revision 30: the remote log ends before it, and once went up to revision 46`, errs, "%v", verb)
		require.Equal(t, 1, strings.Count(errs, "DATA_CORRUPT"), "%v: %s", verb, errs)
		require.Contains(t, errs, "hold the broker's book against it and remove "+copied, "%v", verb)
	}
	whole := filepath.Join(t.TempDir(), "whole.ndjson")
	pmctl(t, exitFine, "log", "export", whole, "--unsigned", "--eventstore", "sqlite://"+copied)
	require.FileExists(t, whole, "what was lost, as the hint says")
	require.NoError(t, os.RemoveAll(copied))
	pmctl(t, exitFine, "log", "verify", "--eventstore", address, "--data", data)
}
