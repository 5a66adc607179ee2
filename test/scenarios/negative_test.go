package scenarios

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

const opening = "signal BASE_ENTRY BANK_NIFTY price=52000 stop=51650 atr=350 er=1"

func startedWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t.Context(), inMemory(t), t.TempDir(), maps.Clone(defaults(t)))
	require.NoError(t, w.start())
	require.NoError(t, w.observe())
	t.Cleanup(func() { require.NoError(t, w.kill()) })
	return w
}

func TestAStoryWithAWrongExpectationFails(t *testing.T) {
	text, err := os.ReadFile("testdata/03_second_base.txt")
	require.NoError(t, err)
	for name, lie := range map[string][2]string{
		"another figure":          {"stop 52075", "stop 52076"},
		"another outcome":         {"-> rejected campaign_open", "-> accepted open_base"},
		"a line that is not told": {"BANKNIFTY-FUT 0 units held", "BANKNIFTY-FUT 0 units held\nno alarms"},
		"a line that is missing":  {"P-2 SELL 120 of 120 units complete\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, string(text), lie[0])
			s, err := parseStory(strings.Replace(string(text), lie[0], lie[1], 1))
			require.NoError(t, err)
			told, err := telling(t, s, inMemory(t))
			require.NoError(t, err)
			require.ErrorContains(t, s.compare(told), "want:")
		})
	}
}

func TestAStateThatIsNotWhatTheLogSaysFailsTheStory(t *testing.T) {
	w := startedWorld(t)
	require.NoError(t, w.tell(opening))
	w.engine.State().Layers()[0].Stop = domain.D("52000")
	require.ErrorContains(t, w.tell("bar BANK_NIFTY 52010 350"), "V3 violated")
}

func TestAStateThatBreaksARuleFailsTheStory(t *testing.T) {
	w := startedWorld(t)
	require.NoError(t, w.tell(opening))
	// Both the live state and the one from the log are wrong in the same way, as after a defect of the fold.
	for _, s := range []*domain.State{w.engine.State(), w.shadow} {
		s.Layers()[0].Lots++
	}
	require.ErrorContains(t, w.tell("deposit 1"), "L2 violated")
}

func TestABookThatDisagreesAtTheEndFailsTheStory(t *testing.T) {
	w := startedWorld(t)
	require.NoError(t, w.tell(opening))
	require.NoError(t, w.proveEnd())
	require.NoError(t, w.tell("exit BANK_NIFTY ALL price=52000"))
	require.NoError(t, w.tell("broker late-fill #0 1"))
	require.ErrorContains(t, w.proveEnd(), "V10 violated", "the fill was never compared")
}

func TestACommandThatCannotBeDoneFailsTheStory(t *testing.T) {
	for _, line := range []string{
		"dance", "show nothing", "broker sing", "broker next nothing", "broker delay=soon", "advance soon", "open capital=1 x", "batch",
		"tamper flip x", "tamper bend 1", "log burn", "broker late-fill #7 1", "signal BASE_ENTRY BANK_NIFTY price=0 stop=1 atr=1",
	} {
		w := startedWorld(t)
		if line == "open capital=1 x" {
			require.NoError(t, w.kill())
		}
		require.Error(t, w.tell(line), line)
	}
}

func TestAFileThatIsNoStoryIsRefused(t *testing.T) {
	comment := "# what\n# why\n"
	for name, text := range map[string]string{
		"no comment":           opening + "\n----\n",
		"one line of comment":  "# what\n\n" + opening + "\n----\n",
		"no block":             comment,
		"a block with no line": comment + "\n" + opening + "\n",
		"no commands":          comment + "\n----\n1 X\n",
	} {
		_, err := parseStory(text)
		require.Error(t, err, name)
	}
}

func TestAStoryIsWrittenAsItIsRead(t *testing.T) {
	text, err := os.ReadFile("testdata/34_rejected_exit.txt")
	require.NoError(t, err)
	s, err := parseStory(string(text))
	require.NoError(t, err)
	require.Equal(t, string(text), s.String())
}

// incidents is how many numbers the list of incidents has: what hurt users of systems like this one, and what rules it out.
const incidents = 37

// untold are the incidents without a story, each with the part that is not there yet. Whoever adds the part adds the story.
var untold = map[int]string{
	18: "the lease in NATS: there is one instance, and nats.url must be none",
	24: "take-over between instances, which needs the lease of 18; that a zombie's append fails is held by the suite of every log",
	26: "a broker without tags: paper shows them; how one order is told from its like is held by the tests of domain/engine until then",
}

// told finds the numbers of the stories: files of testdata begin with theirs, stories in Go are called TestStoryNN...
func told(t *testing.T) map[int]bool {
	t.Helper()
	out := map[int]bool{}
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	for _, file := range files {
		n, err := strconv.Atoi(filepath.Base(file)[:2])
		require.NoError(t, err, file)
		out[n] = true
	}
	sources, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	for _, source := range sources {
		text, err := os.ReadFile(source)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?m)^func TestStory(\d\d)[A-Z]`).FindAllSubmatch(text, -1) {
			n, err := strconv.Atoi(string(m[1]))
			require.NoError(t, err)
			out[n] = true
		}
	}
	return out
}

// storyless lists what is wrong: incidents with neither a story nor a reason, with both, and numbers of no incident.
func storyless(told map[int]bool, untold map[int]string) (out []string) {
	for n := 1; n <= incidents; n++ {
		switch reason := untold[n]; {
		case told[n] && reason != "":
			out = append(out, fmt.Sprintf("%02d is told, and said not to be: %s", n, reason))
		case !told[n] && reason == "":
			out = append(out, fmt.Sprintf("%02d has no story and no reason", n))
		}
	}
	for _, n := range slices.Concat(slices.Collect(maps.Keys(told)), slices.Collect(maps.Keys(untold))) {
		if n < 1 || n > incidents {
			out = append(out, fmt.Sprintf("%02d is no incident", n))
		}
	}
	return out
}

func TestEveryIncidentHasItsStoryOrSaysWhyNot(t *testing.T) {
	require.Empty(t, storyless(told(t), untold))
}

func TestAnIncidentWithoutAStoryIsFound(t *testing.T) {
	without, beyond := told(t), told(t)
	delete(without, 21)
	beyond[38] = true
	require.Equal(t, []string{"21 has no story and no reason"}, storyless(without, untold))
	require.Equal(t, []string{"38 is no incident"}, storyless(beyond, untold))
	require.Equal(t, []string{"01 is told, and said not to be: no time"}, storyless(told(t), map[int]string{1: "no time", 18: "x", 24: "x", 26: "x"}))
}
