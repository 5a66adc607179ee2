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
		want, e := goldenOf(t, ch.Type, ch.before())
		rec, err := present.encode(metaOf(0), e, ch.Since-1)
		require.NoError(t, err)
		require.Equal(t, want, string(rec.Data))
	}
}

// goldenOf is the frozen example of a version of a type, and the event that it is read as.
func goldenOf(t *testing.T, kind string, version int) (data string, e domain.Event) {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("testdata/wire/%s.v%d.json", kind, version))
	require.NoError(t, err, "a new form needs a golden: PM_ADD_GOLDENS=1 go test ./eventstore -run GoldenBytes")
	data = strings.TrimSuffix(string(content), "\n")
	m := metaOf(0)
	m.Type, m.V = kind, version
	got, err := Decode(raw(m, data))
	require.NoError(t, err)
	return data, got.Event
}

// before is the version of a type that a change of form left behind.
func (ch change) before() int {
	return slices.IndexFunc(present.kinds[ch.Type].forms, func(f form) bool { return f.since == ch.Since })
}

func TestTheSealerWritesTheNewFormBehindFormatRaisedOnly(t *testing.T) {
	for _, ch := range changes {
		if ch.write == nil {
			continue
		}
		starts := []int{ch.Since - 1, ch.Since}
		if ch.Since-1 == domain.FirstFormat {
			starts = append(starts, 0) // a log whose format nobody has said yet
		}
		v := ch.before()
		data, full := goldenOf(t, ch.Type, v+1)
		for _, start := range starts {
			s := NewSealer(Empty("main"), nine, Author{Portfolio: "main", Instance: "a", Build: "1.0", Epoch: 1, Format: start})
			seal := func(e domain.Event) (Record, domain.Recorded) {
				rec, got, err := s.Seal(Draft{Event: e, At: nine})
				require.NoError(t, err)
				return rec, got
			}
			if start < ch.Since {
				rec, got := seal(full)
				require.Equal(t, v, got.V, "%s in format %d", ch.Type, start)
				inLog, err := Decode(rec)
				require.NoError(t, err)
				require.Equal(t, inLog.Event, got.Event, "what comes back is what the log holds, not what the writer knew")
				_, got = seal(&domain.FormatRaised{To: ch.Since, By: "asha"})
				require.Equal(t, 1, got.V, "whatever the format is, every build reads how far it was raised")
			}
			rec, got := seal(full)
			require.Equal(t, v+1, got.V, "%s in format %d", ch.Type, ch.Since)
			require.Equal(t, full, got.Event)
			require.Equal(t, data, string(rec.Data))
		}
	}
}

// formats is the table of LOG-FORMAT.md that says what each format writes anew: its rows by format.
func formats(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../docs/LOG-FORMAT.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(page), "| format | what is written anew |\n")
	require.True(t, ok, "the page has the table of formats")
	rows := map[string]string{}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 4 {
			break
		}
		rows[strings.TrimSpace(cells[1])] = cells[2]
	}
	return rows
}

func TestEveryChangeOfFormStandsInTheLogFormatPageAndTheChangelog(t *testing.T) {
	changelog, err := os.ReadFile("../CHANGELOG.md")
	require.NoError(t, err)
	rows := formats(t)
	for format := domain.FirstFormat; format <= Format; format++ {
		require.NotEmpty(t, rows[fmt.Sprint(format)], "the table of LOG-FORMAT.md says what format %d writes anew", format)
	}
	for _, ch := range changes {
		v := fmt.Sprintf("version %d", ch.before()+1)
		require.Contains(t, rows[fmt.Sprint(ch.Since)], "`"+ch.Type+"` "+v, "docs/LOG-FORMAT.md, the row of format %d", ch.Since)
		require.Regexp(t, "`FormatRaised`\\s+to\\s+"+fmt.Sprint(ch.Since)+`\b`, string(changelog), "CHANGELOG.md, under Events")
		require.Regexp(t, "`"+ch.Type+"`[^`]*\\b"+v+`\b`, string(changelog), "CHANGELOG.md, under Events")
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
