package sqlite_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/logtest"
	"pm/eventstore/sqlite"
)

func openCopy(t *testing.T, dir string) *sqlite.Log {
	t.Helper()
	log, err := sqlite.OpenCopy(dir, logtest.Portfolio, "test")
	require.NoError(t, err)
	return log
}

func TestAnAppendOfAnySizeIsStoredWholeInItsOrder(t *testing.T) {
	for name, open := range map[string]func(*testing.T, string) *sqlite.Log{"a log": open, "a copy": openCopy} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			log, stream := open(t, dir), logtest.NewStream()
			var all []eventstore.Record
			for _, n := range []int{1, 15, 16, 17, 31, 32, 33, 100, 2} { // around the number that goes into one statement
				at, recs := stream.Head(), stream.Next(t, n)
				require.NoError(t, log.Append(t.Context(), at, recs))
				all = append(all, recs...)
			}
			require.Equal(t, all, logtest.All(t, log, 0))
			require.NoError(t, log.Close())
			again := openCopy(t, dir)
			require.Equal(t, all, logtest.All(t, again, 0), "what was closed is there")
			require.NoError(t, again.Close())
		})
	}
}

func TestACopyTakesOnlyWhatItsChainProves(t *testing.T) {
	stream := logtest.NewStream()
	at, recs := stream.Head(), stream.Next(t, 20)
	for name, spoil := range map[string]func([]eventstore.Record) []eventstore.Record{
		"other bytes": func(r []eventstore.Record) []eventstore.Record {
			r[17].Data = append(bytes.Clone(r[17].Data), ' ')
			return r
		},
		"a record less":  func(r []eventstore.Record) []eventstore.Record { return slices.Delete(r, 3, 4) },
		"another order":  func(r []eventstore.Record) []eventstore.Record { r[3], r[4] = r[4], r[3]; return r },
		"a later record": func(r []eventstore.Record) []eventstore.Record { return r[1:] },
		"no records":     func([]eventstore.Record) []eventstore.Record { return nil },
		"a forged record": func(r []eventstore.Record) []eventstore.Record {
			r[3].Data = []byte("{}")
			r[3].Hash = eventstore.HashOf(r[3].Meta, r[3].Data)
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := openCopy(t, t.TempDir())
			defer log.Close()
			require.Error(t, log.Append(t.Context(), at, spoil(slices.Clone(recs))))
			head, err := log.Head(t.Context())
			require.NoError(t, err)
			require.Equal(t, at, head, "none of it is kept")
			require.NoError(t, log.Append(t.Context(), at, recs), "and the copy is not broken by it")
		})
	}
}

func TestACopyKeepsWhatOnlyAReaderCanJudge(t *testing.T) {
	log := openCopy(t, t.TempDir())
	defer log.Close()
	at := eventstore.Empty(logtest.Portfolio)
	for _, epoch := range []uint64{2, 1} { // it falls: the log that it copies is at fault, and the copy says so as that log does
		sealer := eventstore.NewSealer(at, time.Time{}, eventstore.Author{Portfolio: logtest.Portfolio, Instance: "a", Build: "b", Epoch: epoch})
		rec, _, err := sealer.Seal(eventstore.Draft{Event: &domain.AlarmRaised{Code: "x"}, At: time.Now().UTC()})
		require.NoError(t, err)
		require.NoError(t, log.Append(t.Context(), at, []eventstore.Record{rec}))
		at = rec.After()
	}
	_, err := eventstore.Replay(t.Context(), log, 0, func(domain.Recorded, eventstore.Hash) error { return nil })
	var corrupt *eventstore.Corrupt
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, uint64(1), corrupt.Rev)
	require.Contains(t, corrupt.Reason, "the epoch falls from 2 to 1")
}
