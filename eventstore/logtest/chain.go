// Package logtest is the conformance suite of the log port: a log that passes Run keeps the promises of eventstore.Log.
//
// It also makes records: Chain for small logs, Stream for long ones with a realistic mix of events. Only tests and benchmarks
// import it.
package logtest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

// Portfolio is the portfolio of every log of the suite.
const Portfolio domain.PortfolioID = "logtest"

// start is the log time of revision 0.
var start = time.Date(2025, 1, 2, 3, 45, 0, 0, time.UTC)

// author signs every record of the suite.
var author = eventstore.Author{Portfolio: Portfolio, Instance: "logtest", Build: "test", Epoch: 1}

// Chain makes n records that continue a head.
func Chain(t testing.TB, at eventstore.Head, n int) []eventstore.Record {
	t.Helper()
	sealer := eventstore.NewSealer(at, time.Time{}, author)
	recs := make([]eventstore.Record, n)
	for i := range recs {
		rev := at.Next + uint64(i)
		recs[i] = seal(t, sealer, &domain.AlarmRaised{Code: "logtest", Subject: "record " + time.Duration(rev).String()}, rev)
	}
	return recs
}

// Sized makes n records of exactly size bytes that continue a head.
func Sized(t testing.TB, at eventstore.Head, n, size int) []eventstore.Record {
	t.Helper()
	recs := make([]eventstore.Record, n)
	for i := range recs {
		rev := at.Next
		bare := seal(t, eventstore.NewSealer(at, time.Time{}, author), &domain.AlarmRaised{Code: "x"}, rev)
		e := &domain.AlarmRaised{Code: "x" + strings.Repeat("y", size-bare.Size())}
		recs[i] = seal(t, eventstore.NewSealer(at, time.Time{}, author), e, rev)
		require.Equal(t, size, recs[i].Size())
		at = recs[i].After()
	}
	return recs
}

func seal(t testing.TB, s *eventstore.Sealer, e domain.Event, rev uint64) eventstore.Record {
	t.Helper()
	rec, _, err := s.Seal(eventstore.Draft{Event: e, At: start.Add(time.Duration(rev) * time.Millisecond)})
	require.NoError(t, err)
	return rec
}

// End is the head after records.
func End(recs []eventstore.Record) eventstore.Head { return recs[len(recs)-1].After() }

// Fill appends n records to a log, at most MaxBatch at a time, and returns them.
func Fill(t testing.TB, log eventstore.Log, n int) []eventstore.Record {
	t.Helper()
	head, err := log.Head(t.Context())
	require.NoError(t, err)
	recs := Chain(t, head, n)
	for rest := recs; len(rest) > 0; {
		part := rest[:min(len(rest), eventstore.MaxBatch)]
		require.NoError(t, log.Append(t.Context(), head, part))
		head, rest = End(part), rest[len(part):]
	}
	return recs
}

// All reads a log from a revision on.
func All(t testing.TB, log eventstore.Log, from uint64) []eventstore.Record {
	t.Helper()
	var all []eventstore.Record
	require.NoError(t, log.Read(t.Context(), from, func(recs []eventstore.Record) error {
		all = append(all, recs...)
		return nil
	}))
	return all
}
