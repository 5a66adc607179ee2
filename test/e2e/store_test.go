package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/sqlite"
)

// store is an event store in a process of its own.
type store struct {
	t       testing.TB
	program string
	address string
	dir     string
	seed    uint64
	faults  []string
	cmd     *exec.Cmd
	says    *bufio.Reader
	kills   int
}

// unreliable lets five in a hundred appends be answered late or not at all. Two of these are answered late, two never, and one is stored only
// when its writer has given up.
var unreliable = []string{"--lost-percent", "2", "--late-percent", "2", "--store-late-percent", "1"}

// portfolio is the one of every configuration here.
const portfolio = "main"

func startStore(t testing.TB, seed uint64, faults ...string) *store {
	t.Helper()
	s := &store{t: t, program: filepath.Join(t.TempDir(), "esdbserver"), dir: t.TempDir(), seed: seed, faults: faults}
	out, err := exec.Command("go", "build", "-o", s.program, "pm/test/esdbserver").CombinedOutput()
	require.NoError(t, err, "%s", out)
	s.launch()
	t.Cleanup(s.end)
	return s
}

func (s *store) url() string { return "esdb://" + s.address + "?tls=false" }

// launch starts the server and waits for its first line; it keeps the address of the first time.
func (s *store) launch() {
	s.t.Helper()
	s.cmd = exec.Command(s.program, append([]string{"--dir", s.dir, "--listen", s.address, "--seed", fmt.Sprint(s.seed + uint64(s.kills))}, s.faults...)...)
	s.cmd.Stderr = os.Stderr
	said, err := s.cmd.StdoutPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, s.cmd.Start())
	s.says = bufio.NewReader(said)
	address, query, _ := strings.Cut(strings.TrimPrefix(s.line(), "esdb://"), "?")
	require.Equal(s.t, "tls=false", query)
	if s.address == "" {
		s.address = address
	}
	require.Equal(s.t, s.address, address)
}

// line is the next line that the server prints.
func (s *store) line() string {
	s.t.Helper()
	line, err := s.says.ReadString('\n')
	require.NoError(s.t, err)
	return strings.TrimSuffix(line, "\n")
}

// kill is SIGKILL, and a new process on what the old one had acknowledged.
func (s *store) kill() {
	s.t.Helper()
	s.end()
	s.kills++
	s.launch()
}

func (s *store) end() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // killed
}

// newRemoteSite is a site whose log is in an event store.
func newRemoteSite(t testing.TB, yaml string, seed uint64, faults ...string) *site {
	t.Helper()
	st := startStore(t, seed, faults...)
	s := newSite(t, yaml+fmt.Sprintf("eventstore: {url: %q}\n", st.url()))
	s.store = st
	return s
}

// openLog opens the log of a site for reading, wherever it is.
func (s *site) openLog() eventstore.Log {
	s.T.Helper()
	if s.store == nil {
		log, err := sqlite.OpenReader(s.LogFolder())
		require.NoError(s.T, err)
		return log
	}
	log, err := esdb.OpenReader(s.T.Context(), s.store.url(), portfolio, esdb.Options{OpenWaits: []time.Duration{time.Second}})
	require.NoError(s.T, err)
	return log
}

// source is how pmctl is told where the log is.
func (s *site) source() []string {
	if s.store == nil {
		return []string{"--data", s.Data()}
	}
	return []string{"--eventstore", esdb.WithPortfolio(s.store.url(), portfolio)}
}

// copyFolder is where the local copy of a remote log lies.
func (s *site) copyFolder() string { return filepath.Join(s.Data(), "copy") }
