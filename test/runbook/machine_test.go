//go:build linux

package runbook

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/test/programs"
)

// together is how many drills run at the same time: most of their time they wait for processes.
const together = "8"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", together); err != nil {
		panic(err)
	}
	os.Exit(programs.Main(m))
}

// The patience of the drills. Each bounds a wait for something that is looked for all the time.
const (
	within    = 60 * time.Second
	lookEvery = 20 * time.Millisecond
)

// machine is where a pm lives, as the runbook sees it: the variables of the page, the programs, and how pm is started and stopped.
type machine struct {
	t       *testing.T
	dir     string
	address string
	vars    map[string]string // of the page: DATA, SERVER, SNAPSHOT, BACKUP, and those that an entry asks for
	env     map[string]string // of pm: PM_...
	ready   string            // the page's own functions
}

// newMachine has a folder, a free address and the programs in its PATH. Nothing runs yet.
func newMachine(t *testing.T) *machine {
	t.Helper()
	pm, ctl := programs.Build(t, "drill")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	m := &machine{t: t, dir: dir, address: listener.Addr().String(), vars: map[string]string{}, env: map[string]string{}}
	require.NoError(t, listener.Close())
	require.NoError(t, os.Mkdir(m.at("bin"), 0o700))
	require.NoError(t, os.Symlink(pm, m.at("bin", "pm")))
	require.NoError(t, os.Symlink(ctl, m.at("bin", "pmctl")))
	m.vars["DATA"], m.vars["BACKUP"], m.vars["SERVER"] = m.at("data"), m.at("backup"), "http://"+m.address
	m.vars["SNAPSHOT"] = "sqlite://" + m.at("data", "snapshot")
	top, _ := thePage(t).Entry("Three in the morning")
	m.ready, _ = top.Block("ready")
	require.NotEmpty(t, m.ready)
	t.Cleanup(m.end)
	return m
}

func (m *machine) at(elements ...string) string {
	return filepath.Join(append([]string{m.dir}, elements...)...)
}

func (m *machine) data(elements ...string) string {
	return filepath.Join(append([]string{m.vars["DATA"]}, elements...)...)
}

// service is how this machine starts and stops pm, in the place of systemctl: the last process stands in the file pid, and how it ended in
// the file exit. The shell that started it waits for it, so that no process stays behind that has ended.
const service = `
pm_start() {
  rm -f "$DIR/exit" "$DIR/pid"
  (
    code=0
    pm --data "$DATA" --listen "$ADDRESS" >>"$DIR/out" 2>>"$DIR/err" &
    echo $! >>"$DIR/pids"
    echo $! >"$DIR/pid.new" && mv "$DIR/pid.new" "$DIR/pid"
    wait $! || code=$?
    echo $code >"$DIR/exit.new" && mv "$DIR/exit.new" "$DIR/exit"
  ) </dev/null >/dev/null 2>&1 &
  until [ -e "$DIR/pid" ]; do sleep 0.01; done
}
pm_stop() {
  [ -e "$DIR/pid" ] && [ ! -e "$DIR/exit" ] || return 0
  kill "$(cat "$DIR/pid")"
  until [ -e "$DIR/exit" ]; do sleep 0.05; done
}
`

// bash runs commands with the variables of the page set and nothing else of this process.
func (m *machine) bash(commands string) (output string, err error) {
	m.t.Helper()
	script := "DIR=" + quoted(m.dir) + "\nADDRESS=" + m.address + "\n"
	for name, value := range m.vars {
		script += name + "=" + quoted(value) + "\n"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*within)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script+service+m.ready+commands)
	cmd.Dir = m.dir
	cmd.Env = []string{"PATH=" + m.at("bin") + ":" + os.Getenv("PATH") + ":" + postgresPrograms(), "HOME=" + m.dir, "TMPDIR=" + m.dir, "PM_SNAPSHOT_URL=" + m.vars["SNAPSHOT"]}
	for name, value := range m.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// postgresPrograms is where psql and pg_dump are that belong to the newest server.
func postgresPrograms() string {
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	return strings.Join(folders, ":")
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// do runs commands that must succeed.
func (m *machine) do(commands string) string {
	m.t.Helper()
	out, err := m.bash("set -e\n" + commands)
	require.NoError(m.t, err, "%s\n%s\n%s", commands, out, m.words())
	return out
}

// start starts pm and waits until it takes signals.
func (m *machine) start() { m.t.Helper(); m.do("pm_start\nready\n") }

// stop stops pm in order.
func (m *machine) stop() {
	m.t.Helper()
	m.do("pm_stop\n")
	require.Zero(m.t, m.exit(), m.words())
}

// exit waits for the end of the last pm and gives its exit code.
func (m *machine) exit() int {
	m.t.Helper()
	var text []byte
	require.Eventually(m.t, func() (ended bool) {
		var err error
		text, err = os.ReadFile(m.at("exit"))
		return err == nil
	}, within, lookEvery, "pm did not end")
	code, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(m.t, err)
	return code
}

// words are the last of what pm has said on stderr.
func (m *machine) words() string {
	text, _ := os.ReadFile(m.at("err"))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}

// halts starts pm, which must end with a code.
func (m *machine) halts(code string) {
	m.t.Helper()
	m.do("pm_start\n")
	m.halted(code)
}

// halted wants pm to have ended with a code as its last words but the hint.
func (m *machine) halted(code string) {
	m.t.Helper()
	require.Equal(m.t, 1, m.exit(), m.words())
	lines := strings.Split(m.words(), "\n")
	require.GreaterOrEqual(m.t, len(lines), 2)
	require.True(m.t, strings.HasPrefix(lines[len(lines)-2], code+": "), m.words())
	require.True(m.t, strings.HasPrefix(lines[len(lines)-1], "hint: "), m.words())
}

// pid is the process of the last pm.
func (m *machine) pid() int {
	m.t.Helper()
	text, err := os.ReadFile(m.at("pid"))
	require.NoError(m.t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(m.t, err)
	return pid
}

// end leaves no process behind, however the drill went. A number that another program has got meanwhile is left alone.
func (m *machine) end() {
	text, _ := os.ReadFile(m.at("pids"))
	for _, line := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(line)
		if err != nil {
			continue
		}
		if command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.Contains(string(command), m.dir) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if len(text) > 0 {
		m.exit() // written by the shell behind pm's end, in the folder that is removed next
	}
	if m.t.Failed() {
		m.t.Logf("the last words of pm:\n%s", m.words())
	}
}
