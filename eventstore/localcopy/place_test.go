package localcopy_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	driver "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/eventstore"
	"pm/eventstore/localcopy"
	"pm/eventstore/logtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// far is a remote log that outlives the handles on it: closing one leaves the records.
type far struct{ *eventstore.Memory }

// Close leaves the records for the next handle.
func (far) Close() error { return nil }

// handle is one use of a remote log, which ends with its Close.
type handle struct {
	eventstore.Log
	life context.Context
	end  context.CancelFunc
	away atomic.Bool // the head cannot be read
}

func newHandle(m *eventstore.Memory) *handle {
	h := &handle{Log: far{m}}
	h.life, h.end = context.WithCancel(context.Background())
	return h
}

func (h *handle) use(ctx context.Context, do func(context.Context) error) error {
	if h.life.Err() != nil {
		return eventstore.ErrClosed
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.life, cancel)()
	err := do(inner)
	if h.life.Err() != nil && errors.Is(err, context.Canceled) {
		return eventstore.ErrClosed
	}
	return err
}

// Head is the log's.
func (h *handle) Head(ctx context.Context) (head eventstore.Head, err error) {
	if h.away.Load() {
		return head, errors.New("the remote log is away")
	}
	err = h.use(ctx, func(ctx context.Context) error { head, err = h.Log.Head(ctx); return err })
	return head, err
}

// Append is the log's.
func (h *handle) Append(ctx context.Context, at eventstore.Head, recs []eventstore.Record) error {
	return h.use(ctx, func(ctx context.Context) error { return h.Log.Append(ctx, at, recs) })
}

// Read is the log's.
func (h *handle) Read(ctx context.Context, from uint64, each func([]eventstore.Record) error) error {
	return h.use(ctx, func(ctx context.Context) error { return h.Log.Read(ctx, from, each) })
}

// Follow is the log's.
func (h *handle) Follow(ctx context.Context, from uint64, each func([]eventstore.Record) error) error {
	return h.use(ctx, func(ctx context.Context) error { return h.Log.Follow(ctx, from, each) })
}

// Close ends this use.
func (h *handle) Close() error { h.end(); return nil }

// place is a remote log and a folder for its copy.
type place struct {
	remote    *eventstore.Memory
	dir       string
	discarded []string
}

func newPlace(t *testing.T) *place {
	return &place{remote: eventstore.NewMemory(logtest.Portfolio), dir: filepath.Join(t.TempDir(), "copy")}
}

func (p *place) open(t *testing.T) *localcopy.Log {
	t.Helper()
	log, err := localcopy.Open(t.Context(), p.dir, "test", newHandle(p.remote), localcopy.Options{OnDiscard: func(why string) { p.discarded = append(p.discarded, why) }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}

// execute changes the copy's file behind the log's back.
func execute(t *testing.T, dir, query string, args ...any) {
	t.Helper()
	conn, err := driver.OpenConn(filepath.Join(dir, "events.db"), driver.OpenReadWrite)
	require.NoError(t, err)
	require.NoError(t, sqlitex.Execute(conn, query, &sqlitex.ExecOptions{Args: args}))
	require.NoError(t, conn.Close())
}

// put stores records in the copy's file as they are.
func put(t *testing.T, dir string, recs ...eventstore.Record) {
	t.Helper()
	conn, err := driver.OpenConn(filepath.Join(dir, "events.db"), driver.OpenReadWrite)
	require.NoError(t, err)
	end, err := sqlitex.ImmediateTransaction(conn)
	require.NoError(t, err)
	for _, r := range recs {
		require.NoError(t, sqlitex.Execute(conn, "UPDATE events SET meta = ?, data = ?, hash = ? WHERE rev = ?",
			&sqlitex.ExecOptions{Args: []any{r.Meta, r.Data, r.Hash[:], int64(r.Rev)}}))
	}
	end(&err)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}

// readOnly is a second handle that does not write.
type readOnly struct{ eventstore.Log }

// Append refuses.
func (readOnly) Append(context.Context, eventstore.Head, []eventstore.Record) error {
	return eventstore.ErrReadOnly
}

// readings counts what is read from the remote log from now on.
func (p *place) readings() *int {
	n := new(int)
	p.remote.Fault(eventstore.Faults{OnRead: func(*eventstore.Record) error { *n++; return nil }})
	return n
}
