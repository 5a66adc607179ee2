package eventstore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/logtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newMemory(t *testing.T) *eventstore.Memory {
	t.Helper()
	log := eventstore.NewMemory(logtest.Portfolio)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}

func TestTheMemoryLogKeepsThePromisesOfTheLog(t *testing.T) {
	logtest.Run(t, logtest.Store{
		Open: func(*testing.T) eventstore.Log { return eventstore.NewMemory(logtest.Portfolio) },
		Spoil: func(_ *testing.T, log eventstore.Log, rev uint64, change func(*eventstore.Record)) {
			log.(*eventstore.Memory).Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error {
				if r.Rev == rev {
					change(r)
				}
				return nil
			}})
		},
	})
}

func TestAnAppendCanFailBeforeItIsStored(t *testing.T) {
	log := newMemory(t)
	recs := logtest.Fill(t, log, 1)
	full := errors.New("no space left")
	log.Fault(eventstore.Faults{BeforeAppend: func(context.Context, eventstore.Head, []eventstore.Record) error { return full }})
	require.ErrorIs(t, log.Append(t.Context(), logtest.End(recs), logtest.Chain(t, logtest.End(recs), 1)), full)
	log.Fault(eventstore.Faults{})
	require.Equal(t, recs, logtest.All(t, log, 0))
}

func TestAnAppendCanBeStoredAndAnswerThatNobodyKnows(t *testing.T) {
	log := newMemory(t)
	at := eventstore.Empty(logtest.Portfolio)
	recs := logtest.Chain(t, at, 2)
	log.Fault(eventstore.Faults{AfterAppend: func(context.Context, eventstore.Head, []eventstore.Record) error { return eventstore.ErrOutcomeUnknown }})
	require.ErrorIs(t, log.Append(t.Context(), at, recs), eventstore.ErrOutcomeUnknown)
	log.Fault(eventstore.Faults{})
	var wrong *eventstore.WrongHead
	require.ErrorAs(t, log.Append(t.Context(), at, recs), &wrong, "the same again meets its own records")
	require.Equal(t, logtest.End(recs), wrong.Actual)
	require.Equal(t, recs, logtest.All(t, log, 0))
}

func TestAnAppendCanAnswerLateWhileOthersRead(t *testing.T) {
	log := newMemory(t)
	at := eventstore.Empty(logtest.Portfolio)
	recs := logtest.Chain(t, at, 2)
	stored, answer := make(chan struct{}), make(chan struct{})
	log.Fault(eventstore.Faults{AfterAppend: func(ctx context.Context, _ eventstore.Head, _ []eventstore.Record) error {
		close(stored)
		<-answer
		return ctx.Err()
	}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- log.Append(ctx, at, recs) }()
	<-stored
	require.Equal(t, recs, logtest.All(t, log, 0))
	cancel()
	close(answer)
	require.ErrorIs(t, <-ended, context.Canceled)
}

func TestAWrongHeadCanBeInjected(t *testing.T) {
	log := newMemory(t)
	log.Fault(eventstore.Faults{BeforeAppend: func(_ context.Context, at eventstore.Head, _ []eventstore.Record) error {
		return &eventstore.WrongHead{Expected: at, Actual: eventstore.Head{Next: 7}}
	}})
	var wrong *eventstore.WrongHead
	at := eventstore.Empty(logtest.Portfolio)
	require.ErrorAs(t, log.Append(t.Context(), at, logtest.Chain(t, at, 1)), &wrong)
	require.ErrorContains(t, wrong, "the log ends at revision 6")
	require.ErrorContains(t, wrong, "not at empty")
}

func TestAReadCanFailInTheMiddle(t *testing.T) {
	log := newMemory(t)
	logtest.Fill(t, log, eventstore.ChunkRecords+10)
	broken := errors.New("input/output error")
	log.Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error {
		if r.Rev == eventstore.ChunkRecords+3 {
			return broken
		}
		return nil
	}})
	seen := 0
	head, err := eventstore.Replay(t.Context(), log, 0, func(domain.Recorded, eventstore.Hash) error { seen++; return nil })
	require.ErrorIs(t, err, broken)
	require.Equal(t, eventstore.ChunkRecords, seen)
	require.Equal(t, uint64(eventstore.ChunkRecords), head.Next)
}
