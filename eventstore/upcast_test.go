package eventstore

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/canon"
)

func readEarlierAlarm(old struct {
	Code    string `json:"code"`
	Subject string `json:"subject"`
}) domain.Event {
	return &domain.AlarmRaised{Code: "was " + old.Code, Subject: old.Subject}
}

func writeEarlierAlarm(e domain.Event) any {
	return &domain.AlarmRaised{Code: strings.TrimPrefix(e.(*domain.AlarmRaised).Code, "was "), Subject: e.(*domain.AlarmRaised).Subject}
}

// later are the forms of invented later builds: AlarmRaised changes with the next format and with the one after it.
func later() []change {
	return append(slices.Clone(changes),
		change{Type: "AlarmRaised", Since: Format + 1, read: upcast(readEarlierAlarm), write: writeEarlierAlarm},
		change{Type: "AlarmRaised", Since: Format + 2, read: func(d *canon.Decoder, data []byte) (domain.Event, error) {
			e := new(domain.AlarmRaised)
			return e, d.Decode(data, e)
		}, write: func(e domain.Event) any { return e }},
	)
}

func nextBuild() *codec { return newCodec(domain.EventTypes, later(), Format+1) }

func TestAnOlderFormIsRaisedToThePresentEventAndKeepsItsHash(t *testing.T) {
	c := nextBuild()
	log := NewMemory("main")
	defer log.Close()
	old, err := Encode(metaOf(0), alarm("x"))
	require.NoError(t, err)
	raised := after(t, c, old, &domain.FormatRaised{To: Format + 1, By: "asha"}, Format)
	now := after(t, c, raised, alarm("y"), Format+1)
	require.NoError(t, log.Append(t.Context(), Empty("main"), []Record{old, raised, now}))
	var codes []string
	head, err := c.run(t.Context(), "main", 0, log.Read, func(r domain.Recorded, _ Hash) error {
		if a, ok := r.Event.(*domain.AlarmRaised); ok {
			codes = append(codes, fmt.Sprintf("%s v%d", a.Code, r.V))
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{"was x v1", "y v2"}, codes)
	require.Equal(t, now.After(), head)

	_, err = Replay(t.Context(), log, 0, func(domain.Recorded, Hash) error { return nil })
	require.ErrorContains(t, err, fmt.Sprintf("UNKNOWN_EVENT: revision 1 holds FormatRaised version %d", Format+1), "the older build stops")
	_, err = present.run(t.Context(), "main", 2, log.Read, func(domain.Recorded, Hash) error { return nil })
	require.ErrorContains(t, err, fmt.Sprintf("UNKNOWN_EVENT: revision 1 holds FormatRaised version %d", Format+1), "wherever it begins")
	var op opened
	_, err = Decode(now)
	require.ErrorContains(t, err, "UNKNOWN_EVENT: revision 2 holds AlarmRaised version 2")
	m := metaOf(0)
	m.Type, m.V = "AlarmRaised", 1
	rec := raw(m, `{"code":"x","subject":"","new":1}`)
	require.ErrorContains(t, newOpener(c).open(&rec, &op), "DATA_CORRUPT: revision 0: AlarmRaised version 1, written by build 1.0, cannot be read: canon: at byte 24")
}

// after is the record of an event behind another one.
func after(t *testing.T, c *codec, before Record, e domain.Event, format int) Record {
	t.Helper()
	m := metaOf(before.Rev + 1)
	m.Prev = before.Hash.String()
	rec, err := c.encode(m, e, format)
	require.NoError(t, err)
	return rec
}

func TestAFormThatNobodyRaisedTheLogToIsCorrupt(t *testing.T) {
	c := nextBuild()
	old, err := Encode(metaOf(0), alarm("x"))
	require.NoError(t, err)
	log := NewMemory("main")
	defer log.Close()
	require.NoError(t, log.Append(t.Context(), Empty("main"), []Record{old, after(t, c, old, alarm("y"), Format+1)}))
	for begins, want := range map[uint64]string{
		0: fmt.Sprintf("DATA_CORRUPT: revision 1: AlarmRaised version 2 came with format %d, and nobody has raised this log beyond format 1", Format+1),
		1: fmt.Sprintf("DATA_CORRUPT: revision 1: AlarmRaised version 2 came with format %d", Format+1),
		2: "", // whoever begins later has not seen how far the log was raised
	} {
		_, err := c.run(t.Context(), "main", begins, log.Read, func(domain.Recorded, Hash) error { return nil })
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, want)
	}
	first, err := c.encode(metaOf(0), alarm("x"), Format+1)
	require.NoError(t, err)
	_, err = newVerifier("main", c).Check(first)
	require.ErrorContains(t, err, "nobody has raised this log")
}

func TestAnEventIsWrittenInTheFormOfItsLog(t *testing.T) {
	c := nextBuild()
	for _, at := range []struct {
		format int
		want   string
	}{
		{domain.FirstFormat, `1 {"code":"x","subject":""}`}, {Format, `1 {"code":"x","subject":""}`}, {Format + 1, `2 {"code":"was x","subject":""}`},
	} {
		rec, err := c.encode(metaOf(0), alarm("was x"), at.format)
		require.NoError(t, err)
		var op opened
		require.NoError(t, newOpener(c).open(&rec, &op))
		require.Equal(t, at.want, fmt.Sprintf("%d %s", op.V, rec.Data), "format %d", at.format)
		require.Equal(t, alarm("was x"), op.Event, "and is the same event to every reader that knows both")
	}
	_, err := nextBuild().encode(metaOf(0), alarm("x"), Format+2)
	require.NoError(t, err, "a log is never beyond its build: reading it would have stopped")
}

func TestABuildThatNoLongerWritesAFormSaysSo(t *testing.T) {
	after := later()
	after[len(after)-2].write = nil
	c := newCodec(domain.EventTypes, after, Format+2)
	_, err := c.encode(metaOf(7), alarm("x"), Format)
	require.EqualError(t, err, fmt.Sprintf("encode revision 7, AlarmRaised: this build no longer writes version 1, which a log of format %d needs: "+
		"raise its format with an earlier build", Format))
	rec, err := c.encode(metaOf(7), alarm("x"), Format+1)
	require.NoError(t, err)
	var op opened
	require.NoError(t, newOpener(c).open(&rec, &op))
	require.Equal(t, 2, op.V)
}

func TestEveryFormThatTheFormatBeforeWroteIsStillWritten(t *testing.T) {
	since := domain.FirstFormat
	for _, ch := range changes {
		require.NotNil(t, domain.EventTypes[ch.Type], ch.Type)
		require.NotNil(t, ch.read, "an upcaster of %s is never deleted", ch.Type)
		require.GreaterOrEqual(t, ch.Since, since, "%s: oldest first", ch.Type)
		since = ch.Since
		if ch.Since >= domain.Format {
			require.NotNil(t, ch.write, "%s: a log that has not been raised yet needs the version before", ch.Type)
		}
	}
	require.Equal(t, domain.Format, since, "the newest format changed something")
}

func TestTheFormBeforeIsWrittenAsItAlwaysWas(t *testing.T) {
	for _, ch := range changes {
		if ch.write == nil {
			continue
		}
		k := present.kinds[ch.Type]
		v := slices.IndexFunc(k.forms, func(f form) bool { return f.since == ch.Since })
		want, err := os.ReadFile(fmt.Sprintf("testdata/wire/%s.v%d.json", ch.Type, v))
		require.NoError(t, err)
		m := metaOf(0)
		m.Type, m.V = ch.Type, v
		got, err := Decode(raw(m, strings.TrimSuffix(string(want), "\n")))
		require.NoError(t, err)
		rec, err := present.encode(metaOf(0), got.Event, ch.Since-1)
		require.NoError(t, err)
		require.Equal(t, string(want), string(rec.Data)+"\n")
	}
}

func TestTheSealerWritesTheNewFormBehindFormatRaisedOnly(t *testing.T) {
	for _, start := range []int{0, Format - 1, Format} {
		s := NewSealer(Empty("main"), nine, Author{Portfolio: "main", Instance: "a", Build: "1.0", Epoch: 1, Format: start})
		var versions []int
		seal := func(e domain.Event) domain.Recorded {
			_, got, err := s.Seal(Draft{Event: e, At: nine})
			require.NoError(t, err)
			versions = append(versions, got.V)
			return got
		}
		full := &domain.RecoveryCompleted{Snapshot: "agreed", StateDigest: "60303ae2"}
		got := seal(full).Event.(*domain.RecoveryCompleted)
		if start < Format {
			require.Empty(t, got.StateDigest, "what comes back is what the log holds, not what the writer knew")
			seal(&domain.FormatRaised{To: Format, By: "asha"})
			require.Equal(t, full, seal(full).Event)
			require.Equal(t, []int{1, 1, 2}, versions)
			continue
		}
		require.Equal(t, full, got)
		require.Equal(t, []int{2}, versions)
	}
}

// FuzzUpcast holds every upcaster that has its way back to this: what it accepts is written again byte for byte, so nothing of an old
// record is guessed, dropped or read twice.
func FuzzUpcast(f *testing.F) {
	for i, ch := range changes {
		names, err := os.ReadDir("testdata/wire")
		require.NoError(f, err)
		for _, name := range names {
			if strings.HasPrefix(name.Name(), ch.Type+".") {
				golden, err := os.ReadFile("testdata/wire/" + name.Name())
				require.NoError(f, err)
				f.Add(i, golden[:len(golden)-1])
			}
		}
	}
	f.Fuzz(func(t *testing.T, i int, data []byte) {
		if i < 0 || i >= len(changes) || changes[i].write == nil {
			return
		}
		e, err := changes[i].read(&canon.Decoder{Memory: new(canon.Memory)}, data)
		if err != nil {
			return
		}
		require.Equal(t, changes[i].Type, e.EventType())
		again, err := canon.Append(nil, changes[i].write(e))
		require.NoError(t, err)
		require.Equal(t, string(data), string(again))
	})
}
