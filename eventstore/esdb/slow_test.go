package esdb_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/eventstore/esdb/esdbtest"
	"pm/eventstore/logtest"
)

func TestAnAppendOverASlowLineSaysThatTheTimeWasTooShort(t *testing.T) {
	s := esdbtest.Start(t, esdbtest.Options{BytesPerSecond: 256 << 10})
	o := quick()
	o.AppendDeadline = 100 * time.Millisecond
	log := open(t, s, o)
	at := eventstore.Empty(logtest.Portfolio)
	recs := logtest.Chain(t, at, 400) // more than the connection takes at once: the library learns of it in the middle of sending
	err := log.Append(t.Context(), at, recs)
	require.ErrorIs(t, err, eventstore.ErrOutcomeUnknown)
	require.ErrorContains(t, err, "no answer within 100ms")
	require.NotContains(t, err.Error(), "sorry")
	patient, err := esdb.Open(t.Context(), s.URL(), logtest.Portfolio, quick())
	require.NoError(t, err)
	appendUntilKnown(t, patient, at, recs)
	require.NoError(t, patient.Close())
}
