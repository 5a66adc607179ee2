package scenarios

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

// The reference stream is a log of 500 events that was told once, and the digest of the state behind every 50th of them. Both are frozen:
// old history must still mean what it meant, to every later build. What was told stands in story.txt.
const (
	reference       = "testdata/reference"
	referenceEvents = 500
	digestEvery     = 50
	referenceForms  = 30 // every type that there was, and RecoveryCompleted in two versions
	// makeReference, set in the environment, writes a stream where there is none. There is one.
	makeReference = "PM_MAKE_REFERENCE"
)

// What a digest that differs means, and what to do about it.
const changedMeaning = "the state behind revision %d of the reference stream is another than it was: an old log now means something else. " +
	"If a field of the state is new, make it omitempty, so that what old events never set is not shown. If the fold was meant to change, " +
	"say so in a decision record, and add digests under a new name beside these: nothing in %s is ever written anew. To see the state: " +
	"pmctl log import, then pmctl replay --until %d --state"

// frozen are the files with their sums, as sha256sum -c reads them.
func frozen(t *testing.T) map[string]string {
	t.Helper()
	sums, err := os.ReadFile(filepath.Join(reference, "SHA256SUMS"))
	require.NoError(t, err)
	out := map[string]string{}
	for line := range strings.Lines(string(sums)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		require.True(t, ok, line)
		out[name] = sum
	}
	return out
}

func TestTheReferenceStreamIsTheOneThatWasWrittenOnce(t *testing.T) {
	sums := frozen(t)
	for name, sum := range sums {
		content, err := os.ReadFile(filepath.Join(reference, name))
		require.NoError(t, err, "a file of the reference has vanished")
		require.Equal(t, sum, fmt.Sprintf("%x", sha256.Sum256(content)), "%s has changed: it is never written anew", name)
	}
	files, err := os.ReadDir(reference)
	require.NoError(t, err)
	for _, f := range files {
		if f.Name() != "SHA256SUMS" {
			require.Contains(t, sums, f.Name())
		}
	}
	for _, name := range []string{"story.txt", "stream.ndjson", "digests.txt"} {
		require.Contains(t, sums, name)
	}
}

func TestOldHistoryStillMeansWhatItMeant(t *testing.T) {
	stream, err := os.ReadFile(filepath.Join(reference, "stream.ndjson"))
	require.NoError(t, err)
	var log *eventstore.Memory
	_, err = eventstore.Import(t.Context(), bytes.NewReader(stream), func(p domain.PortfolioID) (eventstore.Log, error) {
		log = eventstore.NewMemory(p)
		return log, nil
	})
	require.NoError(t, err)
	got, types := digests(t, log)
	digestText, err := os.ReadFile(filepath.Join(reference, "digests.txt"))
	require.NoError(t, err)
	want := slices.Collect(strings.Lines(string(digestText)))
	require.Len(t, want, referenceEvents/digestEvery)
	for i, line := range want {
		rev := (i+1)*digestEvery - 1
		require.Equal(t, line, got[i], changedMeaning, rev, reference, rev)
	}
	require.Len(t, got, len(want))

	require.Len(t, types, referenceForms)
	var again bytes.Buffer
	_, err = eventstore.Export(t.Context(), log, &again)
	require.NoError(t, err)
	require.Equal(t, string(stream), again.String(), "an export of what was imported is the same file")
}

// digests folds a log and gives a line for every 50th revision, and how often each form stands in it.
func digests(t *testing.T, log eventstore.Log) (lines []string, types map[string]int) {
	t.Helper()
	state, types := domain.NewState(), map[string]int{}
	_, err := eventstore.Replay(t.Context(), log, 0, func(r domain.Recorded, _ eventstore.Hash) error {
		types[fmt.Sprintf("%s v%d", r.Type, r.V)]++
		err := state.Apply(r)
		if state.Events%digestEvery == 0 {
			lines = append(lines, fmt.Sprintf("%d %s\n", r.Rev, state.Digest()))
		}
		return err
	})
	require.NoError(t, err)
	return lines, types
}

// TestTheReferenceStreamIsMadeOnce tells the story and writes what is missing. It refuses to write anything a second time.
func TestTheReferenceStreamIsMadeOnce(t *testing.T) {
	target := filepath.Join(reference, "stream.ndjson")
	_, err := os.Stat(target)
	if os.Getenv(makeReference) == "" {
		require.NoError(t, err, "the reference stream is missing: bring it back from the version control, it cannot be made again")
		return
	}
	require.ErrorIs(t, err, os.ErrNotExist, "the reference stream is there and stays as it is")
	text, err := os.ReadFile(filepath.Join(reference, "story.txt"))
	require.NoError(t, err)
	d := inMemory(t)
	w := newWorld(t.Context(), d, t.TempDir(), maps.Clone(defaults(t)))
	require.NoError(t, w.start())
	require.NoError(t, w.observe())
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") {
			require.NoError(t, w.tell(line), strings.Join(w.out[max(0, len(w.out)-20):], "\n"))
		}
	}
	t.Log(strings.Join(w.out, "\n"))
	require.NoError(t, w.kill())
	freeze(t, d.log)
}

// freeze writes the first events of a log, their digests, and the sums of everything.
func freeze(t *testing.T, log eventstore.Log) {
	t.Helper()
	short := eventstore.NewMemory(portfolio)
	require.NoError(t, log.Read(t.Context(), 0, func(recs []eventstore.Record) error {
		head, err := short.Head(t.Context())
		if err != nil || head.Next >= referenceEvents {
			return err
		}
		return short.Append(t.Context(), head, recs[:min(len(recs), int(referenceEvents-head.Next))])
	}))
	head, err := short.Head(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(referenceEvents), head.Next, "the story is too short")
	lines, types := digests(t, short)
	for kind := range domain.EventTypes {
		require.NotZero(t, types[kind+" v1"], "%s: the story lacks it", kind)
	}
	var stream bytes.Buffer
	_, err = eventstore.Export(t.Context(), short, &stream)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(reference, "stream.ndjson"), stream.Bytes(), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(reference, "digests.txt"), []byte(strings.Join(lines, "")), 0o644))
	var sums strings.Builder
	for _, name := range []string{"digests.txt", "story.txt", "stream.ndjson"} {
		content, err := os.ReadFile(filepath.Join(reference, name))
		require.NoError(t, err)
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), name)
	}
	require.NoError(t, os.WriteFile(filepath.Join(reference, "SHA256SUMS"), []byte(sums.String()), 0o644))
}
