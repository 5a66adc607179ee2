package localcopy_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/eventstore"
	"pm/eventstore/localcopy"
	"pm/eventstore/logtest"
	"pm/eventstore/sqlite"
)

// copied is a place whose copy has everything of the remote log.
func copied(t *testing.T, n int) (*place, []eventstore.Record) {
	t.Helper()
	p := newPlace(t)
	recs := logtest.Fill(t, p.remote, n)
	log := p.open(t)
	logtest.All(t, log, 0)
	require.NoError(t, log.Close())
	return p, recs
}

// holding is a remote log that has only these records.
func holding(t *testing.T, recs []eventstore.Record) *eventstore.Memory {
	t.Helper()
	m := eventstore.NewMemory(logtest.Portfolio)
	if len(recs) > 0 {
		require.NoError(t, m.Append(t.Context(), eventstore.Empty(logtest.Portfolio), recs))
	}
	return m
}

func requireLost(t *testing.T, err error, remote, proved eventstore.Head) {
	t.Helper()
	var lost *localcopy.LostEnd
	require.ErrorAs(t, err, &lost)
	require.Equal(t, remote, lost.Remote)
	require.Equal(t, proved, lost.Proved)
	var corrupt *eventstore.Corrupt
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, remote.Next, corrupt.Rev)
}

func TestARemoteLogThatLostWhatItsCopyProvesIsNotOpened(t *testing.T) {
	p, recs := copied(t, 1300)
	for _, left := range []int{1299, 700, 1, 0} {
		short := holding(t, recs[:left])
		end, err := short.Head(t.Context())
		require.NoError(t, err)
		for range 2 { // the evidence outlives it
			_, err = localcopy.Open(t.Context(), p.dir, "test", newHandle(short), localcopy.Options{OnDiscard: func(why string) { p.discarded = append(p.discarded, why) }})
			requireLost(t, err, end, logtest.End(recs))
			require.ErrorContains(t, err, "as its local copy in "+p.dir+" proves")
		}
		requireLost(t, localcopy.Holds(t.Context(), p.dir, short), end, logtest.End(recs))
	}
	require.NoDirExists(t, p.dir+".discarded")
	require.Equal(t, recs, logtest.All(t, p.open(t), 0), "the right log is back")
	require.Empty(t, p.discarded)
}

func TestAShorterLogIsMeantWhereSomebodyRemovedTheCopy(t *testing.T) {
	p, recs := copied(t, 20)
	p.remote = holding(t, recs[:12])
	require.NoError(t, os.RemoveAll(p.dir))
	require.Equal(t, recs[:12], logtest.All(t, p.open(t), 0))
	require.Empty(t, p.discarded)
}

func TestALongerCopyThatProvesNothingIsDiscarded(t *testing.T) {
	recs := logtest.Chain(t, eventstore.Empty(logtest.Portfolio), 100)
	changed := func(r eventstore.Record) eventstore.Record {
		r.Data = append([]byte(nil), r.Data...)
		r.Data[3] ^= 4
		return r
	}
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"another log's": func(t *testing.T, dir string) {
			put(t, dir, logtest.Sized(t, eventstore.Empty(logtest.Portfolio), 100, 700)...)
		},
		"damaged at the remote log's end": func(t *testing.T, dir string) { put(t, dir, changed(recs[89])) },
		"damaged behind it":               func(t *testing.T, dir string) { put(t, dir, changed(recs[90])) },
		"forged behind it":                func(t *testing.T, dir string) { execute(t, dir, "UPDATE events SET data = x'7b7d' WHERE rev >= 90") },
		"a gap behind it":                 func(t *testing.T, dir string) { execute(t, dir, "DELETE FROM events WHERE rev = 90") },
		"the last one moved far away":     func(t *testing.T, dir string) { execute(t, dir, "UPDATE events SET rev = rev + 4096 WHERE rev >= 90") },
		"another hash for what it has": func(t *testing.T, dir string) {
			put(t, dir, eventstore.Record{Rev: 90, Meta: recs[91].Meta, Data: recs[91].Data, Hash: recs[91].Hash})
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.remote = holding(t, recs)
			log := p.open(t)
			logtest.All(t, log, 0)
			require.NoError(t, log.Close())
			spoil(t, p.dir)
			p.remote = holding(t, recs[:90])
			require.NoError(t, localcopy.Holds(t.Context(), p.dir, p.remote))
			require.Equal(t, recs[:90], logtest.All(t, p.open(t), 0), "the remote log is the truth")
			require.Len(t, p.discarded, 1)
			require.Contains(t, p.discarded[0], "the remote log ends before the copy")
		})
	}
}

func TestACopyThatBreaksOffProvesWhatStandsBefore(t *testing.T) {
	p, recs := copied(t, 100)
	execute(t, p.dir, "UPDATE events SET data = x'7b7d' WHERE rev = 95")
	_, err := localcopy.Open(t.Context(), p.dir, "test", newHandle(holding(t, recs[:90])), localcopy.Options{})
	requireLost(t, err, recs[89].After(), recs[94].After())
}

func TestARemoteLogThatLosesItsEndWhileItIsReadIsNamed(t *testing.T) {
	p, recs := copied(t, 100)
	remote := newHandle(p.remote)
	log, err := localcopy.Open(t.Context(), p.dir, "test", remote, localcopy.Options{OnDiscard: func(why string) { p.discarded = append(p.discarded, why) }})
	require.NoError(t, err)
	remote.Log = far{holding(t, recs[:40])}
	none := func([]eventstore.Record) error { return nil }
	for _, from := range []uint64{0, 40, 70} {
		requireLost(t, log.Read(t.Context(), from, none), recs[39].After(), logtest.End(recs))
		requireLost(t, log.Follow(t.Context(), from, none), recs[39].After(), logtest.End(recs))
	}
	require.NoError(t, log.Close())
	require.Empty(t, p.discarded)
	require.Len(t, logtest.All(t, reader(t, p.dir), 0), 100)
}

func reader(t *testing.T, dir string) *sqlite.Log {
	t.Helper()
	log, err := sqlite.OpenReader(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}

// overtaking grows just after its head was read.
type overtaking struct {
	*handle
	grow func()
}

// Head is the log's a moment ago.
func (o *overtaking) Head(ctx context.Context) (eventstore.Head, error) {
	head, err := o.handle.Head(ctx)
	if grow := o.grow; grow != nil {
		o.grow = nil
		grow()
	}
	return head, err
}

func TestACopyThatGrewWhileTheHeadWasReadProvesNoLoss(t *testing.T) {
	p := newPlace(t)
	recs := logtest.Fill(t, p.remote, 10)
	remote := &overtaking{handle: newHandle(p.remote)}
	log, err := localcopy.Open(t.Context(), p.dir, "test", remote, localcopy.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	require.Equal(t, recs, logtest.All(t, log, 0))
	remote.grow = func() { logtest.Fill(t, log, 5) }
	require.Equal(t, recs, logtest.All(t, log, 0), "what came behind the head is for the next reading")
	require.Len(t, logtest.All(t, log, 0), 15)
	remote.grow = func() { logtest.Fill(t, log, 5) }
	require.NoError(t, localcopy.Holds(t.Context(), p.dir, remote))
}

func TestWhatIsNoCopyOfTheLogProvesNothingAboutIt(t *testing.T) {
	p, _ := copied(t, 10)
	empty := eventstore.NewMemory("other")
	require.NoError(t, localcopy.Holds(t.Context(), p.dir, empty), "another portfolio's")
	require.NoError(t, localcopy.Holds(t.Context(), filepath.Join(p.dir, "none"), empty))
	require.NoDirExists(t, filepath.Join(p.dir, "none"))
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, "events.db"), []byte("no database, but long enough for a header of one"), 0o600))
	require.NoError(t, localcopy.Holds(t.Context(), p.dir, holding(t, nil)))
}
