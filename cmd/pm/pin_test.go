package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"pm/cmd/internal/installation"
	"pm/eventstore"
	"pm/eventstore/logtest"
)

// pinnedRevision is what the pin of a data folder names.
func pinnedRevision(t *testing.T, data string) uint64 {
	t.Helper()
	pin, err := installation.ReadPin(data)
	require.NoError(t, err)
	return pin.HeadRevision
}

func TestALogRestoredFromABackupIsNoticedByThePinnedHead(t *testing.T) {
	data := t.TempDir()
	require.Equal(t, exitStopped, launch(t, "--data", data).stop())
	require.Equal(t, uint64(1), pinnedRevision(t, data), "a stop pins the last head")
	backup := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.CopyFS(backup, os.DirFS(filepath.Join(data, "log"))))
	require.Equal(t, exitStopped, launch(t, "--data", data).stop())
	require.Equal(t, uint64(3), pinnedRevision(t, data))

	log := filepath.Join(data, "log")
	require.NoError(t, os.Rename(log, log+".right"))
	require.NoError(t, os.CopyFS(log, os.DirFS(backup)))
	require.NoError(t, os.RemoveAll(filepath.Join(data, "snapshot")), "which knows it as well")
	code, _, errs := failing(t, "--data", data, "--listen", "127.0.0.1:0")
	requireHalt(t, code, errs, "DATA_CORRUPT", "remove "+installation.PinFile(data))
	require.Contains(t, errs.lastLines(2)[0], "revision 2: the log ends before it; it once went up to revision 3")
	require.Equal(t, uint64(3), pinnedRevision(t, data), "a halt changes nothing")

	require.NoError(t, os.RemoveAll(log))
	require.NoError(t, os.Rename(log+".right", log))
	require.Equal(t, exitStopped, launch(t, "--data", data).stop(), "the right log is back")
	require.NoError(t, os.RemoveAll(log))
	require.NoError(t, os.CopyFS(log, os.DirFS(backup)))
	require.NoError(t, os.Remove(installation.PinFile(data)))
	require.NoError(t, os.RemoveAll(filepath.Join(data, "snapshot")))
	require.Equal(t, exitStopped, launch(t, "--data", data).stop(), "the older log was meant")
}

func TestAnotherLogInThePlaceOfThePinnedOneIsNoticed(t *testing.T) {
	data, other := t.TempDir(), t.TempDir()
	for _, dir := range []string{data, other} {
		require.Equal(t, exitStopped, launch(t, "--data", dir).stop())
	}
	require.NoError(t, os.RemoveAll(filepath.Join(data, "log")))
	require.NoError(t, os.Rename(filepath.Join(other, "log"), filepath.Join(data, "log")))
	require.NoError(t, os.RemoveAll(filepath.Join(data, "snapshot")), "which knows it as well")
	code, _, errs := failing(t, "--data", data, "--listen", "127.0.0.1:0")
	requireHalt(t, code, errs, "DATA_CORRUPT", "bring the right log back")
	require.Contains(t, errs.lastLines(2)[0], "revision 1: it has the hash")
}

func TestAPinThatIsDamagedOrOfAnotherInstallationIsAHalt(t *testing.T) {
	data, other := t.TempDir(), t.TempDir()
	for _, dir := range []string{data, other} {
		require.Equal(t, exitStopped, launch(t, "--data", dir).stop())
	}
	pin := installation.PinFile(data)
	text, err := os.ReadFile(pin)
	require.NoError(t, err)
	foreign, err := os.ReadFile(installation.PinFile(other))
	require.NoError(t, err)
	for want, content := range map[string]string{
		"not in the form": string(text[:len(text)/2]), "did not sign": strings.Replace(string(text), `"head_revision":1`, `"head_revision":2`, 1), "this installation has": string(foreign),
	} {
		require.NoError(t, os.WriteFile(pin, []byte(content), 0o600))
		code, _, errs := failing(t, "--data", data, "--listen", "127.0.0.1:0")
		requireHalt(t, code, errs, "DATA_CORRUPT", "remove "+pin)
		require.Contains(t, errs.String(), want)
	}
	require.NoError(t, os.Remove(pin))
	require.Equal(t, exitStopped, launch(t, "--data", data).stop())
	require.Equal(t, uint64(3), pinnedRevision(t, data))
}

func TestThePinFollowsTheHeadAndAFailureIsSaidOnce(t *testing.T) {
	s, errs := quiet(t)
	log := eventstore.NewMemory(logtest.Portfolio)
	s.store = log
	require.NoError(t, s.loadKey(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	tick, done := make(chan time.Time), make(chan struct{})
	go func() { assert.NoError(t, s.pinAtEach(ctx, tick)); close(done) }()
	tick <- time.Time{} // taken when the first look is over
	require.NoFileExists(t, installation.PinFile(s.cfg.Data), "an empty log has no head")
	logtest.Fill(t, log, 5)
	tick <- time.Time{}
	tick <- time.Time{}
	require.Equal(t, uint64(4), pinnedRevision(t, s.cfg.Data))

	inTheWay := installation.PinFile(s.cfg.Data) + ".new"
	require.NoError(t, os.Mkdir(inTheWay, 0o700))
	logtest.Fill(t, log, 1)
	for range 3 {
		tick <- time.Time{}
	}
	require.Equal(t, uint64(4), pinnedRevision(t, s.cfg.Data))
	require.NoError(t, os.Remove(inTheWay))
	for range 3 {
		tick <- time.Time{}
	}
	require.Equal(t, uint64(5), pinnedRevision(t, s.cfg.Data))
	cancel()
	<-done
	require.Equal(t, 1, strings.Count(errs.String(), "cannot be pinned"))
	require.Equal(t, 1, strings.Count(errs.String(), "pinned again"))
}

func TestALostKeyIsNotReplacedInSilenceWhereAHeadIsPinned(t *testing.T) {
	data := t.TempDir()
	require.Equal(t, exitStopped, launch(t, "--data", data).stop())
	keys := filepath.Dir(installation.PrivateFile(data))
	require.NoError(t, os.Rename(keys, keys+".away"))
	code, _, errs := failing(t, "--data", data, "--listen", "127.0.0.1:0")
	requireHalt(t, code, errs, codeInstallationKey, "bring "+keys+" back")
	require.Contains(t, errs.lastLines(1)[0], "remove "+installation.PinFile(data)+" knowingly")
	require.NoDirExists(t, keys)

	other := t.TempDir()
	_, err := installation.LoadOrCreate(other)
	require.NoError(t, err)
	require.NoError(t, os.Rename(filepath.Join(other, "keys"), keys))
	code, _, errs = failing(t, "--data", data, "--listen", "127.0.0.1:0")
	requireHalt(t, code, errs, "DATA_CORRUPT", "the pin and keys/ are of two installations")
	require.NotContains(t, errs.lastLines(1)[0], "lost its end", "nothing says that the log is at fault")
	require.NoError(t, os.RemoveAll(keys))
	require.NoError(t, os.Rename(keys+".away", keys))
	require.Equal(t, exitStopped, launch(t, "--data", data).stop())
}

// headless is a log whose head is what the test says.
type headless struct {
	eventstore.Log
	head eventstore.Head
	err  error
}

// Head is what the test says.
func (h *headless) Head(context.Context) (eventstore.Head, error) { return h.head, h.err }

func TestALogThatIsFoundCorruptWhileItIsWrittenEndsTheService(t *testing.T) {
	recs := logtest.Chain(t, eventstore.Empty(logtest.Portfolio), 6)
	for want, found := range map[string]struct {
		head eventstore.Head
		err  error
	}{
		"revision 3: it is missing":                                    {err: &eventstore.Corrupt{Rev: 3, Reason: "it is missing"}},
		"the pinned head: the log ends at revision 2 ":                 {head: recs[2].After()},
		"the pinned head: the log ends at empty, and once went up to ": {head: eventstore.Empty(logtest.Portfolio)},
		"and once went up to " + recs[4].After().String():              {head: eventstore.Head{Next: 5, Hash: recs[2].Hash}},
		"the stream forgets: only the last 9 events stay":              {head: recs[5].After()},
	} {
		t.Run(want, func(t *testing.T) {
			s, _ := quiet(t)
			log := &headless{Log: eventstore.NewMemory(logtest.Portfolio), head: recs[4].After()}
			s.store = log
			require.NoError(t, s.loadKey(t.Context()))
			require.NoError(t, s.pinHead(t.Context()))
			pinned := uint64(4)
			if found.head == recs[5].After() {
				pinned = 5
				s.remembers = func(context.Context) error {
					return &eventstore.Corrupt{Reason: "the stream forgets: only the last 9 events stay"}
				}
			}
			log.head, log.err = found.head, found.err
			for _, end := range []func() error{
				func() error { return s.pinAtEach(t.Context(), nil) },
				func() error { return s.pinLast(t.Context()) },
			} {
				var h *halt
				require.ErrorAs(t, end(), &h)
				require.Equal(t, "DATA_CORRUPT", h.Code)
				require.Contains(t, h.Error(), want)
				require.NotEmpty(t, h.Hint)
			}
			require.Equal(t, pinned, pinnedRevision(t, s.cfg.Data), "a shorter log does not replace its pin")
		})
	}
}
