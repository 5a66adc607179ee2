package eventstore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

// linked makes records that continue each other, each with its own change of the metadata.
func linked(t *testing.T, changes ...func(*domain.Meta)) []Record {
	t.Helper()
	head := Empty("main")
	var recs []Record
	for _, change := range changes {
		m := metaOf(head.Next)
		m.Prev = head.Hash.String()
		change(&m)
		rec, err := Encode(m, alarm("x"))
		require.NoError(t, err)
		recs = append(recs, rec)
		head = rec.After()
	}
	return recs
}

func plainMeta(*domain.Meta) {}

func TestTheVerifierTakesASoundChain(t *testing.T) {
	recs := linked(t, plainMeta,
		func(m *domain.Meta) { m.At = nine }, // the same instant is not falling
		func(m *domain.Meta) { m.Epoch, m.Inst = 2, "b" },
		func(m *domain.Meta) { m.Epoch, m.Inst = 5, "a"; m.At = nine.Add(1) },
	)
	v := NewVerifier("main")
	require.Equal(t, Empty("main"), v.Head())
	for i, r := range recs {
		got, err := v.Check(r)
		require.NoError(t, err)
		require.Equal(t, uint64(i), got.Rev)
		require.Equal(t, r.After(), v.Head())
	}
}

func TestTheVerifierNamesWhatBreaksTheChain(t *testing.T) {
	for want, second := range map[string]func(*domain.Meta){
		`the chain is broken`:                            func(m *domain.Meta) { m.Prev = Genesis("main").String() },
		`a gap: revision 2 follows`:                      func(m *domain.Meta) { m.Rev = 2 },
		`a gap: revision 0 follows`:                      func(m *domain.Meta) { m.Rev = 0 },
		`a record of portfolio "b" in the log of "main"`: func(m *domain.Meta) { m.Portfolio = "b" },
		`log time falls from 2025-01-02T09:00:00Z`:       func(m *domain.Meta) { m.At = nine.Add(-time.Nanosecond) },
		`the epoch falls from 1 to 0`:                    func(m *domain.Meta) { m.Epoch = 0 },
		`two instances in epoch 1: "a" and "b"`:          func(m *domain.Meta) { m.Inst = "b" },
	} {
		recs := linked(t, plainMeta, second, plainMeta)
		v := NewVerifier("main")
		_, err := v.Check(recs[0])
		require.NoError(t, err)
		_, err = v.Check(recs[1])
		var corrupt *Corrupt
		require.ErrorAs(t, err, &corrupt)
		require.Equal(t, uint64(1), corrupt.Rev)
		require.Equal(t, "DATA_CORRUPT", corrupt.Code())
		require.ErrorContains(t, err, want)
		require.Equal(t, recs[0].After(), v.Head(), "the verifier stays where it was")
		require.Error(t, CheckBatch("main", Empty("main"), recs), "and no log takes such records")
	}
}

func TestTheFirstRecordContinuesTheGenesisOfItsPortfolio(t *testing.T) {
	recs := linked(t, func(m *domain.Meta) { m.Prev = Genesis("other").String() })
	_, err := NewVerifier("main").Check(recs[0])
	require.ErrorContains(t, err, "DATA_CORRUPT: revision 0: the chain is broken")
	require.Equal(t, "cd4eebc5", Genesis("logtest").String()[:8], "SHA-256 of pm-log/1/logtest")
}

func TestAVerifierThatStartsLaterTrustsThePastAndNothingElse(t *testing.T) {
	recs := linked(t, plainMeta, plainMeta, plainMeta, plainMeta)
	v := NewVerifier("main")
	v.StartAt(2)
	_, err := v.Check(recs[1])
	require.ErrorContains(t, err, "revision 2: a gap")
	_, err = v.Check(recs[2])
	require.NoError(t, err)
	_, err = v.Check(recs[3])
	require.NoError(t, err)
	v.StartAt(0)
	_, err = v.Check(recs[0])
	require.NoError(t, err)
}

func TestTheSealerMakesAChainThatRefersToItself(t *testing.T) {
	s := NewSealer(Empty("main"), time.Time{}, Author{Portfolio: "main", Instance: "a", Build: "1.0", Epoch: 1})
	first, got, err := s.Seal(Draft{Event: alarm("x"), At: nine})
	require.NoError(t, err)
	require.Equal(t, got.ID, got.Corr)
	second, after, err := s.Seal(Draft{Event: alarm("y"), At: nine, Corr: got.Corr, Cause: got.ID})
	require.NoError(t, err)
	require.Equal(t, got.ID, after.Cause)
	require.NoError(t, CheckBatch("main", Empty("main"), []Record{first, second}))
	require.Equal(t, second.After(), s.Head())
	require.Equal(t, nine, s.Last())
}

func TestTheSealerHandsOutWhatAReaderWillRead(t *testing.T) {
	s := NewSealer(Empty("main"), time.Time{}, Author{Portfolio: "main", Instance: "a", Build: "1.0", Epoch: 1})
	kolkata := time.FixedZone("IST", 19800)
	draft := &domain.BarClosed{Instrument: "X", Timestamp: nine.In(kolkata), Price: domain.D("1.500")}
	rec, got, err := s.Seal(Draft{Event: draft, At: nine.In(kolkata)})
	require.NoError(t, err)
	require.NotSame(t, draft, got.Event)
	read, err := Decode(rec)
	require.NoError(t, err)
	require.Equal(t, read, got)
	require.Equal(t, time.UTC, got.At.Location())
}

func TestAFailedSealLeavesTheSealerWhereItWas(t *testing.T) {
	s := NewSealer(Empty("main"), nine, Author{Portfolio: "main", Instance: "a", Build: "1.0", Epoch: 1})
	_, _, err := s.Seal(Draft{Event: alarm("x"), At: nine.Add(-1)})
	require.ErrorContains(t, err, "seal revision 0: log time falls")
	_, _, err = s.Seal(Draft{Event: stranger{}, At: nine})
	require.Error(t, err)
	_, _, err = s.Seal(Draft{Event: &domain.FormatRaised{To: Format + 1}, At: nine})
	require.ErrorContains(t, err, "read back what was sealed", "what this build could not read again is not written")
	require.Equal(t, Empty("main"), s.Head())
	_, _, err = s.Seal(Draft{Event: alarm("x"), At: nine})
	require.NoError(t, err)
}
