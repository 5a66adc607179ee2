package esdb_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/esdb/esdbtest"
	"pm/eventstore/logtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quick are options for a server in the same process: no pauses at the start, and on a busy machine no append in doubt that the test
// did not put in doubt.
func quick() esdb.Options {
	return esdb.Options{OpenWaits: []time.Duration{}, AppendDeadline: 20 * time.Second}
}

// open opens the suite's log on a server; the test closes it.
func open(t *testing.T, s *esdbtest.Server, o esdb.Options) *esdb.Log {
	t.Helper()
	log, err := esdb.Open(t.Context(), s.URL(), logtest.Portfolio, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}

func TestTheLogOverTheWireKeepsThePromisesOfTheLog(t *testing.T) {
	servers := map[eventstore.Log]*esdbtest.Server{}
	at := func(t *testing.T, s *esdbtest.Server) eventstore.Log {
		log, err := esdb.Open(t.Context(), s.URL(), logtest.Portfolio, quick())
		require.NoError(t, err)
		servers[log] = s
		return log
	}
	logtest.Run(t, logtest.Store{
		Open: func(t *testing.T) eventstore.Log { return at(t, esdbtest.Start(t, esdbtest.Options{MaxAppend: -1})) },
		Reopen: func(t *testing.T, log eventstore.Log) eventstore.Log {
			require.NoError(t, log.Close())
			return at(t, servers[log].Restart(t))
		},
		Reader: func(t *testing.T, log eventstore.Log) eventstore.Log {
			reader, err := esdb.OpenReader(t.Context(), servers[log].URL(), logtest.Portfolio, quick())
			require.NoError(t, err)
			return reader
		},
		Spoil: func(t *testing.T, log eventstore.Log, rev uint64, change func(*eventstore.Record)) {
			servers[log].SpoilRecord(t, logtest.Portfolio, rev, change)
		},
	})
}

// realURL, set in the environment, is the connection string of a real EventStoreDB: docs/eventstoredb-compose.yml starts one. It is a
// store for tests: each promise gets a stream of its own there and leaves it behind.
const realURL = "PM_TEST_ESDB_URL"

// realAppendBytes is the limit that the compose file sets for one append.
const realAppendBytes = 8 << 20

func TestARealEventStoreKeepsThePromisesOfTheLog(t *testing.T) {
	url := os.Getenv(realURL)
	if url == "" {
		t.Skipf("%s names no EventStoreDB", realURL)
	}
	streams := map[eventstore.Log]string{}
	at := func(t *testing.T, stream string) eventstore.Log {
		log, err := esdb.OpenStream(t.Context(), url, logtest.Portfolio, stream, quick())
		require.NoError(t, err)
		streams[log] = stream
		return log
	}
	logtest.Run(t, logtest.Store{
		Open: func(t *testing.T) eventstore.Log { return at(t, "portfolio-logtest-"+uuid.NewString()) },
		Reopen: func(t *testing.T, log eventstore.Log) eventstore.Log {
			require.NoError(t, log.Close())
			return at(t, streams[log])
		},
		Reader:      func(t *testing.T, log eventstore.Log) eventstore.Log { return readOnly{at(t, streams[log])} },
		AppendBytes: realAppendBytes,
	})
}

// readOnly is a second handle that does not write.
type readOnly struct{ eventstore.Log }

// Append refuses.
func (readOnly) Append(context.Context, eventstore.Head, []eventstore.Record) error {
	return eventstore.ErrReadOnly
}
