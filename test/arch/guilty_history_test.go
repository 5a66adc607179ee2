package arch_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/test/arch"
)

// scratch is a repository with a frozen folder of one commit.
type scratch struct {
	t    *testing.T
	root string
}

func newScratch(t *testing.T) *scratch {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	s := &scratch{t, t.TempDir()}
	s.git("init", "--quiet", "--initial-branch=main")
	s.write("A.v1.json", "a")
	s.write("B.v1.json", "b")
	s.write("SHA256SUMS", "sum of A\nsum of B\n")
	s.commit()
	return s
}

func (s *scratch) git(args ...string) {
	s.t.Helper()
	c := exec.Command("git", append([]string{"-C", s.root, "-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgSign=false"}, args...)...)
	out, err := c.CombinedOutput()
	require.NoError(s.t, err, string(out))
}

func (s *scratch) write(name, text string) {
	s.t.Helper()
	require.NoError(s.t, os.MkdirAll(filepath.Join(s.root, "wire"), 0o700))
	require.NoError(s.t, os.WriteFile(filepath.Join(s.root, "wire", name), []byte(text), 0o600))
}

func (s *scratch) commit() {
	s.t.Helper()
	s.git("add", "--all")
	s.git("commit", "--quiet", "--message=x")
}

// thaws are the findings, one a line.
func (s *scratch) thaws() string {
	s.t.Helper()
	found, err := arch.Thaws(s.root, "wire")
	require.NoError(s.t, err)
	var lines []string
	for _, f := range found {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

func TestAFrozenFileThatWasChangedTogetherWithItsSumIsFound(t *testing.T) {
	s := newScratch(t)
	require.Empty(t, s.thaws())
	s.write("C.v1.json", "c")
	s.write("SHA256SUMS", "sum of A\nsum of B\nsum of C\n")
	require.Empty(t, s.thaws(), "what is new is free until it is committed")
	s.commit()
	require.Empty(t, s.thaws(), "files are added")

	s.write("A.v1.json", "A")
	s.write("SHA256SUMS", "another sum of A\nsum of B\nsum of C\n")
	for range 2 { // before the commit and after it
		require.Contains(t, s.thaws(), "wire/A.v1.json: nothing frozen changes: it is not what the commit that added it made it")
		require.Contains(t, s.thaws(), "wire/SHA256SUMS: nothing frozen changes: it no longer begins as it did")
		s.git("add", "--all")
		s.git("commit", "--quiet", "--allow-empty", "--message=x")
	}
	s.write("A.v1.json", "a")
	s.write("SHA256SUMS", "sum of A\nsum of B\nsum of C\n")
	s.commit()
	require.Empty(t, s.thaws(), "a change that was taken back has left no trace")
}

func TestAFrozenFileThatWasRemovedIsFound(t *testing.T) {
	s := newScratch(t)
	require.NoError(t, os.Remove(filepath.Join(s.root, "wire", "B.v1.json")))
	s.commit()
	require.Contains(t, s.thaws(), "wire/B.v1.json: nothing frozen changes: it is gone")
	s.write("B.v1.json", "another")
	s.commit()
	require.Contains(t, s.thaws(), "wire/B.v1.json: nothing frozen changes: it is not what", "also under its old name")
	s.write("B.v1.json", "b")
	require.Contains(t, s.thaws(), "wire/B.v1.json: nothing frozen changes: it is not what", "what came in between was committed as an addition too")
}

func TestAFrozenFileThatAMergeChangedIsFound(t *testing.T) {
	s := newScratch(t)
	s.git("switch", "--quiet", "--create", "side")
	s.write("C.v1.json", "c")
	s.commit()
	s.git("switch", "--quiet", "main")
	s.write("D.v1.json", "d")
	s.commit()
	s.git("merge", "--quiet", "--no-commit", "side")
	require.Empty(t, s.thaws())
	s.write("A.v1.json", "A")
	s.commit()
	require.Contains(t, s.thaws(), "wire/A.v1.json")
	require.NotContains(t, s.thaws(), "wire/C.v1.json")
}

func TestWithoutAWholeHistoryNothingIsClaimed(t *testing.T) {
	s := newScratch(t)
	var none *arch.NoHistory
	_, err := arch.Thaws(t.TempDir(), "wire")
	require.ErrorAs(t, err, &none)
	require.Contains(t, err.Error(), "this is no clone")
	_, err = arch.Thaws(s.root, "elsewhere")
	require.ErrorAs(t, err, &none)
	s.write("C.v1.json", "c")
	s.commit()
	shallow := filepath.Join(t.TempDir(), "shallow")
	s.git("clone", "--quiet", "--depth=1", "file://"+s.root, shallow)
	_, err = arch.Thaws(shallow, "wire")
	require.ErrorAs(t, err, &none)
	require.Contains(t, err.Error(), "git fetch --unshallow")
	empty := t.TempDir()
	s.git("init", "--quiet", empty)
	_, err = arch.Thaws(empty, "wire")
	require.ErrorAs(t, err, &none)
	require.Contains(t, err.Error(), "nothing was committed yet")
}
