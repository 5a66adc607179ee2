package eventstore_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/canon"
	"pm/eventstore"
	"pm/eventstore/logtest"
)

// BenchmarkDecodeEvent measures one record's decoding, by codec: the plan of canon beside encoding/json.
func BenchmarkDecodeEvent(b *testing.B) {
	recs := logtest.NewStream().Next(b, 200)
	types := make([]func() domain.Event, len(recs))
	for i, r := range recs {
		got, err := eventstore.Decode(r)
		require.NoError(b, err)
		types[i] = domain.EventTypes[got.Type]
	}
	b.Run("canon", func(b *testing.B) {
		b.ReportAllocs()
		d := canon.Decoder{Memory: new(canon.Memory)}
		for i := 0; b.Loop(); i++ {
			var m domain.Meta
			k := i % len(recs)
			if d.Decode(recs[k].Meta, &m) != nil || d.Decode(recs[k].Data, types[k]()) != nil {
				b.Fatal("not decoded")
			}
		}
	})
	b.Run("encoding_json", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			var m domain.Meta
			k := i % len(recs)
			if json.Unmarshal(recs[k].Meta, &m) != nil || json.Unmarshal(recs[k].Data, types[k]()) != nil {
				b.Fatal("not decoded")
			}
		}
	})
}

// BenchmarkSeal measures what the writer pays for an event before it reaches the disk.
func BenchmarkSeal(b *testing.B) {
	s := logtest.NewStream()
	b.ReportAllocs()
	for n := 0; n < b.N; {
		n += len(s.Next(b, min(1000, b.N-n)))
	}
}

// BenchmarkReplayMemory measures verification alone: no disk, no fold.
func BenchmarkReplayMemory(b *testing.B) {
	log := eventstore.NewMemory(logtest.Portfolio)
	s := logtest.NewStream()
	const events = 100_000
	for s.Head().Next < events {
		at := s.Head()
		require.NoError(b, log.Append(b.Context(), at, s.Next(b, 1000)))
	}
	for b.Loop() {
		_, err := eventstore.Replay(b.Context(), log, 0, func(domain.Recorded, eventstore.Hash) error { return nil })
		require.NoError(b, err)
	}
	b.ReportMetric(float64(s.Head().Next)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
