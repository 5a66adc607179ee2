package programs

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The patience of the tests. None of these is a pace: each bounds a wait for something that is looked for all the time.
const (
	StartWithin = 60 * time.Second
	StopWithin  = 30 * time.Second
	LookEvery   = 10 * time.Millisecond
)

// lastLines is how many lines a test that failed shows.
const lastLines = 15

// Site is where a pm lives: its folder, address and configuration stay while processes come and go.
type Site struct {
	T       testing.TB
	Version string
	Dir     string // the data folder is a part of it
	Address string
	Config  string
	Program string   // "": that of Build
	Env     []string // beside PATH, HOME and TMPDIR
	Started int      // starts so far; each has its own Stdout and Stderr
	Cmd     *exec.Cmd

	done chan struct{} // closed when the process has ended
}

// NewSite makes a folder, a free address and a configuration file. version is what the programs call themselves.
func NewSite(t testing.TB, version, yaml string) *Site {
	t.Helper()
	dir := t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &Site{T: t, Version: version, Dir: dir, Address: listener.Addr().String(), Config: filepath.Join(dir, "pm.yaml")}
	require.NoError(t, listener.Close())
	require.NoError(t, os.WriteFile(s.Config, []byte(yaml), 0o600))
	t.Cleanup(s.end)
	return s
}

// Data is the data folder.
func (s *Site) Data() string { return filepath.Join(s.Dir, "data") }

// LogFolder is the folder of the embedded log.
func (s *Site) LogFolder() string { return filepath.Join(s.Data(), "log") }

// URL is a path of the service.
func (s *Site) URL(path string) string { return "http://" + s.Address + path }

// Stdout is the file of what the nth start has printed, counted from 1.
func (s *Site) Stdout(n int) string { return filepath.Join(s.Dir, fmt.Sprintf("stdout.%d", n)) }

// Stderr is the file of what the nth start has logged.
func (s *Site) Stderr(n int) string { return filepath.Join(s.Dir, fmt.Sprintf("stderr.%d", n)) }

// environment is what a program is given.
func (s *Site) environment() []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.Dir, "TMPDIR=" + s.Dir}, s.Env...)
}

// Launch starts pm and does not wait for it.
func (s *Site) Launch(args ...string) {
	s.T.Helper()
	pm, _ := Build(s.T, s.Version)
	if s.Program != "" {
		pm = s.Program
	}
	s.Started++
	out, err := os.Create(s.Stdout(s.Started))
	require.NoError(s.T, err)
	errs, err := os.Create(s.Stderr(s.Started))
	require.NoError(s.T, err)
	s.Cmd = exec.Command(pm, append([]string{"--config", s.Config, "--data", s.Data(), "--listen", s.Address}, args...)...)
	s.Cmd.Env, s.Cmd.Stdout, s.Cmd.Stderr = s.environment(), out, errs
	require.NoError(s.T, s.Cmd.Start())
	s.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait() // how it ended stands in ProcessState
		out.Close()
		errs.Close()
		close(done)
	}(s.Cmd, s.done)
}

// Start starts pm and waits until it takes signals.
func (s *Site) Start() {
	s.T.Helper()
	s.Launch()
	s.Ready()
}

// Ready waits until pm takes signals.
func (s *Site) Ready() {
	s.T.Helper()
	s.Until(StartWithin, "pm takes signals", func() bool {
		code, _, err := s.Get(s.T.Context(), "/readyz")
		return err == nil && code == http.StatusOK
	})
}

// Until looks for something again and again while pm lives.
func (s *Site) Until(within time.Duration, what string, look func() bool) {
	s.T.Helper()
	for deadline := time.Now().Add(within); time.Now().Before(deadline); Pause(s.T.Context(), LookEvery) {
		select {
		case <-s.done:
			s.T.Fatalf("pm ended before this: %s: %v\n%s", what, s.Cmd.ProcessState, s.Tail())
		default:
		}
		if look() {
			return
		}
	}
	s.T.Fatalf("not within %v: %s\n%s", within, what, s.Tail())
}

// Kill is SIGKILL: the process gets no moment more.
func (s *Site) Kill() {
	s.T.Helper()
	require.NoError(s.T, s.Cmd.Process.Kill())
	<-s.done
}

// Stop is SIGTERM; it gives the exit code.
func (s *Site) Stop() int {
	s.T.Helper()
	require.NoError(s.T, s.Cmd.Process.Signal(syscall.SIGTERM))
	return s.Wait()
}

// Wait gives the exit code of a process that ends by itself.
func (s *Site) Wait() int {
	s.T.Helper()
	select {
	case <-s.done:
	case <-time.After(StopWithin):
		s.T.Fatalf("pm did not end within %v\n%s", StopWithin, s.Tail())
	}
	return s.Cmd.ProcessState.ExitCode()
}

// end leaves no process behind, however the test went.
func (s *Site) end() {
	if s.Cmd == nil {
		return
	}
	select {
	case <-s.done:
	default:
		_ = s.Cmd.Process.Kill()
		<-s.done
	}
	if s.T.Failed() {
		s.T.Logf("the last words of start %d:\n%s", s.Started, s.Tail())
	}
}

// Tail is the end of what the last start has logged.
func (s *Site) Tail() string {
	lines := s.Lines()
	return strings.Join(lines[max(0, len(lines)-lastLines):], "\n")
}

// Lines are what the last start has logged.
func (s *Site) Lines() []string {
	text, err := os.ReadFile(s.Stderr(s.Started))
	if err != nil {
		return []string{err.Error()}
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// Said is what the last start has printed.
func (s *Site) Said() string {
	s.T.Helper()
	text, err := os.ReadFile(s.Stdout(s.Started))
	require.NoError(s.T, err)
	return string(text)
}

// Control runs pmctl on the site's environment and gives its exit code, what it printed, and what it said beside.
func (s *Site) Control(args ...string) (code int, out, errs string) {
	s.T.Helper()
	_, ctl := Build(s.T, s.Version)
	cmd := exec.CommandContext(s.T.Context(), ctl, args...)
	var o, e strings.Builder
	cmd.Env, cmd.Stdout, cmd.Stderr = s.environment(), &o, &e
	err := cmd.Run()
	if cmd.ProcessState == nil {
		require.NoError(s.T, err)
	}
	return cmd.ProcessState.ExitCode(), o.String(), e.String()
}

// Pause waits between two looks.
func Pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
