package eventstore_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/eventstore"
	"pm/eventstore/logtest"
)

func TestLinksTakeASoundRunFromItsBeginningAndFromTheMiddle(t *testing.T) {
	recs := logtest.NewStream().Next(t, 100)
	l := eventstore.NewLinks(eventstore.Empty(logtest.Portfolio))
	require.NoError(t, l.Check(recs[:40]))
	require.NoError(t, l.Check(recs[40:]))
	require.Equal(t, logtest.End(recs), l.Head())
	middle := eventstore.NewLinksAt(40)
	require.NoError(t, middle.Check(recs[40:]))
	require.Equal(t, logtest.End(recs), middle.Head())
}

func TestLinksFindWhatTheChainSays(t *testing.T) {
	recs := logtest.NewStream().Next(t, 10)
	for name, c := range map[string]struct {
		spoil  func([]eventstore.Record) []eventstore.Record
		rev    uint64
		reason string
	}{
		"a gap":       {func(r []eventstore.Record) []eventstore.Record { return slices.Delete(r, 4, 5) }, 4, "revision 5 stands there"},
		"other data":  {func(r []eventstore.Record) []eventstore.Record { r[4].Data = []byte("{}"); return r }, 4, "its bytes do not have its hash"},
		"other meta":  {func(r []eventstore.Record) []eventstore.Record { r[4].Meta = r[3].Meta; return r }, 4, "its bytes do not have its hash"},
		"other hash":  {func(r []eventstore.Record) []eventstore.Record { r[4].Hash[0] ^= 1; return r }, 4, "its bytes do not have its hash"},
		"a forgery":   {forged(func(m []byte) []byte { return m }), 5, "it does not continue the record before"},
		"a short one": {forged(func([]byte) []byte { return []byte(`{}`) }), 4, "it does not continue the record before"},
		"another key": {forged(func(m []byte) []byte { return bytes.Replace(m, []byte(`"prev"`), []byte(`"prew"`), 1) }), 4, "it does not continue the record before"},
	} {
		t.Run(name, func(t *testing.T) {
			l := eventstore.NewLinks(eventstore.Empty(logtest.Portfolio))
			var corrupt *eventstore.Corrupt
			require.ErrorAs(t, l.Check(c.spoil(slices.Clone(recs))), &corrupt)
			require.Equal(t, c.rev, corrupt.Rev)
			require.Equal(t, c.reason, corrupt.Reason)
			require.Equal(t, c.rev, l.Head().Next, "it stands before the record at fault")
		})
	}
}

// forged gives revision 4 other bytes and the hash that they have.
func forged(meta func([]byte) []byte) func([]eventstore.Record) []eventstore.Record {
	return func(recs []eventstore.Record) []eventstore.Record {
		r := &recs[4]
		r.Meta, r.Data = meta(bytes.Clone(r.Meta)), []byte(`{"forged":true}`)
		r.Hash = eventstore.HashOf(r.Meta, r.Data)
		return recs
	}
}

func TestLinksDoNotTakeTheFirstRecordOfAnotherLog(t *testing.T) {
	var corrupt *eventstore.Corrupt
	err := eventstore.NewLinks(eventstore.Empty("another")).Check(logtest.NewStream().Next(t, 1))
	require.ErrorAs(t, err, &corrupt)
	require.Zero(t, corrupt.Rev)
}

// BenchmarkLinks measures what a reading from a copy pays for each record beside the reader's own check.
func BenchmarkLinks(b *testing.B) {
	recs := logtest.NewStream().Next(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		if err := eventstore.NewLinks(eventstore.Empty(logtest.Portfolio)).Check(recs); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N*len(recs)), "ns/record")
}
