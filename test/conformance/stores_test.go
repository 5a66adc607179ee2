package conformance

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	driver "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/esdb/esdbtest"
	"pm/eventstore/localcopy"
	"pm/eventstore/logtest"
	"pm/eventstore/sqlite"
)

// memory dies with its process and has one handle.
func memory() logtest.Store {
	return logtest.Store{
		Open: func(*testing.T) eventstore.Log { return eventstore.NewMemory(logtest.Portfolio) },
		Spoil: func(_ *testing.T, log eventstore.Log, rev uint64, change func(*eventstore.Record)) {
			log.(*eventstore.Memory).Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error {
				if r.Rev == rev {
					change(r)
				}
				return nil
			}})
		},
	}
}

// embedded is the SQLite log.
func embedded() logtest.Store {
	dirs := map[eventstore.Log]string{}
	at := func(t *testing.T, dir string) eventstore.Log {
		log, err := sqlite.Open(dir, logtest.Portfolio, "test")
		require.NoError(t, err)
		dirs[log] = dir
		return log
	}
	return logtest.Store{
		Open: func(t *testing.T) eventstore.Log { return at(t, t.TempDir()) },
		Reopen: func(t *testing.T, log eventstore.Log) eventstore.Log {
			require.NoError(t, log.Close())
			return at(t, dirs[log])
		},
		Reader: func(t *testing.T, log eventstore.Log) eventstore.Log {
			reader, err := sqlite.OpenReader(dirs[log])
			require.NoError(t, err)
			return reader
		},
		Spoil: func(t *testing.T, log eventstore.Log, rev uint64, change func(*eventstore.Record)) {
			spoilFile(t, dirs[log], log, rev, change)
		},
	}
}

// spoilFile changes a record in the file of a SQLite log.
func spoilFile(t *testing.T, dir string, from eventstore.Log, rev uint64, change func(*eventstore.Record)) {
	t.Helper()
	var r eventstore.Record
	require.NoError(t, from.Read(t.Context(), rev, func(recs []eventstore.Record) error {
		if recs[0].Rev == rev {
			r = recs[0]
		}
		return nil
	}))
	change(&r)
	conn, err := driver.OpenConn(filepath.Join(dir, "events.db"), driver.OpenReadWrite)
	require.NoError(t, err)
	require.NoError(t, sqlitex.Execute(conn, "UPDATE events SET meta = ?, data = ?, hash = ? WHERE rev = ?",
		&sqlitex.ExecOptions{Args: []any{r.Meta, r.Data, r.Hash[:], int64(rev)}}))
	require.NoError(t, conn.Close())
}

// far is a log across the wire: its server, and the folder of its copy, if it has one.
type far struct {
	server *esdbtest.Server
	dir    string
}

// options for appends at the limits of the port, which the service never comes near.
var options = esdb.Options{AppendDeadline: 20 * time.Second, OpenWaits: []time.Duration{}}

func (f far) open(t *testing.T) eventstore.Log {
	t.Helper()
	remote, err := esdb.Open(t.Context(), f.server.URL(), logtest.Portfolio, options)
	require.NoError(t, err)
	if f.dir == "" {
		return remote
	}
	log, err := localcopy.Open(t.Context(), f.dir, "test", remote, localcopy.Options{})
	require.NoError(t, err)
	return log
}

// readOnly is a second handle that does not write.
type readOnly struct{ eventstore.Log }

// Append refuses.
func (readOnly) Append(context.Context, eventstore.Head, []eventstore.Record) error {
	return eventstore.ErrReadOnly
}

// wire is EventStoreDB's protocol over a real connection; copied puts a local copy before it.
func wire(copied bool) logtest.Store {
	places := map[eventstore.Log]far{}
	at := func(t *testing.T, f far) eventstore.Log {
		log := f.open(t)
		places[log] = f
		return log
	}
	folder := func(t *testing.T) string {
		if !copied {
			return ""
		}
		return filepath.Join(t.TempDir(), "copy")
	}
	return logtest.Store{
		Open: func(t *testing.T) eventstore.Log {
			return at(t, far{esdbtest.Start(t, esdbtest.Options{MaxAppend: -1}), folder(t)})
		},
		Reopen: func(t *testing.T, log eventstore.Log) eventstore.Log {
			require.NoError(t, log.Close())
			f := places[log]
			return at(t, far{f.server.Restart(t), f.dir})
		},
		Reader: func(t *testing.T, log eventstore.Log) eventstore.Log {
			return readOnly{at(t, far{places[log].server, folder(t)})}
		},
		// Where there is a copy it is spoiled, too: damage of the copy alone is mended from the server and never seen.
		Spoil: func(t *testing.T, log eventstore.Log, rev uint64, change func(*eventstore.Record)) {
			f := places[log]
			f.server.SpoilRecord(t, logtest.Portfolio, rev, change)
			if copied {
				spoilFile(t, f.dir, far{server: f.server}.reader(t), rev, func(*eventstore.Record) {})
			}
		},
	}
}

// reader opens the server's log without a copy, as it is stored.
func (f far) reader(t *testing.T) eventstore.Log {
	t.Helper()
	log := f.open(t)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}
