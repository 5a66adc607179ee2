package eventstore_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/logtest"
)

// foreignID is a log whose chain and hashes are sound, and in which revision 2 has another id than the rule makes.
func foreignID(t *testing.T) eventstore.Log {
	t.Helper()
	log := newMemory(t)
	at := logtest.End(logtest.Fill(t, log, 2))
	rec := logtest.Chain(t, at, 1)[0]
	got, err := eventstore.Decode(rec)
	require.NoError(t, err)
	rec.Meta = bytes.ReplaceAll(rec.Meta, []byte(got.ID), []byte(domain.NewEventID(logtest.Portfolio, 7, rec.Data)))
	rec.Hash = eventstore.HashOf(rec.Meta, rec.Data)
	require.NoError(t, log.Append(t.Context(), at, []eventstore.Record{rec}))
	return log
}

func TestAnAuditHoldsEachIDAgainstItsRuleAndAStartDoesNot(t *testing.T) {
	log := foreignID(t)
	head, err := eventstore.Replay(t.Context(), log, 0, func(domain.Recorded, eventstore.Hash) error { return nil })
	require.NoError(t, err, "the chain is sound")
	require.Equal(t, uint64(3), head.Next)
	head, err = eventstore.Audit(t.Context(), log, nil)
	var corrupt *eventstore.Corrupt
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, uint64(2), corrupt.Rev)
	require.Contains(t, corrupt.Reason, "but its place and bytes make")
	require.Equal(t, uint64(2), head.Next, "the last good revision is 1")
	_, err = eventstore.Export(t.Context(), log, io.Discard)
	require.ErrorContains(t, err, "DATA_CORRUPT: revision 2: its id is")
}

func TestAnExportWithAnotherIDIsNotRead(t *testing.T) {
	log := foreignID(t)
	text := `{"format":"pm-log/1","portfolio":"logtest"}` + "\n"
	for _, r := range logtest.All(t, log, 0) {
		text += `{"meta":` + string(r.Meta) + `,"data":` + string(r.Data) + `,"hash":"` + r.Hash.String() + `"}` + "\n"
	}
	var target eventstore.Log
	_, err := eventstore.Import(t.Context(), strings.NewReader(text), into(t, &target))
	require.ErrorContains(t, err, "line 4: DATA_CORRUPT: revision 2: its id is")
}

func TestAnAuditSeesEveryEventOfASoundLog(t *testing.T) {
	log, _ := exported(t, 1500)
	n := uint64(0)
	head, err := eventstore.Audit(t.Context(), log, func(domain.Recorded, eventstore.Hash) error { n++; return nil })
	require.NoError(t, err)
	require.Equal(t, head.Next, n)
}

func TestAnExportIsReadWithoutAStore(t *testing.T) {
	log, text := exported(t, 1500)
	want := logtest.All(t, log, 0)
	x, err := eventstore.NewExportReader(strings.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, logtest.Portfolio, x.Portfolio())
	require.Equal(t, eventstore.Empty(logtest.Portfolio), x.Head())
	for i := range want {
		rec, got, err := x.Next()
		require.NoError(t, err)
		require.Equal(t, want[i], rec)
		require.Equal(t, uint64(i), got.Rev)
		require.Equal(t, rec.After(), x.Head())
	}
	_, _, err = x.Next()
	require.Equal(t, io.EOF, err)

	broken := strings.NewReader(text[:len(text)/2])
	x, err = eventstore.NewExportReader(io.MultiReader(broken, failing{}))
	require.NoError(t, err)
	for err == nil {
		_, _, err = x.Next()
	}
	var corrupt *eventstore.Corrupt
	require.NotErrorAs(t, err, &corrupt, "a disk that cannot be read is no damage of the log")
	require.ErrorIs(t, err, errDisk)
}

var errDisk = errors.New("input/output error")

// failing is a disk that cannot be read.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errDisk }

func TestAHalfDoneImportIsResumedAndNothingElseIs(t *testing.T) {
	log, text := exported(t, 2500)
	want := logtest.All(t, log, 0)
	for _, had := range []int{0, 1, 1000, len(want) - 1, len(want)} {
		target := newMemory(t)
		if had > 0 {
			require.NoError(t, target.Append(t.Context(), eventstore.Empty(logtest.Portfolio), want[:had]))
		}
		here := func(domain.PortfolioID) (eventstore.Log, error) { return target, nil }
		head, err := eventstore.Resume(t.Context(), strings.NewReader(text), here)
		require.NoError(t, err)
		require.Equal(t, logtest.End(want), head)
		require.Equal(t, want, logtest.All(t, target, 0))
	}
	other := newMemory(t)
	recs := logtest.Fill(t, other, 5)
	here := func(domain.PortfolioID) (eventstore.Log, error) { return other, nil }
	_, err := eventstore.Resume(t.Context(), strings.NewReader(text), here)
	require.ErrorIs(t, err, eventstore.ErrOtherLog)
	require.Equal(t, recs, logtest.All(t, other, 0))

	_, short := exported(t, 10)
	longer := newMemory(t)
	require.NoError(t, longer.Append(t.Context(), eventstore.Empty(logtest.Portfolio), want))
	here = func(domain.PortfolioID) (eventstore.Log, error) { return longer, nil }
	_, err = eventstore.Resume(t.Context(), strings.NewReader(short), here)
	require.ErrorIs(t, err, eventstore.ErrOtherLog)
	require.ErrorContains(t, err, "the export at revision")
}

func TestAnAuditCanBeGivenUp(t *testing.T) {
	log, _ := exported(t, 1500)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := eventstore.Audit(ctx, log, nil)
	require.ErrorIs(t, err, context.Canceled)
}

func TestALogHoldsTheHeadsThatItHadAndNoOthers(t *testing.T) {
	log := newMemory(t)
	recs := logtest.Fill(t, log, 4)
	require.NoError(t, eventstore.Holds(t.Context(), log, eventstore.Empty(logtest.Portfolio)))
	for i, r := range recs {
		require.NoError(t, eventstore.Holds(t.Context(), log, r.After()))
		other := eventstore.Head{Next: uint64(i) + 1, Hash: recs[(i+1)%4].Hash}
		var corrupt *eventstore.Corrupt
		require.ErrorAs(t, eventstore.Holds(t.Context(), log, other), &corrupt)
		require.Equal(t, r.Rev, corrupt.Rev)
	}
	var corrupt *eventstore.Corrupt
	require.ErrorAs(t, eventstore.Holds(t.Context(), log, eventstore.Head{Next: 5, Hash: recs[3].Hash}), &corrupt)
	require.Equal(t, uint64(4), corrupt.Rev)
	require.Contains(t, corrupt.Reason, "it once went up to revision 4")
}
