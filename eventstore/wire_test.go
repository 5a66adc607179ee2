package eventstore_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/canon"
	"pm/eventstore"
)

// addGoldens, set in the environment, writes the goldens that are missing and their sums. None is ever overwritten: old bytes are in logs
// for good.
const addGoldens = "PM_ADD_GOLDENS"

// wire holds an example of every form ever written, and the sums of all of them in the order in which they came (sha256sum -c reads
// them). Both are only ever added to: a changed line is a build that no longer reads what an older one wrote. That the sums were not changed
// together with the files is what test/arch asks git.
const (
	wire = "testdata/wire"
	sums = "SHA256SUMS"
)

func goldenName(kind string, version int) string { return fmt.Sprintf("%s.v%d.json", kind, version) }

func TestEveryEventHasItsGoldenBytes(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range examples() {
		seen[e.EventType()] = true
		rec, err := eventstore.Encode(domain.Meta{Portfolio: "main", At: noon, Prev: eventstore.Genesis("main").String()}, e)
		require.NoError(t, err)
		back, err := eventstore.Decode(rec)
		require.NoError(t, err)
		require.Equal(t, e, back.Event)
		name := goldenName(back.Type, back.V)
		want, err := os.ReadFile(filepath.Join(wire, name))
		if os.IsNotExist(err) && os.Getenv(addGoldens) != "" {
			want = append(rec.Data, '\n')
			err = addGolden(wire, name, e, want)
		}
		require.NoError(t, err, "a new form needs a golden: %s=1 go test ./eventstore -run GoldenBytes", addGoldens)
		require.Equal(t, string(want), string(rec.Data)+"\n", "%s is no longer written as logs hold it. %s", back.Type, unrowed)
	}
	for name := range domain.EventTypes {
		require.True(t, seen[name], "%s has no example", name)
	}
	require.Len(t, seen, len(domain.EventTypes))
}

// unrowed is what a struct that was changed, and nothing else, meets.
const unrowed = "A change of form needs a row in upcast.go and a golden of the new version, see CONTRIBUTING, How to change the form of an event; if the example alone was changed, change it back"

// addGolden writes a file that is not there yet, and its sum. An event with an empty field makes none: its key would be missing from the
// bytes, and once they are released no rule lets anybody mend them.
func addGolden(folder, name string, e domain.Event, content []byte) error {
	if err := filled(e.EventType(), reflect.ValueOf(e).Elem()); err != nil {
		return fmt.Errorf("no golden is written of an example that is not full: %w", err)
	}
	if err := appendTo(filepath.Join(folder, name), os.O_EXCL, content); err != nil {
		return err
	}
	return appendTo(filepath.Join(folder, sums), os.O_APPEND, fmt.Appendf(nil, "%x  %s\n", sha256.Sum256(content), name))
}

func appendTo(name string, flag int, content []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|flag, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

func TestAnExampleWithAnEmptyFieldFreezesNoGolden(t *testing.T) {
	folder := t.TempDir()
	const name = "FormatRaised.v1.json" // of the one type whose form never changes
	require.ErrorContains(t, addGolden(folder, name, &domain.FormatRaised{To: 2}, []byte("short\n")), "FormatRaised.By is not filled")
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left, "neither the bytes nor their sum")
	full := &domain.FormatRaised{To: 2, By: "asha"}
	require.NoError(t, addGolden(folder, name, full, []byte("full\n")))
	require.ErrorIs(t, addGolden(folder, name, full, []byte("other\n")), os.ErrExist, "none is ever overwritten")
	listed, err := os.ReadFile(filepath.Join(folder, sums))
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte("full\n")), name), string(listed))
}

func TestNoGoldenEverChangesOrVanishes(t *testing.T) {
	all, err := os.ReadFile(filepath.Join(wire, sums))
	require.NoError(t, err)
	listed := map[string]bool{}
	for line := range strings.Lines(string(all)) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		require.True(t, ok, line)
		require.False(t, listed[name], "%s stands twice", name)
		listed[name] = true
		content, err := os.ReadFile(filepath.Join(wire, name))
		require.NoError(t, err, "a golden has vanished: logs hold this form for good")
		require.Equal(t, sum, fmt.Sprintf("%x", sha256.Sum256(content)), "%s has changed: logs hold the old bytes for good", name)
	}
	names, err := filepath.Glob(wire + "/*.json")
	require.NoError(t, err)
	for _, name := range names {
		require.True(t, listed[filepath.Base(name)], "%s has no sum: goldens are made with %s=1", name, addGoldens)
	}
}

func TestEveryGoldenEverWrittenIsStillRead(t *testing.T) {
	names, err := filepath.Glob(wire + "/*.json")
	require.NoError(t, err)
	versions := map[string][]int{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		data = bytes.TrimSuffix(data, []byte("\n"))
		kind, version := formOf(t, name)
		versions[kind] = append(versions[kind], version)
		meta, err := canon.Append(nil, domain.Meta{Type: kind, V: version, Portfolio: "main", At: noon, Prev: eventstore.Genesis("main").String()})
		require.NoError(t, err)
		got, err := eventstore.Decode(eventstore.Record{Meta: meta, Data: data, Hash: eventstore.HashOf(meta, data)})
		require.NoError(t, err, "%s is no longer read. %s", name, unrowed)
		require.Equal(t, kind, got.Event.EventType())
	}
	for kind := range domain.EventTypes {
		slices.Sort(versions[kind])
		for i, version := range versions[kind] {
			require.Equal(t, i+1, version, "%s has a golden of each version", kind)
		}
		require.NotEmpty(t, versions[kind], kind)
	}
}

func TestAnUnknownFieldAnywhereInAnyFormHaltsNamingRevisionAndBuild(t *testing.T) {
	names, err := filepath.Glob(wire + "/*.json")
	require.NoError(t, err)
	tried := 0
	for _, name := range names {
		golden, err := os.ReadFile(name)
		require.NoError(t, err)
		kind, version := formOf(t, name)
		meta, err := canon.Append(nil, domain.Meta{Type: kind, V: version, Portfolio: "main", Rev: 41, At: noon, Build: "2.7", Prev: eventstore.Genesis("main").String()})
		require.NoError(t, err)
		for at, c := range golden {
			if c != '}' && c != '{' {
				continue
			}
			field := `,"unknown":1}`
			if c == '{' {
				field = `{"unknown":1,`
			}
			data := slices.Concat(golden[:at], []byte(field), golden[at+1:len(golden)-1])
			_, err := eventstore.Decode(eventstore.Record{Rev: 41, Meta: meta, Data: data, Hash: eventstore.HashOf(meta, data)})
			require.ErrorContains(t, err, fmt.Sprintf("DATA_CORRUPT: revision 41: %s version %d, written by build 2.7, cannot be read", kind, version), string(data))
			tried++
		}
	}
	require.Greater(t, tried, 2*len(names))
}

// formOf is the type and the version in a golden's name.
func formOf(t *testing.T, name string) (kind string, version int) {
	t.Helper()
	_, err := fmt.Sscanf(strings.Replace(filepath.Base(name), ".v", " ", 1), "%s %d.json", &kind, &version)
	require.NoError(t, err, name)
	return kind, version
}

func TestTheExamplesFillEveryField(t *testing.T) {
	for _, e := range examples() {
		require.NoError(t, filled(e.EventType(), reflect.ValueOf(e).Elem()))
	}
}

// filled names a field that is zero, since its key would then be missing from the golden.
func filled(path string, v reflect.Value) error {
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch {
	case v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0:
		return fmt.Errorf("%s is not filled", path)
	case v.Kind() == reflect.Struct && v.Type().PkgPath() == reflect.TypeFor[domain.Meta]().PkgPath():
		for i := range v.NumField() {
			if err := filled(path+"."+v.Type().Field(i).Name, v.Field(i)); err != nil {
				return err
			}
		}
	case v.Kind() == reflect.Slice:
		return filled(path+"[0]", v.Index(0))
	}
	return nil
}
