package scenarios

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

var update = flag.Bool("update", false, "write the answers of the stories anew: read every changed line before committing it")

// defaults are the service's own decision-relevant settings, as its configuration gives them when nothing is configured.
func defaults(t testing.TB) map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "domain", "testdata", "settings.txt"))
	require.NoError(t, err)
	defer f.Close()
	out := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), "="); ok && !strings.HasPrefix(key, "#") {
			out[key] = value
		}
	}
	require.NotEmpty(t, out)
	return out
}

// telling gives the answers of every block, told over one kind of log.
func telling(t testing.TB, s *story, d *disk) ([][]string, error) {
	t.Helper()
	w := newWorld(t.Context(), d, t.TempDir(), maps.Clone(defaults(t)))
	defer func() { require.NoError(t, w.kill()) }()
	if err := errors.Join(w.start(), w.observe()); err != nil {
		return nil, err
	}
	var answers [][]string
	for _, b := range s.blocks {
		w.out = nil
		for i, line := range b.commands {
			if err := w.tell(line); err != nil {
				return nil, fmt.Errorf("line %d: %w\n%s", b.line+i, err, strings.Join(w.out, "\n"))
			}
		}
		answers = append(answers, w.out)
	}
	return answers, w.proveEnd()
}

func inMemory(testing.TB) *disk { return &disk{memory: eventstore.NewMemory(portfolio)} }

func inAFolder(t testing.TB) *disk { return &disk{dir: t.TempDir()} }

// compare holds what was told against what the story says, block by block.
func (s *story) compare(answers [][]string) error {
	for i, b := range s.blocks {
		if got := answers[i]; !slices.Equal(got, b.want) {
			return fmt.Errorf("line %d: %s\nwant:\n%s\ngot:\n%s", b.line, strings.Join(b.commands, "; "), strings.Join(b.want, "\n"), strings.Join(got, "\n"))
		}
	}
	return nil
}

func TestStories(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		s, err := parseStory(string(text))
		require.NoError(t, err, file)
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			told, err := telling(t, s, inMemory(t))
			require.NoError(t, err)
			if *update {
				for i := range s.blocks {
					s.blocks[i].want = told[i]
				}
				require.NoError(t, os.WriteFile(file, []byte(s.String()), 0o644))
			}
			require.NoError(t, s.compare(told))
			again, err := telling(t, s, inAFolder(t))
			if errors.Is(err, errOnlyMemory) {
				return
			}
			require.NoError(t, err)
			require.NoError(t, s.compare(again), "over the log in a folder")
		})
	}
}

func TestEveryEventIsToldInAStoryWithItsFacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t.Context(), inMemory(t), t.TempDir(), defaults(t))
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	var told strings.Builder
	for _, file := range append(files, reference+"/stream.ndjson") { // the reference was told once, before there were files of some types
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		told.Write(text)
	}
	for kind, empty := range domain.EventTypes {
		require.NotContains(t, w.facts(empty()), factless, "give %s an arm in print_test.go", kind)
		line := regexp.MustCompile(`(?m)^[0-9]+ ` + kind + `\b|"type":"` + kind + `"`)
		require.Regexp(t, line, told.String(), "%s stands in no story of testdata", kind)
	}
}
