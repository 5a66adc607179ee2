package arch

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Frozen are the folders in which files are added and never changed: logs hold such bytes for good, and old history must mean what it meant.
var Frozen = []string{"eventstore/testdata/wire", "test/scenarios/testdata/reference"}

// replaced are first contents that another one took the place of before there were sums and before anybody had a log. The sums, as they were
// committed first, hold what is there instead. Nothing is ever added to this list.
var replaced = map[string]string{
	"eventstore/testdata/wire/SignalRejected.v1.json": "da22ce5259ad5ea0b13108507487ce6f60dd38bc",
}

// sums is the one file of a frozen folder that grows: it goes on beginning as it did. The lines that came later are held by their files.
const sums = "SHA256SUMS"

// NoHistory says why there is nothing to hold frozen files against.
type NoHistory struct{ Why string }

// Error says it to whoever runs the tests.
func (e *NoHistory) Error() string { return "git cannot say what these files were: " + e.Why }

// Thaws finds files of frozen folders that are no longer what the commit that added them made them, and those that are gone. Sums that stand
// beside the files can be changed together with them; what was committed cannot.
func Thaws(root string, folders ...string) ([]Finding, error) {
	g := gitAt(root)
	if err := g.whole(); err != nil {
		return nil, err
	}
	// Merges count against each of their parents, and no commit is left out because another one undid it.
	args := []string{"log", "--full-history", "-m", "--no-renames", "--raw", "--no-abbrev", "--format=", "--"}
	raw, err := g.run(append(args, folders...)...)
	if err != nil {
		return nil, err
	}
	var found []Finding
	held := map[string]bool{}
	for line := range strings.Lines(raw) {
		change, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		fields := strings.Fields(change) // modes, contents before and after, and what was done: A, M, D
		if !ok || len(fields) != 5 {
			return nil, fmt.Errorf("git log says %q, which is no change", line)
		}
		was, done := fields[3], fields[4]
		if done != "A" || replaced[name] == was || held[name+was] {
			continue // what was changed or removed differs from its first content, and what was taken back does not
		}
		held[name+was] = true
		text, err := g.thaw(name, was)
		if err != nil {
			return nil, err
		}
		if text != "" {
			found = append(found, Finding{"nothing frozen changes", name, text})
		}
	}
	if len(held) == 0 {
		return nil, &NoHistory{"no commit has a file of " + strings.Join(folders, ", ")}
	}
	return found, nil
}

// git runs git on one repository.
type git struct{ root string }

func gitAt(root string) git { return git{root} }

// run gives what git says. A hook's variables would lead it to another repository, and one that another user has cloned is only read.
func (g git) run(args ...string) (string, error) {
	c := exec.Command("git", append([]string{"-C", g.root, "-c", "safe.directory=*", "-c", "core.quotePath=false"}, args...)...)
	c.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_") })
	var errs strings.Builder
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, errs.String())
	}
	return string(out), nil
}

// whole says whether the history is there, from its beginning.
func (g git) whole() error {
	if _, err := exec.LookPath("git"); err != nil {
		return &NoHistory{"it is not installed"}
	}
	if _, err := os.Stat(filepath.Join(g.root, ".git")); errors.Is(err, os.ErrNotExist) {
		return &NoHistory{"this is no clone"}
	}
	shallow, err := g.run("rev-parse", "--is-shallow-repository")
	if err != nil {
		return err
	}
	if strings.TrimSpace(shallow) != "false" {
		return &NoHistory{"this clone is shallow: git fetch --unshallow"}
	}
	if _, err := g.run("rev-parse", "--quiet", "--verify", "HEAD"); err != nil {
		return &NoHistory{"nothing was committed yet"}
	}
	return nil
}

// thaw says how a file differs from a content that it had, "" if it does not.
func (g git) thaw(name, blob string) (string, error) {
	was, err := g.run("cat-file", "blob", blob)
	if err != nil {
		return "", err
	}
	is, err := os.ReadFile(filepath.Join(g.root, filepath.FromSlash(name)))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "it is gone: logs hold this form for good", nil
	case err != nil:
		return "", err
	case path.Base(name) == sums && !bytes.HasPrefix(is, []byte(was)):
		return "it no longer begins as it did (git show " + blob + "): lines are added at its end", nil
	case path.Base(name) != sums && string(is) != was:
		return "it is not what the commit that added it made it (git show " + blob + "): add another file, and leave this one", nil
	}
	return "", nil
}
