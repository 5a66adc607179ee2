package logtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

// replayAll reads a log with every check and returns what ended it.
func replayAll(t *testing.T, log eventstore.Log) error {
	t.Helper()
	_, err := eventstore.Replay(t.Context(), log, 0, func(domain.Recorded, eventstore.Hash) error { return nil })
	return err
}

// flipBit changes one bit of a copy, so that records shared with others stay sound.
func flipBit(b []byte, bit int) []byte {
	b = append([]byte(nil), b...)
	b[bit/8] ^= 1 << (bit % 8)
	return b
}

func flipped(t *testing.T, s Store) {
	if s.Spoil == nil {
		t.Skip("nobody can reach the bytes of this log")
	}
	log := s.open(t)
	recs := Fill(t, log, 8)
	const rev = 5
	r := recs[rev]
	flip := func(change func(*eventstore.Record)) {
		t.Helper()
		s.Spoil(t, log, rev, change)
		var corrupt *eventstore.Corrupt
		require.ErrorAs(t, replayAll(t, log), &corrupt)
		require.Equal(t, uint64(rev), corrupt.Rev)
		s.Spoil(t, log, rev, func(stored *eventstore.Record) { *stored = r })
	}
	// A stride that is coprime to 8 visits every bit position without visiting every bit.
	for bit := 0; bit < 8*len(r.Meta); bit += 41 {
		flip(func(stored *eventstore.Record) { stored.Meta = flipBit(stored.Meta, bit) })
	}
	for bit := 0; bit < 8*len(r.Data); bit += 13 {
		flip(func(stored *eventstore.Record) { stored.Data = flipBit(stored.Data, bit) })
	}
	for bit := 0; bit < 8*len(r.Hash); bit += 13 {
		flip(func(stored *eventstore.Record) { copy(stored.Hash[:], flipBit(stored.Hash[:], bit)) })
	}
	flip(func(stored *eventstore.Record) { stored.Data = stored.Data[:len(stored.Data)-1] })
	flip(func(stored *eventstore.Record) {
		*stored = eventstore.Record{Rev: rev, Meta: recs[4].Meta, Data: recs[4].Data, Hash: recs[4].Hash}
	})
	require.NoError(t, replayAll(t, log), "the damage is mended, so the log is sound again")
}

func rehashed(t *testing.T, s Store) {
	if s.Spoil == nil {
		t.Skip("nobody can reach the bytes of this log")
	}
	log := s.open(t)
	recs := Fill(t, log, 8)
	forged := seal(t, eventstore.NewSealer(recs[4].After(), start, author), anyEvent(), 5)
	s.Spoil(t, log, 5, func(stored *eventstore.Record) { *stored = forged })
	var corrupt *eventstore.Corrupt
	require.ErrorAs(t, replayAll(t, log), &corrupt)
	require.Equal(t, uint64(6), corrupt.Rev)
	require.Contains(t, corrupt.Reason, "the chain is broken")
	require.Equal(t, recs[:5], All(t, log, 0)[:5])
}
