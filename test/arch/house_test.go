package arch_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/test/arch"
)

// repository is read once: every rule sees the same files.
func repository(t *testing.T) (root string, files []arch.File) {
	t.Helper()
	root, err := arch.Root()
	require.NoError(t, err)
	files, err = arch.Load(root)
	require.NoError(t, err)
	require.Greater(t, len(files), 10, "the repository was not found")
	return root, files
}

func none(t *testing.T, found []arch.Finding) {
	t.Helper()
	lines := make([]string, 0, len(found))
	for _, f := range found {
		lines = append(lines, f.String())
	}
	require.Empty(t, lines, strings.Join(lines, "\n"))
}

func TestTheRepositoryKeepsTheRulesOfItsHouse(t *testing.T) {
	_, files := repository(t)
	for name, rule := range map[string]func([]arch.File) []arch.Finding{
		"packages import only what the table allows":        arch.Imports,
		"files and functions stay below their caps":         arch.Sizes,
		"the domain has no clock, float or goroutine":       arch.Purity,
		"nothing is left for later":                         arch.Unfinished,
		"names say what they name":                          arch.Names,
		"interfaces stand at boundaries":                    arch.Interfaces,
		"what is exported is explained, one page a package": arch.Documented,
	} {
		t.Run(name, func(t *testing.T) { none(t, rule(files)) })
	}
}

func TestWhatIsFrozenIsStillWhatWasCommittedFirst(t *testing.T) {
	root, err := arch.Root()
	require.NoError(t, err)
	found, err := arch.Thaws(root, arch.Frozen...)
	var history *arch.NoHistory
	if errors.As(err, &history) {
		t.Skip(err)
	}
	require.NoError(t, err)
	none(t, found)
}

func TestTheTopLevelHasItsFixedNames(t *testing.T) {
	root, _ := repository(t)
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	none(t, arch.TopLevel(names))
	for _, must := range []string{"Makefile", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "docs", ".ci", ".golangci.yml"} {
		require.Contains(t, names, must)
	}
}

func TestTheDocumentsPointAtThingsThatExist(t *testing.T) {
	root, _ := repository(t)
	none(t, arch.Links(pages(t, root, "*.md", "docs/*.md", "docs/adr/*.md"), func(name string) bool {
		_, err := os.Stat(filepath.Join(root, name))
		return err == nil
	}))
}

func TestTheMakefileHasWhatTheDocumentsCallAndExplainsIt(t *testing.T) {
	root, _ := repository(t)
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	none(t, arch.Targets(pages(t, root, "*.md", "docs/*.md", "docs/adr/*.md"), string(makefile)))
}

func TestTheDecisionRecordsAreNumberedAndComplete(t *testing.T) {
	root, _ := repository(t)
	records := pages(t, root, "docs/adr/*.md")
	require.GreaterOrEqual(t, len(records), 11)
	none(t, arch.Records(records))
}

func TestEveryEventTypeStandsInTheChangelogAndTheGlossary(t *testing.T) {
	root, files := repository(t)
	types := arch.EventTypes(files)
	require.GreaterOrEqual(t, len(types), 29, "domain.EventTypes was not found")
	for _, page := range pages(t, root, "CHANGELOG.md", "docs/GLOSSARY.md") {
		none(t, arch.Mentioned(page, types))
	}
}

func pages(t *testing.T, root string, patterns ...string) []arch.Page {
	t.Helper()
	var read []arch.Page
	for _, pattern := range patterns {
		names, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		require.NoError(t, err)
		require.NotEmpty(t, names, pattern)
		for _, name := range names {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			relative, err := filepath.Rel(root, name)
			require.NoError(t, err)
			read = append(read, arch.Page{Path: filepath.ToSlash(relative), Text: string(text)})
		}
	}
	return read
}
