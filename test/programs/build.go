package programs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// built are the programs of this test program, by version and flags.
var built struct {
	mu  sync.Mutex
	dir string
	of  map[string]*pair
}

// pair is what one build has made.
type pair struct {
	pm, ctl string
	err     error
}

// Main runs the tests of a package and removes what they had built. It gives the exit code.
func Main(m *testing.M) int {
	code := m.Run()
	built.mu.Lock()
	defer built.mu.Unlock()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	return code
}

// Build gives the paths of pm and pmctl of this source, which name themselves version. Further flags are those of go build, its
// ldflags beside the version as "-X name=value".
func Build(t testing.TB, version string, flags ...string) (pm, ctl string) {
	t.Helper()
	built.mu.Lock()
	defer built.mu.Unlock()
	key := version + " " + strings.Join(flags, " ")
	if built.of[key] == nil {
		p := &pair{}
		p.pm, p.ctl, p.err = build(version, flags)
		if built.of == nil {
			built.of = map[string]*pair{}
		}
		built.of[key] = p
	}
	require.NoError(t, built.of[key].err)
	return built.of[key].pm, built.of[key].ctl
}

// build is called with the lock held.
func build(version string, flags []string) (pm, ctl string, err error) {
	if built.dir == "" {
		if built.dir, err = os.MkdirTemp("", "pm-programs-"); err != nil {
			return "", "", err
		}
	}
	root, err := moduleRoot()
	if err != nil {
		return "", "", err
	}
	dir := filepath.Join(built.dir, fmt.Sprint(len(built.of)))
	linker, args := "-X main.version="+version, []string{"build"}
	for _, flag := range flags {
		if strings.HasPrefix(flag, "-X ") {
			linker += " " + flag
		} else {
			args = append(args, flag)
		}
	}
	cmd := exec.Command("go", append(args, "-ldflags", linker, "-o", dir+string(filepath.Separator), "./cmd/pm", "./cmd/pmctl")...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return filepath.Join(dir, "pm"), filepath.Join(dir, "pmctl"), nil
}

// moduleRoot is the folder of go.mod: a test runs in the folder of its package.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod above this test")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}
