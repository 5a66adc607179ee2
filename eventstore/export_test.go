package eventstore_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/logtest"
)

// into makes an import go to a new memory log.
func into(t testing.TB, target *eventstore.Log) func(domain.PortfolioID) (eventstore.Log, error) {
	return func(p domain.PortfolioID) (eventstore.Log, error) {
		log := eventstore.NewMemory(p)
		t.Cleanup(func() { _ = log.Close() })
		*target = log
		return log, nil
	}
}

// exported is the export of a log with a realistic stream of at least n events.
func exported(t testing.TB, n int) (eventstore.Log, string) {
	t.Helper()
	log := eventstore.NewMemory(logtest.Portfolio)
	t.Cleanup(func() { _ = log.Close() })
	for s := logtest.NewStream(); s.Head().Next < uint64(n); {
		at := s.Head()
		require.NoError(t, log.Append(context.Background(), at, s.Next(t, min(n, 5000))))
	}
	var out bytes.Buffer
	_, err := eventstore.Export(context.Background(), log, &out)
	require.NoError(t, err)
	return log, out.String()
}

func TestAnExportImportsToTheSameBytes(t *testing.T) {
	log, text := exported(t, 2500)
	require.True(t, strings.HasPrefix(text, `{"format":"pm-log/1","portfolio":"logtest"}`+"\n"+`{"meta":{"id":"`))
	var target eventstore.Log
	head, err := eventstore.Import(t.Context(), strings.NewReader(text), into(t, &target))
	require.NoError(t, err)
	want, err := log.Head(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, head)
	require.Equal(t, logtest.All(t, log, 0), logtest.All(t, target, 0))
	var again bytes.Buffer
	head, err = eventstore.Export(t.Context(), target, &again)
	require.NoError(t, err)
	require.Equal(t, want, head)
	require.Equal(t, text, again.String())
}

func TestTheLargestRecordsSurviveAnExport(t *testing.T) {
	log := newMemory(t)
	at := eventstore.Empty(logtest.Portfolio)
	require.NoError(t, log.Append(t.Context(), at, logtest.Sized(t, at, 100, eventstore.MaxRecord)))
	var out bytes.Buffer
	head, err := eventstore.Export(t.Context(), log, &out)
	require.NoError(t, err)
	var target eventstore.Log
	back, err := eventstore.Import(t.Context(), &out, into(t, &target))
	require.NoError(t, err)
	require.Equal(t, head, back)
}

func TestAnEmptyLogHasAnExportOfOneLine(t *testing.T) {
	log := newMemory(t)
	var out bytes.Buffer
	head, err := eventstore.Export(t.Context(), log, &out)
	require.NoError(t, err)
	require.Equal(t, eventstore.Empty(logtest.Portfolio), head)
	require.Equal(t, `{"format":"pm-log/1","portfolio":"logtest"}`+"\n", out.String())
	var target eventstore.Log
	head, err = eventstore.Import(t.Context(), &out, into(t, &target))
	require.NoError(t, err)
	require.Equal(t, eventstore.Empty(logtest.Portfolio), head)
}

func TestEveryChangedByteOfAnExportIsRefused(t *testing.T) {
	_, text := exported(t, 6)
	text = text[:strings.LastIndex(strings.TrimSuffix(text, "\n"), "\n")+1]
	for i := range len(text) {
		bad := []byte(text)
		bad[i] ^= byte(1) << (i % 8)
		var target eventstore.Log
		_, err := eventstore.Import(t.Context(), bytes.NewReader(bad), into(t, &target))
		require.Error(t, err, "byte %d, in %q", i, bad[max(0, i-20):min(len(bad), i+20)])
	}
}

func TestAnImportNamesTheLineAndTheRevision(t *testing.T) {
	_, text := exported(t, 6)
	lines := strings.SplitAfter(text, "\n")
	change := func(line int, from, to string) string {
		c := append([]string(nil), lines...)
		c[line-1] = strings.Replace(c[line-1], from, to, 1)
		require.NotEqual(t, lines[line-1], c[line-1])
		return strings.Join(c, "")
	}
	for want, bad := range map[string]string{
		"line 1: this is no export in the form pm-log/1: the export is empty":                        "",
		"line 1: this is no export in the form pm-log/1":                                             change(1, "pm-log/1", "pm-log/2"),
		"line 1: this is no export":                                                                  change(1, `"logtest"`, `""`),
		"line 1: this is no export in the form pm-log/1: the export was cut in the middle of a line": lines[0][:20],
		"line 5: DATA_CORRUPT: revision 3: the export was cut in the middle of a line":               strings.TrimSuffix(strings.Join(lines[:5], ""), "\n"),
		"line 4: DATA_CORRUPT: revision 2: the bytes do not have the hash":                           change(4, `"rev":2`, `"rev":3`),
		"line 2: DATA_CORRUPT: revision 0: the metadata says revision 1":                             lines[0] + lines[2],
		`revision 0: a record of portfolio "logtest" in the log of "other"`:                          change(1, `"logtest"`, `"other"`),
		"it does not begin with":                                 change(3, `{"meta"`, `{"Meta"`),
		"the metadata is no object":                              change(3, `{"meta":{`, `{"meta":[`),
		`,"data": does not follow the metadata`:                  change(3, `,"data"`, `,"date"`),
		"the data is no object":                                  change(3, `"data":{`, `"data":"`),
		`,"hash":" does not follow the data`:                     change(3, `,"hash":"`, `, "hash":"`),
		"it does not end in":                                     change(3, "\"}\n", "\" }\n"),
		"a hash has 64 hex digits":                               change(3, "\"}\n", "0\"}\n"),
		"line 3: DATA_CORRUPT: revision 1: a line has more than": lines[0] + lines[1] + strings.Repeat("x", eventstore.MaxRecord+257) + "\n",
	} {
		var target eventstore.Log
		_, err := eventstore.Import(t.Context(), strings.NewReader(bad), into(t, &target))
		require.ErrorContains(t, err, want)
	}
}

func TestAnImportMeetsItsTargetOnlyWhenItIsEmptyAndTheRightOne(t *testing.T) {
	_, text := exported(t, 6)
	full := newMemory(t)
	recs := logtest.Fill(t, full, 2)
	_, err := eventstore.Import(t.Context(), strings.NewReader(text), func(domain.PortfolioID) (eventstore.Log, error) { return full, nil })
	require.ErrorIs(t, err, eventstore.ErrNotEmpty)
	require.Equal(t, recs, logtest.All(t, full, 0))
	other := eventstore.NewMemory("other")
	defer other.Close()
	_, err = eventstore.Import(t.Context(), strings.NewReader(text), func(domain.PortfolioID) (eventstore.Log, error) { return other, nil })
	require.ErrorContains(t, err, `the target belongs to portfolio "other"`)
	no := errors.New("no such folder")
	_, err = eventstore.Import(t.Context(), strings.NewReader(text), func(domain.PortfolioID) (eventstore.Log, error) { return nil, no })
	require.ErrorIs(t, err, no)
}

func TestAnImportSaysHowFarItCame(t *testing.T) {
	_, text := exported(t, 2500)
	target := newMemory(t)
	full := errors.New("no space left")
	target.Fault(eventstore.Faults{BeforeAppend: func(_ context.Context, at eventstore.Head, _ []eventstore.Record) error {
		if at.Next > 0 {
			return full
		}
		return nil
	}})
	head, err := eventstore.Import(t.Context(), strings.NewReader(text), func(domain.PortfolioID) (eventstore.Log, error) { return target, nil })
	require.ErrorIs(t, err, full)
	require.Equal(t, uint64(1000), head.Next)
}

func TestADamagedLogIsNotExported(t *testing.T) {
	log := newMemory(t)
	logtest.Fill(t, log, 5)
	log.Fault(eventstore.Faults{OnRead: func(r *eventstore.Record) error {
		if r.Rev == 3 {
			r.Data[2] ^= 1
		}
		return nil
	}})
	head, err := eventstore.Export(t.Context(), log, new(bytes.Buffer))
	require.ErrorContains(t, err, "DATA_CORRUPT: revision 3")
	require.Equal(t, uint64(3), head.Next)
	log.Fault(eventstore.Faults{})
	_, err = eventstore.Export(t.Context(), log, refusing{})
	require.ErrorIs(t, err, errFull)
}

var errFull = errors.New("no space left")

// refusing is a disk that is full.
type refusing struct{}

func (refusing) Write([]byte) (int, error) { return 0, errFull }
