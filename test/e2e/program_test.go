package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// programs are built once for all tests.
var programs struct {
	once    sync.Once
	pm, ctl string
	err     error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if programs.pm != "" {
		_ = os.RemoveAll(filepath.Dir(programs.pm))
	}
	os.Exit(code)
}

// build gives the paths of pm and pmctl.
func build(t testing.TB) (pm, ctl string) {
	t.Helper()
	programs.once.Do(func() {
		dir, err := os.MkdirTemp("", "pm-e2e-")
		if err != nil {
			programs.err = err
			return
		}
		programs.pm, programs.ctl = filepath.Join(dir, "pm"), filepath.Join(dir, "pmctl")
		cmd := exec.Command("go", "build", "-ldflags", "-X main.version=e2e", "-o", dir, "./cmd/pm", "./cmd/pmctl")
		cmd.Dir = filepath.Join("..", "..")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			programs.err = fmt.Errorf("build: %w\n%s", err, out)
		}
	})
	require.NoError(t, programs.err)
	return programs.pm, programs.ctl
}

// The patience of the tests. None of these is a pace: each bounds a wait for something that is looked for all the time.
const (
	startWithin = 60 * time.Second
	stopWithin  = 30 * time.Second
	lookEvery   = 10 * time.Millisecond
)

// site is where a pm lives: its folder, address and configuration stay while processes come and go.
type site struct {
	t       testing.TB
	dir     string
	address string
	config  string
	program string // "": the one of build
	started int
	cmd     *exec.Cmd
	done    chan struct{} // closed when the process has ended
}

// newSite makes a folder, a free address and a configuration file.
func newSite(t testing.TB, yaml string) *site {
	t.Helper()
	dir := t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &site{t: t, dir: dir, address: listener.Addr().String(), config: filepath.Join(dir, "pm.yaml")}
	require.NoError(t, listener.Close())
	require.NoError(t, os.WriteFile(s.config, []byte(yaml), 0o600))
	t.Cleanup(s.end)
	return s
}

func (s *site) data() string           { return filepath.Join(s.dir, "data") }
func (s *site) logFolder() string      { return filepath.Join(s.data(), "log") }
func (s *site) url(path string) string { return "http://" + s.address + path }

// stderr is what the nth start has said.
func (s *site) stderr(n int) string { return filepath.Join(s.dir, fmt.Sprintf("stderr.%d", n)) }

// launch starts pm and does not wait for it.
func (s *site) launch() {
	s.t.Helper()
	pm, _ := build(s.t)
	if s.program != "" {
		pm = s.program
	}
	s.started++
	errs, err := os.Create(s.stderr(s.started))
	require.NoError(s.t, err)
	s.cmd = exec.Command(pm, "--config", s.config, "--data", s.data(), "--listen", s.address)
	s.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "TMPDIR=" + s.dir}
	s.cmd.Stderr = errs
	require.NoError(s.t, s.cmd.Start())
	s.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait() // how it ended stands in ProcessState
		errs.Close()
		close(done)
	}(s.cmd, s.done)
}

// start starts pm and waits until it takes signals.
func (s *site) start() {
	s.t.Helper()
	s.launch()
	s.ready()
}

func (s *site) ready() {
	s.t.Helper()
	deadline := time.Now().Add(startWithin)
	for time.Now().Before(deadline) {
		select {
		case <-s.done:
			s.t.Fatalf("pm ended during its start: %v\n%s", s.cmd.ProcessState, s.tail())
		default:
		}
		if code, _, err := s.get(s.t.Context(), "/readyz"); err == nil && code == http.StatusOK {
			return
		}
		pause(s.t.Context(), lookEvery)
	}
	s.t.Fatalf("pm was not ready within %v\n%s", startWithin, s.tail())
}

// kill is SIGKILL: the process gets no moment more.
func (s *site) kill() {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Kill())
	<-s.done
}

// stop is SIGTERM; it gives the exit code.
func (s *site) stop() int {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGTERM))
	return s.wait()
}

// wait gives the exit code of a process that ends by itself.
func (s *site) wait() int {
	s.t.Helper()
	select {
	case <-s.done:
	case <-time.After(stopWithin):
		s.t.Fatalf("pm did not end within %v\n%s", stopWithin, s.tail())
	}
	return s.cmd.ProcessState.ExitCode()
}

// end leaves no process behind, however the test went.
func (s *site) end() {
	if s.cmd == nil {
		return
	}
	select {
	case <-s.done:
	default:
		_ = s.cmd.Process.Kill()
		<-s.done
	}
	if s.t.Failed() {
		s.t.Logf("the last words of start %d:\n%s", s.started, s.tail())
	}
}

// tail is the end of what the last start said.
func (s *site) tail() string {
	lines := s.lines()
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

func (s *site) lines() []string {
	text, err := os.ReadFile(s.stderr(s.started))
	if err != nil {
		return []string{err.Error()}
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

var errTooLong = errors.New("the time of the test is over")
