package runbook

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/test/arch"
)

// thePage reads docs/RUNBOOK.md.
func thePage(t testing.TB) *Page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "RUNBOOK.md"))
	require.NoError(t, err)
	p, err := Parse(string(text))
	require.NoError(t, err)
	return p
}

func TestEveryCodeCauseAndAlarmHasAnEntryAndNoEntryIsForNothing(t *testing.T) {
	root, err := arch.Root()
	require.NoError(t, err)
	files, err := arch.Load(root)
	require.NoError(t, err)
	codes, page := CodesOf(files), thePage(t)
	require.Contains(t, codes.Halts, "DATA_CORRUPT")
	require.Contains(t, codes.Halts, "DEFECT")
	require.Contains(t, codes.Causes, "disk_full")
	require.Contains(t, codes.Causes, "clock_step")
	byPerson := []string{string(domain.Reducing), string(domain.Halted)}
	require.ElementsMatch(t, codes.Halts, page.Of("Halts"))
	require.ElementsMatch(t, codes.Warnings, page.Of("Warnings of a start"))
	require.ElementsMatch(t, slices.Concat(codes.Causes, byPerson), page.Of("Entries stopped"))
	alarms := maps.Clone(domain.Alarms)
	for _, cause := range codes.Causes {
		delete(alarms, cause) // one entry for both
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(alarms)), page.Of("Alarms"))
}

func TestEveryEntrySaysWhatItMeansWhatIsSafeAndWhomToCall(t *testing.T) {
	page := thePage(t)
	for _, part := range []string{"Halts", "Warnings of a start", "Entries stopped", "Alarms"} {
		for _, name := range page.Of(part) {
			entry, _ := page.Entry(name)
			require.Contains(t, entry.Text, "**Means** ", name)
			require.Regexp(t, `\*\*(Safe|Not safe)`, entry.Text, name)
			require.Contains(t, entry.Text, "**Call** ", name)
			require.NotEmpty(t, entry.Blocks, "%s has no commands", name)
			require.True(t, page.Leads(name), "the table at the top does not lead to %s", name)
		}
	}
	require.Empty(t, page.Dead())
}

func TestAPageThatCannotBeRunIsAnError(t *testing.T) {
	for want, text := range map[string]string{
		"is never closed":    "## A\n### B\n```sh x\nls\n",
		"is ```sh NAME":      "## A\n### B\n```sh\nls\n```\n",
		"below a heading":    "```sh x\nls\n```\n",
		"a second block":     "## A\n```sh x\n```\n```sh x\n```\n",
		"belongs to no part": "### B\n",
	} {
		_, err := Parse(text)
		require.ErrorContains(t, err, want)
	}
	p, err := Parse("## A\n[b](#b_1) [c](#c)\n### B_1\nwords\n```sh look\none\ntwo\n```\n## C d\n[x](#b_1)\n")
	require.NoError(t, err)
	require.Equal(t, []string{"B_1"}, p.Of("A"))
	b, _ := p.Entry("B_1")
	commands, ok := b.Block("look")
	require.True(t, ok)
	require.Equal(t, "one\ntwo\n", commands)
	require.Equal(t, "words\n", b.Text)
	require.Equal(t, []string{"c"}, p.Dead())
	require.True(t, p.Leads("B_1"))
	require.False(t, p.Leads("C d"))
}

func TestACodeWithoutAnEntryIsFound(t *testing.T) {
	file := func(path, text string) arch.File {
		f, err := arch.Parse(path, text)
		require.NoError(t, err)
		return f
	}
	got := CodesOf([]arch.File{
		file("cmd/pm/a.go", "package main\nconst (\n codeX = \"A_CODE\"\n maxReason = 300\n newReason = \"a_cause\"\n other = \"OTHER\"\n)"),
		file("projections/b.go", "package projections\nconst CodeY, CodeZ = \"SNAPSHOT_ODD\", \"DB_ODD\""),
		file("domain/c.go", "package domain\nconst ReasonQ = \"q\"\nvar e = TradingStateChanged{To: Reducing, Reason: ReasonQ}\nvar f = &TradingStateChanged{To: Reducing, Reason: \"r\"}\nvar g = TradingStateChanged{To: Active, Reason: \"s\"}"),
		file("domain/c_test.go", "package domain\nvar e = TradingStateChanged{To: Reducing, Reason: \"test\"}"),
	})
	require.Equal(t, Codes{Halts: []string{"A_CODE"}, Warnings: []string{"DB_ODD", "SNAPSHOT_ODD"}, Causes: []string{"a_cause", "q", "r"}}, got)
	require.NotContains(t, strings.Join(got.Halts, ""), "OTHER")
}
