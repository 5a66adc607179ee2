package recovery

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/adapters/postgres/pgtest"
	"pm/projections"
	"pm/test/programs"
)

// comparedWithin is how soon a snapshot that comes back is compared.
const comparedWithin = 10 * time.Second

func TestWithoutItsDatabasePMStartsFromTheLogAndComparesWhenTheDatabaseIsBack(t *testing.T) {
	server := pgtest.Start(t)
	s := at(t, server.Database(t), plain)
	s.Start()
	s.Signal(bankNifty)
	s.Quiet()
	s.written()
	s.Kill()
	server.Stop(t)

	s.Launch()
	s.Until(programs.StartWithin, "the port answers that pm recovers", func() bool {
		code, h := s.health()
		return code == http.StatusServiceUnavailable && h.Status == "recovering" && len(h.Reasons) > 0
	})
	code, answer := s.Send(bankNifty)
	require.Equal(t, http.StatusServiceUnavailable, code, answer)
	require.Contains(t, answer, `"code":"recovering"`)
	s.Until(programs.StartWithin, "the data folder says so too", func() bool { // it said active when the process before was killed
		status, _ := s.standing()
		return status == "recovering"
	})

	s.Ready()
	s.shows(projections.SnapshotUnavailable)
	_, h := s.health()
	require.Equal(t, "active", h.Status)
	require.False(t, h.Snapshot.Healthy)
	require.NotEmpty(t, h.Degraded)
	require.Contains(t, s.Said(), "1 position open; WARNING DB_UNAVAILABLE: nothing was compared")
	require.Equal(t, "DB_UNAVAILABLE", s.report().Code)
	require.Equal(t, []string{"BANK_NIFTY-1-Long_1"}, held(s.positions("open")))
	require.Contains(t, s.metrics(), `pm_snapshot_status_info{status="unavailable"} 1`)
	s.Signal(pyramid) // nobody waits for a database
	s.Quiet()
	logged := s.log()
	require.Contains(t, logged, "DB_UNAVAILABLE")
	require.NotContains(t, logged, server.Password())

	server.Restart(t)
	s.Until(comparedWithin, "the snapshot was compared and follows", func() bool {
		_, h := s.health()
		return h.Snapshot.Status == projections.SnapshotAgreed && h.Snapshot.Behind == 0 && len(h.Degraded) == 0
	})
	require.Contains(t, s.metrics(), `pm_snapshot_status_info{status="agreed"} 1`)
	require.Equal(t, 1, strings.Count(s.log(), "msg=active"), "without a restart")
	require.Equal(t, "ACTIVE", s.portfolio().Trading)
	require.Zero(t, s.Stop())
	s.Start()
	require.Contains(t, s.Said(), "agrees at revision")
	require.Zero(t, s.Stop())
}

func TestADatabaseThatWasChangedWhilePMDidNotSeeItStopsEntriesAndTheNextStart(t *testing.T) {
	direct := pgtest.Database(t)
	gate := newGate(t, direct)
	s := at(t, gate.url, plain)
	s.url = direct // what a person reaches
	s.Start()
	s.Signal(bankNifty)
	s.Quiet()
	s.written()
	s.Kill()
	gate.shut()
	s.Start()
	require.Contains(t, s.Said(), "WARNING DB_UNAVAILABLE")
	s.exec("UPDATE layers SET stop = 40000.5 WHERE position_id = 'BANK_NIFTY-1-Long_1'")
	gate.open()

	s.Until(comparedWithin, "entries are stopped", func() bool { return s.portfolio().Trading == "REDUCING" })
	found := s.report().Divergences[0]
	mismatch := "Stop of layers BANK_NIFTY-1-Long_1 mismatch: DB=40000.50, Calculated=" + found.Log
	require.True(t, strings.HasPrefix(s.portfolio().Reason, "late_divergence: VALIDATION_FAILED: "+mismatch), s.portfolio().Reason)
	_, h := s.health()
	require.True(t, h.Ready, "exits still need the service")
	require.Equal(t, projections.SnapshotDiffers, h.Snapshot.Status)
	require.Contains(t, s.metrics(), `pm_snapshot_status_info{status="differs"} 1`)
	require.Equal(t, projections.SnapshotDiffers, s.report().Snapshot, "the report of the comparison is kept")

	code, answer := s.Send(programs.Base, "GOLD_MINI", "76000", "75000", "800", "75000")
	require.Equal(t, http.StatusOK, code, answer)
	require.Contains(t, answer, `"status":"rejected"`)
	s.Signal(exitAll, "BANK_NIFTY", "50100")
	s.Quiet()
	require.Empty(t, held(s.positions("open")))
	require.Zero(t, s.Stop())

	said, _ := s.halts("VALIDATION_FAILED")
	require.Contains(t, said, mismatch)
	s.exec("UPDATE layers SET stop = " + found.Log + " WHERE position_id = 'BANK_NIFTY-1-Long_1'")
	s.Start()
	require.Contains(t, s.Said(), "agrees at revision")
	require.Equal(t, "REDUCING", s.portfolio().Trading, "a person resumes, not a restart")
	require.Zero(t, s.Stop())
}

// metrics is what /metrics shows.
func (s *service) metrics() string {
	s.T.Helper()
	code, body, err := s.Get(s.T.Context(), "/metrics")
	require.NoError(s.T, err)
	require.Equal(s.T, http.StatusOK, code)
	return string(body)
}

// log is what the last start has logged.
func (s *service) log() string {
	s.T.Helper()
	text, err := os.ReadFile(s.Stderr(s.Started))
	require.NoError(s.T, err)
	return string(text)
}

// gate stands between pm and a database that others go on reaching.
type gate struct {
	t       *testing.T
	url     string // of the database, through the gate
	to      string
	address string

	mu       sync.Mutex
	listener net.Listener
	passing  map[net.Conn]bool
	all      sync.WaitGroup
}

// newGate opens a gate before the database of a URL.
func newGate(t *testing.T, database string) *gate {
	t.Helper()
	at, err := url.Parse(database)
	require.NoError(t, err)
	g := &gate{t: t, to: at.Host, address: "127.0.0.1:0", passing: map[net.Conn]bool{}}
	g.open()
	at.Host = g.address
	g.url = at.String()
	t.Cleanup(g.shut)
	return g
}

// open lets connections through, on the same address each time.
func (g *gate) open() {
	g.t.Helper()
	l, err := net.Listen("tcp", g.address)
	require.NoError(g.t, err)
	g.address, g.listener = l.Addr().String(), l
	g.all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			g.all.Go(func() { g.pass(conn) })
		}
	})
}

// pass carries bytes both ways until one side ends.
func (g *gate) pass(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", g.to)
	if err != nil {
		return
	}
	defer out.Close()
	g.mu.Lock()
	g.passing[in] = true
	g.mu.Unlock()
	g.all.Go(func() {
		_, _ = io.Copy(out, in)
		out.Close()
	})
	_, _ = io.Copy(in, out)
}

// shut refuses new connections and cuts those there are.
func (g *gate) shut() {
	g.listener.Close()
	g.mu.Lock()
	for conn := range g.passing {
		conn.Close()
		delete(g.passing, conn)
	}
	g.mu.Unlock()
	g.all.Wait()
}
