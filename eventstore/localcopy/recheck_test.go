package localcopy_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/localcopy"
	"pm/eventstore/logtest"
)

// forgedChain is a chain from revision 0 on that is sound by itself, of a portfolio in the metadata.
func forgedChain(t *testing.T, n int, portfolio domain.PortfolioID) (recs []eventstore.Record) {
	t.Helper()
	s := eventstore.NewSealer(eventstore.Empty(logtest.Portfolio), time.Time{}, eventstore.Author{Portfolio: portfolio, Instance: "x", Build: "x", Epoch: 1})
	for range n {
		rec, _, err := s.Seal(eventstore.Draft{Event: &domain.AlarmRaised{Code: "x"}, At: time.Date(2025, 1, 2, 3, 45, 0, 0, time.UTC)})
		require.NoError(t, err)
		recs = append(recs, rec)
	}
	return recs
}

// forgedFrom is a place whose copy has a forged beginning of many chunks.
func forgedFrom(t *testing.T, portfolio domain.PortfolioID) (*place, []eventstore.Record) {
	t.Helper()
	const chunks = 12 // more than run ahead of a reader that stops at the first record
	p, recs := copied(t, (chunks+1)*eventstore.ChunkRecords)
	put(t, p.dir, forgedChain(t, chunks*eventstore.ChunkRecords, portfolio)...)
	return p, recs
}

func none(domain.Recorded, eventstore.Hash) error { return nil }

func TestAForgedCopyWithWhichItsReaderFindsFaultIsDiscardedAndNotTheLogBlamed(t *testing.T) {
	unappliable := func(r domain.Recorded, _ eventstore.Hash) error {
		if r.Type == "AlarmRaised" && r.Inst == "x" {
			return &eventstore.Corrupt{Rev: r.Rev, Reason: "AlarmRaised cannot be applied"}
		}
		return nil
	}
	newer := func(r domain.Recorded, _ eventstore.Hash) error {
		if r.Inst == "x" {
			return &eventstore.UnknownEvent{Rev: r.Rev, Type: r.Type}
		}
		return nil
	}
	for name, c := range map[string]struct {
		portfolio domain.PortfolioID
		read      func(eventstore.Log) error
	}{
		"the verifier":     {"other", func(l eventstore.Log) error { _, err := eventstore.Replay(t.Context(), l, 0, none); return err }},
		"an audit":         {"other", func(l eventstore.Log) error { _, err := eventstore.Audit(t.Context(), l, nil); return err }},
		"a fold":           {logtest.Portfolio, func(l eventstore.Log) error { _, err := eventstore.Replay(t.Context(), l, 0, unappliable); return err }},
		"an older build":   {logtest.Portfolio, func(l eventstore.Log) error { _, err := eventstore.Replay(t.Context(), l, 0, newer); return err }},
		"a follower":       {"other", func(l eventstore.Log) error { _, err := eventstore.Tail(t.Context(), l, 0, none); return err }},
		"a reader of ours": {"other", func(l eventstore.Log) error { return l.Read(t.Context(), 0, checking()) }},
	} {
		t.Run(name, func(t *testing.T) {
			p, recs := forgedFrom(t, c.portfolio)
			log := p.open(t)
			err := c.read(log)
			require.ErrorIs(t, err, localcopy.ErrCopyChanged)
			var corrupt *eventstore.Corrupt
			require.NotErrorAs(t, err, &corrupt, "nothing says that the log is at fault")
			require.Len(t, p.discarded, 1)
			head, err := eventstore.Replay(t.Context(), log, 0, none)
			require.NoError(t, err, "the next reading is sound")
			require.Equal(t, logtest.End(recs), head)
		})
	}
}

// checking verifies what a reading hands out.
func checking() func([]eventstore.Record) error {
	v := eventstore.NewVerifier(logtest.Portfolio)
	return func(recs []eventstore.Record) error {
		for _, r := range recs {
			if _, err := v.Check(r); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestAnErrorThatTheRemoteLogBearsOutStaysWhatItIs(t *testing.T) {
	p, _ := copied(t, 1300)
	log := p.open(t)
	want := &eventstore.Corrupt{Rev: 700, Reason: "it cannot be applied"}
	refuse := func(r domain.Recorded, _ eventstore.Hash) error {
		if r.Rev == want.Rev {
			return want
		}
		return nil
	}
	_, err := eventstore.Replay(t.Context(), log, 0, refuse)
	require.Equal(t, want, err)
	beyond := &eventstore.Corrupt{Rev: 5000}
	require.Equal(t, beyond, log.Recheck(t.Context(), beyond))
	own := errors.New("enough")
	require.Equal(t, own, log.Recheck(t.Context(), own))
	require.Empty(t, p.discarded)
}

func TestNobodyIsBlamedForWhatCannotBeHeldAgainstTheRemoteLog(t *testing.T) {
	p, _ := copied(t, 10)
	log := p.open(t)
	p.remote.Fault(eventstore.Faults{OnRead: func(*eventstore.Record) error { return errors.New("the remote log is away") }})
	err := log.Recheck(t.Context(), &eventstore.Corrupt{Rev: 3, Reason: "it cannot be applied"})
	require.ErrorContains(t, err, "the remote log is away")
	var corrupt *eventstore.Corrupt
	require.NotErrorAs(t, err, &corrupt)
	require.Empty(t, p.discarded)
}
