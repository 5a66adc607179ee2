package esdb_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/esdb/esdbtest"
	"pm/eventstore/logtest"
)

// nobody is an address at which nobody answers.
func nobody(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

func TestALeaderThatIsDeadLeaksNoConnection(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s, err := esdbtest.New(esdbtest.Options{Dir: t.TempDir(), Leader: nobody(t)})
	require.NoError(t, err)
	log, err := esdb.Open(t.Context(), s.URL(), logtest.Portfolio, quick())
	require.NoError(t, err)
	recs := fill(t, log, 1)
	for range 10 {
		s.FailAppends(esdbtest.NotLeader)
		s.FailReads(esdbtest.NotLeader)
		recs = append(recs, fill(t, log, 1)...)
	}
	require.Equal(t, recs, logtest.All(t, log, 0))
	require.NoError(t, log.Close())
	require.NoError(t, s.Stop())
	goleak.VerifyNone(t, before)
}

func TestTheAddressOfAFollowerLeadsToTheLeader(t *testing.T) {
	leader := esdbtest.Start(t, esdbtest.Options{})
	follower := esdbtest.Start(t, esdbtest.Options{Follows: leader.Address()})
	var recs []eventstore.Record
	for _, address := range []string{
		follower.URL(),
		"esdb://" + follower.Address() + "," + leader.Address() + "?tls=false",
		"esdb+discover://" + follower.Address() + "?tls=false",
	} {
		log, err := esdb.Open(t.Context(), address, logtest.Portfolio, quick())
		require.NoError(t, err)
		recs = append(recs, fill(t, log, 2)...)
		recs = append(recs, fill(t, log, 1)...)
		require.Equal(t, recs, logtest.All(t, log, 0))
		require.NoError(t, log.Close())
	}
	require.Equal(t, int64(6), leader.Appends())
	require.Zero(t, follower.Appends())
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	require.Zero(t, follower.AwaitConnections(ctx, 0))
	require.Zero(t, leader.AwaitConnections(ctx, 0))
}

func TestWithoutALeaderThatIsAliveTheStoreIsAway(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s, err := esdbtest.New(esdbtest.Options{Dir: t.TempDir(), Follows: nobody(t)})
	require.NoError(t, err)
	o := esdb.Impatient(quick(), time.Second)
	for _, address := range []string{s.URL(), "esdb://" + s.Address() + "," + nobody(t) + "?tls=false"} {
		_, err = esdb.Open(t.Context(), address, logtest.Portfolio, o)
		require.ErrorIs(t, err, esdb.ErrUnavailable)
	}
	require.NoError(t, s.Stop())
	goleak.VerifyNone(t, before)
}

func TestAnElectionIsFollowed(t *testing.T) {
	dir := t.TempDir()
	old := esdbtest.Start(t, esdbtest.Options{Dir: dir})
	log := open(t, old, quick())
	recs := fill(t, log, 2)
	require.NoError(t, old.Stop())
	leader := esdbtest.Start(t, esdbtest.Options{Dir: dir}) // has everything that the old one acknowledged
	esdbtest.Start(t, esdbtest.Options{Listen: old.Address(), Follows: leader.Address()})
	recs = append(recs, fill(t, log, 2)...)
	require.Equal(t, recs, logtest.All(t, log, 0))
	require.Equal(t, int64(1), leader.Appends())
}
