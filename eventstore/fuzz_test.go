package eventstore

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pm/domain"
	"pm/domain/canon"
)

// FuzzDecodeEvent holds the decoder of every event to two promises: what it accepts is written back byte for byte, and
// encoding/json, told to refuse unknown fields, reads the same value from it.
func FuzzDecodeEvent(f *testing.F) {
	f.Add("AlarmRaised", []byte(`{"code":"x","subject":"","details":{"a":"1"}}`))
	f.Add("OrderFilled", []byte(`{"order_id":"o","last_qty":1,"last_px":"1.5","cum_qty":1,"leaves_qty":0,"exec_id":"e","fee":"0"}`))
	f.Add("BarClosed", []byte(`{"instrument":"X","timestamp":"2025-01-02T03:04:05.6Z","price":"1","atr":"0.5","supertrend":"-1"}`))
	f.Fuzz(func(t *testing.T, kind string, data []byte) {
		newEvent := domain.EventTypes[kind]
		if newEvent == nil {
			return
		}
		got := newEvent()
		if canon.Decode(data, got) != nil {
			return
		}
		again, err := canon.Append(nil, got)
		require.NoError(t, err)
		require.Equal(t, string(data), string(again))
		other := newEvent()
		strict := json.NewDecoder(bytes.NewReader(data))
		strict.DisallowUnknownFields()
		require.NoError(t, strict.Decode(other))
		require.Equal(t, other, got)
	})
}

// FuzzImport feeds an import any bytes: it never panics, and what it takes is exported again byte for byte.
func FuzzImport(f *testing.F) {
	s := NewSealer(Empty("p"), nine, Author{Portfolio: "p", Instance: "a", Build: "b", Epoch: 1})
	text := []byte(`{"format":"pm-log/1","portfolio":"p"}` + "\n")
	f.Add(text)
	for range 2 {
		rec, _, err := s.Seal(Draft{Event: alarm("x"), At: nine})
		require.NoError(f, err)
		text = appendLine(text, rec)
		f.Add(bytes.Clone(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var log *Memory
		_, err := Import(context.Background(), bytes.NewReader(data), func(p domain.PortfolioID) (Log, error) {
			log = NewMemory(p)
			return log, nil
		})
		if err != nil {
			return
		}
		var out bytes.Buffer
		_, err = Export(context.Background(), log, &out)
		require.NoError(t, err)
		require.Equal(t, string(data), out.String())
	})
}

// FuzzReadMeta holds the short cut for metadata to its promise: after any first record it reads what canon reads, and nothing else.
func FuzzReadMeta(f *testing.F) {
	texts := metaTexts(f)
	for _, a := range texts {
		for _, b := range texts {
			f.Add(a, b)
		}
	}
	f.Fuzz(requireSameMeta)
}

// metaTexts is metadata of neighbours that differ in one thing each.
func metaTexts(t testing.TB) [][]byte {
	t.Helper()
	var texts [][]byte
	for _, change := range []func(*domain.Meta){
		func(*domain.Meta) {}, func(m *domain.Meta) { m.Rev = 0 }, func(m *domain.Meta) { m.Rev = 1<<64 - 1 }, func(m *domain.Meta) { m.V = 12 },
		func(m *domain.Meta) { m.Portfolio = `a"b` }, func(m *domain.Meta) { m.Inst = "ü" }, func(m *domain.Meta) { m.Cause = m.ID },
		func(m *domain.Meta) { m.ID = "short" }, func(m *domain.Meta) { m.Corr = `q"` }, func(m *domain.Meta) { m.Epoch = 7 },
		func(m *domain.Meta) { m.Type = "" }, func(m *domain.Meta) { m.Prev = "" }, func(m *domain.Meta) { m.Build = "1.0,\"rev\":1" },
		func(m *domain.Meta) { m.At = m.At.Add(1500) }, func(m *domain.Meta) { m.Corr = `a\b` }, func(m *domain.Meta) { m.Cause = `\` },
		func(m *domain.Meta) { m.Type = `t\t` }, func(m *domain.Meta) { m.ID = `\` + m.ID[:34] },
		func(m *domain.Meta) { m.Prev = `\` + m.Prev[:62] }, func(m *domain.Meta) { m.Type = "ü" }, func(m *domain.Meta) { m.Cause = "\n" },
	} {
		m := metaOf(41)
		m.ID, m.Type, m.V, m.Corr = domain.NewEventID("main", 41, nil), "AlarmRaised", 1, domain.NewEventID("main", 40, nil)
		change(&m)
		text, err := canon.Append(nil, m)
		require.NoError(t, err)
		texts = append(texts, text)
	}
	return texts
}

// requireSameMeta reads first, then second twice, with the short cut, and compares each with canon.
func requireSameMeta(t *testing.T, first, second []byte) {
	var r metaReader
	dec := canon.Decoder{Memory: new(canon.Memory)}
	for _, data := range [][]byte{first, second, second} {
		var got, want domain.Meta
		wantErr := canon.Decode(data, &want)
		gotErr := r.read(&dec, data, &got)
		if wantErr != nil {
			require.EqualError(t, gotErr, wantErr.Error())
			continue
		}
		require.NoError(t, gotErr)
		require.Equal(t, want, got)
	}
}

func TestTheShortCutForMetadataReadsWhatCanonReads(t *testing.T) {
	texts := metaTexts(t)
	for _, a := range texts {
		for _, b := range texts {
			requireSameMeta(t, a, b)
		}
	}
	for _, rev := range []string{"041", "00", "", "-1", "4a", "18446744073709551616", "9999999999999999999", "41 ", "1e1"} {
		requireSameMeta(t, texts[0], bytes.Replace(texts[0], []byte(`"rev":41`), []byte(`"rev":`+rev), 1))
	}
	for _, odd := range []string{"\x01", "\xff", `"`, `\`, "\n"} {
		for _, key := range []string{`{"id":"`, `"type":"`, `"corr":"`, `"cause":"`, `"prev":"`} {
			i := bytes.Index(texts[0], []byte(key)) + len(key)
			bad := append(bytes.Clone(texts[0][:i]), odd...)
			requireSameMeta(t, texts[0], append(bad, texts[0][i:]...))
			requireSameMeta(t, texts[0], append(bad, texts[0][i+1:]...))
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		bad := bytes.Clone(rapid.SampledFrom(texts).Draw(rt, "text"))
		for range rapid.IntRange(1, 3).Draw(rt, "changes") {
			i := rapid.IntRange(0, len(bad)-1).Draw(rt, "at")
			switch rapid.IntRange(0, 2).Draw(rt, "how") {
			case 0:
				bad[i] = rapid.SampledFrom([]byte(`"\,:{}0aZ`+"\x00\x1f\x80\xff")).Draw(rt, "byte")
			case 1:
				bad = append(bad[:i], bad[i+1:]...)
			case 2:
				bad = append(bad[:i+1], bad[i:]...)
			}
		}
		requireSameMeta(t, texts[0], bad)
	})
}

func TestTheShortCutForMetadataComparesNoEscapedIdWithRawBytes(t *testing.T) {
	for _, change := range []func(*domain.Meta){func(m *domain.Meta) { m.Corr = `a\b` }, func(m *domain.Meta) { m.Cause = `a\b` }} {
		m := metaOf(41)
		m.ID, m.Type, m.V = domain.NewEventID("main", 41, nil), "AlarmRaised", 1
		m.Corr = m.ID
		change(&m)
		escaped, err := canon.Append(nil, m)
		require.NoError(t, err)
		requireSameMeta(t, escaped, bytes.Replace(escaped, []byte(`\\`), []byte(`\`), 1))
	}
}

func TestTheShortCutForMetadataIsTaken(t *testing.T) {
	var r metaReader
	dec := canon.Decoder{Memory: new(canon.Memory)}
	var m domain.Meta
	data := metaTexts(t)[0]
	require.NoError(t, r.read(&dec, data, &m))
	require.True(t, r.quick(&dec, data, &m))
}
