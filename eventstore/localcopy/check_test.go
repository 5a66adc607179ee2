package localcopy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pm/eventstore"
	"pm/eventstore/logtest"
)

func TestTheHashOfACheckIsThatOfTheLog(t *testing.T) {
	var c chain
	for _, r := range logtest.NewStream().Next(t, 100) {
		require.Equal(t, eventstore.HashOf(r.Meta, r.Data), c.hashOf(&r))
	}
}

// BenchmarkCheck measures what a reading from the copy pays for each record beside the reader's own check.
func BenchmarkCheck(b *testing.B) {
	recs := logtest.NewStream().Next(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		c := &chain{before: eventstore.Genesis(logtest.Portfolio), known: true}
		if err := c.check(recs); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N*len(recs)), "ns/record")
}
