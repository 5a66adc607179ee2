package eventstore

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/canon"
)

var nine = time.Date(2025, 1, 2, 9, 0, 0, 0, time.UTC)

func metaOf(rev uint64) domain.Meta {
	return domain.Meta{Portfolio: "main", Rev: rev, At: nine, Epoch: 1, Inst: "a", Build: "1.0", Prev: Genesis("main").String()}
}

func alarm(code string) domain.Event { return &domain.AlarmRaised{Code: code} }

// raw makes a record of any bytes, with their hash.
func raw(m domain.Meta, data string) Record {
	meta, err := canon.Append(nil, m)
	if err != nil {
		panic(err)
	}
	return Record{Rev: m.Rev, Meta: meta, Data: []byte(data), Hash: HashOf(meta, []byte(data))}
}

func TestEncodeFillsWhatFollowsFromTheEvent(t *testing.T) {
	rec, err := Encode(metaOf(7), alarm("x"))
	require.NoError(t, err)
	require.Equal(t, `{"code":"x","subject":""}`, string(rec.Data))
	got, err := Decode(rec)
	require.NoError(t, err)
	id := domain.NewEventID("main", 7, rec.Data)
	want := metaOf(7)
	want.ID, want.Type, want.V, want.Corr = id, "AlarmRaised", 1, id
	require.Equal(t, domain.Recorded{Meta: want, Event: alarm("x")}, got)
	require.Equal(t, HashOf(rec.Meta, rec.Data), rec.Hash)
	m := metaOf(7)
	m.Corr, m.Cause = "first", "before"
	rec, err = Encode(m, alarm("x"))
	require.NoError(t, err)
	require.Contains(t, string(rec.Meta), `"corr":"first","cause":"before"`)
}

// stranger is no event of the list.
type stranger struct{}

func (stranger) EventType() string { return "Stranger" }

func TestEncodeTakesTheEventsOfTheListOnly(t *testing.T) {
	_, err := Encode(metaOf(0), stranger{})
	require.ErrorContains(t, err, "eventstore.stranger is not an event of this build")
	_, err = Encode(metaOf(0), nil)
	require.ErrorContains(t, err, "not an event")
	_, err = Encode(metaOf(3), alarm("\xff"))
	require.ErrorContains(t, err, "encode revision 3, AlarmRaised")
	m := metaOf(0)
	m.Inst = "\xff"
	_, err = Encode(m, alarm(""))
	require.ErrorContains(t, err, "metadata of revision 0")
}

func TestARecordMayHaveMaxRecordBytesAndNotOneMore(t *testing.T) {
	bare, err := Encode(metaOf(0), alarm(""))
	require.NoError(t, err)
	room := MaxRecord - bare.Size()
	_, err = Encode(metaOf(0), alarm(strings.Repeat("x", room)))
	require.NoError(t, err)
	_, err = Encode(metaOf(0), alarm(strings.Repeat("x", room+1)))
	var large *TooLarge
	require.ErrorAs(t, err, &large)
	require.EqualError(t, large, "too large: bytes of a record 262145, at most 262144")
	m := metaOf(0)
	m.Type, m.V = "AlarmRaised", 1
	_, err = Decode(raw(m, strings.Repeat(" ", MaxRecord)))
	require.ErrorContains(t, err, "more than any record has")
}

func TestWhatIsNewerThanTheBuildIsUnknownAndNamesTheBuildThatIsNeeded(t *testing.T) {
	for _, c := range []struct {
		kind    string
		version int
		data    string
		want    UnknownEvent
	}{
		{"OrderTeleported", 1, `{"to":"mars"}`, UnknownEvent{9, "OrderTeleported", 1, "2.7"}},
		{"AlarmRaised", 2, `{"code":"x","subject":""}`, UnknownEvent{9, "AlarmRaised", 2, "2.7"}},
		{"AlarmRaised", 0, `{"code":"x","subject":""}`, UnknownEvent{9, "AlarmRaised", 0, "2.7"}},
		{"AlarmRaised", -1, `{"code":"x","subject":""}`, UnknownEvent{9, "AlarmRaised", -1, "2.7"}},
		{"RecoveryCompleted", 3, `{}`, UnknownEvent{9, "RecoveryCompleted", 3, "2.7"}},
		{"FormatRaised", 1, fmt.Sprintf(`{"to":%d,"by":"asha"}`, Format+1), UnknownEvent{9, "FormatRaised", Format + 1, "2.7"}},
	} {
		m := metaOf(9)
		m.Type, m.V, m.Build = c.kind, c.version, "2.7"
		_, err := Decode(raw(m, c.data))
		var unknown *UnknownEvent
		require.ErrorAs(t, err, &unknown)
		require.Equal(t, c.want, *unknown)
		require.Equal(t, "UNKNOWN_EVENT", unknown.Code())
		require.ErrorContains(t, err, "UNKNOWN_EVENT: revision 9")
		require.ErrorContains(t, err, "use build 2.7 or a later one")
	}
	rec, err := Encode(metaOf(9), &domain.FormatRaised{To: Format, By: "asha"})
	require.NoError(t, err)
	_, err = Decode(rec)
	require.NoError(t, err, "the present format may be raised to")
}

func TestBytesThatAreNotTheEventAreCorrupt(t *testing.T) {
	m := metaOf(9)
	m.Type, m.V = "AlarmRaised", 1
	sound := raw(m, `{"code":"x","subject":""}`)
	spoiled := func(change func(*Record)) Record {
		r := sound
		change(&r)
		return r
	}
	badPrev := m
	badPrev.Prev = strings.Repeat("G", 64)
	shortPrev := m
	shortPrev.Prev = "00"
	for want, r := range map[string]Record{
		"do not have the hash": spoiled(func(r *Record) { r.Hash[3] ^= 1 }),
		"bytes do not have":    spoiled(func(r *Record) { r.Data = append([]byte(nil), r.Data[1:]...) }),
		"AlarmRaised version 1, written by build 1.0, cannot be read": raw(m, `{"code":"x","subject":"","new":1}`),
		"the key \"code\" must come here":                             raw(m, `{}`),
		"something follows the value":                                 raw(m, `{"code":"x","subject":""} `),
		"the metadata cannot be read":                                 spoiled(func(r *Record) { r.Meta = []byte(`{}`); r.Hash = HashOf(r.Meta, r.Data) }),
		"says revision 9":                                             spoiled(func(r *Record) { r.Rev = 8 }),
		"written in 0-9 and a-f":                                      raw(badPrev, string(sound.Data)),
		"has 64 hex digits, not 2":                                    raw(shortPrev, string(sound.Data)),
	} {
		_, err := Decode(r)
		var corrupt *Corrupt
		require.ErrorAs(t, err, &corrupt, want)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, fmt.Sprintf("DATA_CORRUPT: revision %d", r.Rev))
	}
}

func TestHashesAreWrittenAndReadInLowerCaseHex(t *testing.T) {
	h := Genesis("main")
	back, err := ParseHash(h.String())
	require.NoError(t, err)
	require.Equal(t, h, back)
	for _, bad := range []string{"", h.String()[1:], h.String() + "0", strings.ToUpper(h.String()), strings.Repeat("g", 64)} {
		_, err := ParseHash(bad)
		require.Error(t, err)
	}
}
