package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
	pmctl(t, exitFine, "log", "import", exportOf(t, data), "--to", server.URL(), "--data", filepath.Join(t.TempDir(), "data"))
	conf := writeFile(t, "pm.yaml", "portfolio: {id: backtest}\neventstore: {url: '"+server.URL()+"'}\nsnapshot: {url: 'sqlite://"+filepath.Join(t.TempDir(), "snapshot")+"'}\n")
	for _, at := range [][]string{{"--eventstore", server.URL() + "&portfolio=backtest", "--config", conf}, {"--config", conf}, {"--config", conf, "--data", t.TempDir()}} {
		pmctl(t, exitFine, append([]string{"rebuild"}, at...)...)
		out, _ := pmctl(t, exitFine, append([]string{"verify"}, at...)...)
		require.Contains(t, out, "agrees at revision 46")
		require.Regexp(t, `(?m)^log +esdb:`, out)
	}
}
