package damage_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/eventstore"
	"pm/eventstore/localcopy"
	"pm/eventstore/logtest"
	"pm/eventstore/sqlite"
)

// remote is a store far away, sound and open for as long as the campaign; it counts the records that are fetched from it.
type remote struct {
	*eventstore.Memory
	fetched *int
}

// Read counts.
func (r remote) Read(ctx context.Context, from uint64, each func([]eventstore.Record) error) error {
	return r.Memory.Read(ctx, from, func(recs []eventstore.Record) error {
		*r.fetched += len(recs)
		return each(recs)
	})
}

// Close leaves the store open for the next case.
func (remote) Close() error { return nil }

// copied is the local copy of a remote log. Damage of it is no finding: it is discarded or filled up, and the reader gets the log.
func copied() Store {
	file := embedded("", sqlite.OpenReader)
	return Store{
		Name:  "local copy of a remote log",
		Image: file.Image,
		Reader: func(t testing.TB, _ Memory) Reader {
			dir, store := filepath.Join(scratch(t), "copy"), eventstore.NewMemory(logtest.Portfolio)
			t.Cleanup(func() { _ = store.Close() })
			require.NoError(t, store.Append(context.Background(), eventstore.Empty(logtest.Portfolio), original(t)))
			return func(ctx context.Context, image []byte) ([]eventstore.Record, bool, error) {
				if err := layCopy(dir, image); err != nil {
					return nil, false, harness{err}
				}
				return readCopy(ctx, dir, store)
			}
		},
	}
}

// layCopy puts a copy in its folder, alone.
func layCopy(dir string, image []byte) error {
	for _, old := range []string{dir, dir + ".discarded"} {
		if err := os.RemoveAll(old); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, logFile), image, 0o600)
}

// readCopy reads everything through the copy, as a start does. One record is always asked for, to compare the copy's end; what is fetched
// beyond that mended it.
func readCopy(ctx context.Context, dir string, store *eventstore.Memory) (recs []eventstore.Record, mended bool, err error) {
	fetched, discarded := 0, false
	log, err := localcopy.Open(ctx, dir, "damage", remote{store, &fetched}, localcopy.Options{
		Logger: slog.New(slog.DiscardHandler), OnDiscard: func(string) { discarded = true },
	})
	if err != nil {
		return nil, false, err
	}
	compared := fetched
	check := eventstore.NewAuditor(log.Portfolio())
	err = log.Read(ctx, 0, func(chunk []eventstore.Record) error {
		for _, r := range chunk {
			if _, err := check.Check(r); err != nil {
				return err
			}
		}
		recs = append(recs, chunk...)
		return nil
	})
	if closing := log.Close(); err == nil {
		err = closing
	}
	return recs, discarded || fetched > compared, err
}

func TestNoDamageOfALocalCopyReachesAReader(t *testing.T) {
	run(t, copied(), plan{flips: 29999, cuts: 5999, rows: 199}, everything)
}
