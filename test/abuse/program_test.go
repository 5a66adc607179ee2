package abuse

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/sqlite"
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
		dir, err := os.MkdirTemp("", "pm-abuse-")
		if err != nil {
			programs.err = err
			return
		}
		programs.pm, programs.ctl = filepath.Join(dir, "pm"), filepath.Join(dir, "pmctl")
		cmd := exec.Command("go", "build", "-ldflags", "-X main.version=abuse", "-o", dir, "./cmd/pm", "./cmd/pmctl")
		cmd.Dir = filepath.Join("..", "..")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			programs.err = fmt.Errorf("build: %w\n%s", err, out)
		}
	})
	require.NoError(t, programs.err)
	return programs.pm, programs.ctl
}

// The patience of the tests: each bounds a wait for something that is looked for all the time.
const (
	startWithin = 60 * time.Second
	stopWithin  = 30 * time.Second
	lookEvery   = 10 * time.Millisecond
)

// secret opens the webhook of every program here.
const secret = "correct-horse-battery-staple"

// program is one pm on a folder and an address of its own.
type program struct {
	t       testing.TB
	dir     string
	address string
	cmd     *exec.Cmd
	done    chan struct{} // closed when the process has ended
}

// start runs pm with lines of configuration beyond its secret, until the end of the test.
func start(t testing.TB, yaml string) *program {
	t.Helper()
	pm, _ := build(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &program{t: t, dir: t.TempDir(), address: listener.Addr().String(), done: make(chan struct{})}
	require.NoError(t, listener.Close())
	config := filepath.Join(p.dir, "pm.yaml")
	require.NoError(t, os.WriteFile(config, []byte("webhook: {secrets: ["+secret+"]}\n"+yaml), 0o600))
	out, err := os.Create(p.said())
	require.NoError(t, err)
	p.cmd = exec.Command(pm, "--config", config, "--data", p.data(), "--listen", p.address)
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "TMPDIR=" + p.dir}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	require.NoError(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait() // how it ended stands in ProcessState
		out.Close()
		close(p.done)
	}()
	t.Cleanup(p.end)
	p.ready()
	return p
}

func (p *program) data() string { return filepath.Join(p.dir, "data") }

// said is the file of everything that the program has printed and logged.
func (p *program) said() string { return filepath.Join(p.dir, "said") }

func (p *program) ready() {
	p.t.Helper()
	deadline := time.Now().Add(startWithin)
	for time.Now().Before(deadline) {
		select {
		case <-p.done:
			p.t.Fatalf("pm ended during its start: %v\n%s", p.cmd.ProcessState, p.tail())
		default:
		}
		if res, err := http.Get("http://" + p.address + "/readyz"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		pause(p.t.Context(), lookEvery)
	}
	p.t.Fatalf("pm was not ready within %v\n%s", startWithin, p.tail())
}

// stop asks the program to end and gives its exit code.
func (p *program) stop() int {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.done:
	case <-time.After(stopWithin):
		p.t.Fatalf("pm did not end within %v\n%s", stopWithin, p.tail())
	}
	return p.cmd.ProcessState.ExitCode()
}

// end leaves no process behind, however the test went.
func (p *program) end() {
	select {
	case <-p.done:
	default:
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	if p.t.Failed() {
		p.t.Logf("the last words of pm:\n%s", p.tail())
	}
}

func (p *program) tail() string {
	text, err := os.ReadFile(p.said())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}

// history is the log as it stands on the disk, verified from its first record.
func (p *program) history() []domain.Recorded {
	p.t.Helper()
	log, err := sqlite.OpenReader(filepath.Join(p.data(), "log"))
	require.NoError(p.t, err)
	defer log.Close()
	var events []domain.Recorded
	_, err = eventstore.Replay(p.t.Context(), log, 0, func(r domain.Recorded, _ eventstore.Hash) error {
		events = append(events, r)
		return nil
	})
	require.NoError(p.t, err)
	return events
}

// count is how many events of a type the log has.
func count(events []domain.Recorded, kind string) int {
	n := 0
	for _, e := range events {
		if e.Type == kind {
			n++
		}
	}
	return n
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
