package damage_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/eventstore"
	"pm/eventstore/logtest"
	"pm/eventstore/signature"
	"pm/eventstore/sqlite"
)

// events is how long the log is that gets damaged.
const events = 200

// plan says how many of the cases are tried: every stride-th; 0 is none. The strides are odd, so that all eight places of a bit are met.
type plan struct{ flips, cuts, rows int }

// everything is the long plan of a store whose bytes are the only ones of their kind.
var everything = plan{1, 1, 1}

// full says whether the long plans are run.
func full() bool { return os.Getenv("PM_DAMAGE") == "full" }

// original is the log that gets damaged, the same in every run.
func original(t testing.TB) []eventstore.Record {
	t.Helper()
	return logtest.NewStream().Next(t, events)[:events]
}

// prepared is a log in a store, and what is remembered of it.
func prepared(t *testing.T, s Store) campaign {
	t.Helper()
	recs := original(t)
	key, err := signature.NewKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize)))
	require.NoError(t, err)
	head := logtest.End(recs)
	side, err := key.Sign(signature.OfLog(logtest.Portfolio, head))
	require.NoError(t, err)
	c := campaign{store: s, recs: recs, image: s.Image(t, recs), remembered: Memory{head, side}}
	got, mended, err := s.Reader(t, c.remembered)(t.Context(), c.image)
	require.NoError(t, err)
	require.False(t, mended)
	require.True(t, same(recs, got), "what is not damaged is read as it was written")
	return c
}

// run damages a log in a store by the short plan or the long one.
func run(t *testing.T, s Store, short, long plan) {
	c, p := prepared(t, s), short
	if full() {
		p = long
	}
	for _, kind := range []struct {
		name   string
		damage func(*testing.T, int) tally
		stride int
	}{{"flips", c.flips, p.flips}, {"cuts", c.cuts, p.cuts}, {"rows", c.rewritten, p.rows}} {
		if kind.stride == 0 {
			continue
		}
		t.Run(kind.name, func(t *testing.T) {
			began := time.Now()
			sum := kind.damage(t, kind.stride)
			t.Logf("%s, %d bytes, %s, every %d: %s; took %s", s.Name, len(c.image), kind.name, kind.stride, sum, time.Since(began).Round(time.Millisecond))
			sum.require(t)
		})
	}
}

func TestNoDamageOfAnExportGoesUnseen(t *testing.T) {
	run(t, export(), plan{flips: 1999, cuts: 397, rows: 40}, everything)
}

func TestNoDamageOfTheEmbeddedLogGoesUnseen(t *testing.T) {
	run(t, embedded("embedded log", sqlite.OpenReader), plan{flips: 3999, cuts: 997, rows: 100}, everything)
}

func TestNoDamageOfTheEmbeddedLogGetsPastAStart(t *testing.T) {
	run(t, embedded("embedded log at a start", openAsAStart), plan{flips: 9999, cuts: 1997, rows: 199}, plan{flips: 17, cuts: 17, rows: 10})
}

func TestNoDamageOfTheWriteAheadLogGoesUnseen(t *testing.T) {
	run(t, killed(), plan{flips: 19999, cuts: 9999}, plan{flips: 31, cuts: 31})
}

// unchecked reads an export as a program would that trusts its disk.
func unchecked() Store {
	s := export()
	s.Name, s.OtherCode = "unchecked", "JSON"
	s.Reader = func(testing.TB, Memory) Reader {
		return func(_ context.Context, image []byte) (recs []eventstore.Record, _ bool, err error) {
			for i, line := range bytes.Split(bytes.TrimSpace(image), []byte("\n"))[1:] {
				var l struct {
					Meta, Data json.RawMessage
					Hash       string
				}
				if err := json.Unmarshal(line, &l); err != nil {
					return nil, false, err
				}
				hash, _ := eventstore.ParseHash(l.Hash)
				recs = append(recs, eventstore.Record{Rev: uint64(i), Meta: l.Meta, Data: l.Data, Hash: hash})
			}
			return recs, false, nil
		}
	}
	return s
}

func TestTheCampaignSeesAReaderThatChecksNothing(t *testing.T) {
	c := prepared(t, unchecked())
	for _, sum := range []tally{c.flips(t, 4999), c.cuts(t, 997), c.rewritten(t, 100)} {
		t.Log(sum)
		require.Positive(t, sum.failures)
		require.NotEmpty(t, sum.failed)
	}
}

func TestTheCampaignSeesAReaderThatPanicsOrHangs(t *testing.T) {
	s := export()
	c := prepared(t, s)
	c.store.Reader = func(testing.TB, Memory) Reader {
		return func(context.Context, []byte) ([]eventstore.Record, bool, error) { panic("out of range") }
	}
	require.Equal(t, 2, c.flips(t, 4*len(c.image)).failures)
	c.store.Reader = func(testing.TB, Memory) Reader {
		return func(context.Context, []byte) ([]eventstore.Record, bool, error) {
			return nil, false, context.DeadlineExceeded
		}
	}
	require.Equal(t, 2, c.flips(t, 4*len(c.image)).failures)
}
