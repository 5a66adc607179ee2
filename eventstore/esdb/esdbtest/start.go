package esdbtest

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

// Start runs a server as long as a test. Without Options.Dir it keeps its streams in a folder of the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	s, err := New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	return s
}

// Restart stops the server and starts one on the same folder and address, with the same options.
func (s *Server) Restart(t testing.TB) *Server {
	t.Helper()
	require.NoError(t, s.Stop())
	o := s.o
	o.Listen = s.Address()
	return Start(t, o)
}

// SetMetadata writes a stream's metadata, as an operator would: {"$maxCount":10}.
func (s *Server) SetMetadata(t testing.TB, stream, metadata string) {
	t.Helper()
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	at, err := next(s.store.conn, "$$"+stream)
	require.NoError(t, err)
	_, err = s.store.append("$$"+stream, at, []Event{{ID: uuid.New(), Type: "$metadata", Content: "application/json", Data: []byte(metadata)}})
	require.NoError(t, err)
}

// Note puts an event that is no record of pm at the end of a stream, as another program would.
func (s *Server) Note(t testing.TB, stream string) {
	t.Helper()
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	at, err := next(s.store.conn, stream)
	require.NoError(t, err)
	_, err = s.store.append(stream, at, []Event{{ID: uuid.New(), Type: "note", Content: "application/json", Data: []byte(`{}`), Meta: []byte(`{"by":"somebody"}`)}})
	require.NoError(t, err)
}

// Stream is the stream of a portfolio.
func Stream(p domain.PortfolioID) string { return "portfolio-" + string(p) }

// SpoilRecord changes one record of a portfolio's stream behind everybody's back.
func (s *Server) SpoilRecord(t testing.TB, p domain.PortfolioID, rev uint64, change func(*eventstore.Record)) {
	t.Helper()
	require.NoError(t, s.Rewrite(Stream(p), rev, func(e *Event) {
		const front, middle, end = len(`{"pm":`), len(`,"hash":"`), len(`"}`)
		hash, err := eventstore.ParseHash(string(e.Meta[len(e.Meta)-end-64 : len(e.Meta)-end]))
		require.NoError(t, err)
		r := eventstore.Record{Rev: rev, Data: e.Data, Meta: e.Meta[front : len(e.Meta)-end-64-middle], Hash: hash}
		change(&r)
		e.Data = r.Data
		e.Meta = []byte(`{"pm":` + string(r.Meta) + `,"hash":"` + r.Hash.String() + `"}`)
	}))
}
