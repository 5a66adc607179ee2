package esdb_test

import (
	"context"
	"testing"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"pm/eventstore/esdb/esdbtest"
)

func TestTheTestServerFailsAsOftenAsItIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		o    esdbtest.Options
		code client.ErrorCode
	}{
		"wrong version": {esdbtest.Options{WrongPercent: 100}, client.ErrorCodeWrongExpectedVersion},
		"not leader":    {esdbtest.Options{NotLeaderPercent: 100}, client.ErrorCodeNotLeader},
		"denied":        {esdbtest.Options{DeniedPercent: 100}, client.ErrorCodeAccessDenied},
		"deadline":      {esdbtest.Options{ExpiredPercent: 100}, client.ErrorCodeDeadlineExceeded},
		"disconnect":    {esdbtest.Options{DropPercent: 100}, client.ErrorUnavailable},
		"reset":         {esdbtest.Options{ResetPercent: 100}, client.ErrorUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := esdbtest.Start(t, c.o)
			_, err := bare(t, s).AppendToStream(t.Context(), "some", client.AppendToStreamOptions{ExpectedRevision: client.Any{}}, something())
			seen, _ := client.FromError(err)
			require.Equal(t, c.code, seen.Code(), "%v", err)
		})
	}
}

// something is an event that nobody looks at.
func something() client.EventData {
	return client.EventData{EventID: uuid.New(), EventType: "note", ContentType: client.ContentTypeJson, Data: []byte(`{}`), Metadata: []byte(`{}`)}
}

func TestTheTestServerReadsSlowlyAsOftenAsItIsTold(t *testing.T) {
	s := esdbtest.Start(t, esdbtest.Options{SlowPercent: 100, SlowBy: time.Hour})
	_, err := bare(t, s).AppendToStream(t.Context(), "some", client.AppendToStreamOptions{ExpectedRevision: client.Any{}}, something())
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	stream, err := bare(t, s).ReadStream(ctx, "some", client.ReadStreamOptions{}, 1)
	if err == nil {
		defer stream.Close()
		_, err = stream.Recv()
	}
	require.ErrorContains(t, err, "DeadlineExceeded")
}
