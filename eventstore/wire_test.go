package eventstore_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/domain/canon"
	"pm/eventstore"
)

// addGoldens, set in the environment, writes the goldens that are missing. None is ever overwritten: old bytes are in logs for good.
const addGoldens = "PM_ADD_GOLDENS"

func goldenName(e domain.Event) string {
	return filepath.Join("testdata", "wire", fmt.Sprintf("%s.v%d.json", e.EventType(), domain.EventVersion))
}

func TestEveryEventHasItsGoldenBytes(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range examples() {
		seen[e.EventType()] = true
		rec, err := eventstore.Encode(domain.Meta{Portfolio: "main", At: noon, Prev: eventstore.Genesis("main").String()}, e)
		require.NoError(t, err)
		name := goldenName(e)
		want, err := os.ReadFile(name)
		if os.IsNotExist(err) && os.Getenv(addGoldens) != "" {
			want = append(rec.Data, '\n')
			require.NoError(t, os.WriteFile(name, want, 0o644))
			err = nil
		}
		require.NoError(t, err, "a new event needs a golden: run the test once with %s=1", addGoldens)
		require.Equal(t, string(want), string(rec.Data)+"\n")
		back, err := eventstore.Decode(rec)
		require.NoError(t, err)
		require.Equal(t, e, back.Event)
	}
	for name := range domain.EventTypes {
		require.True(t, seen[name], "%s has no example", name)
	}
	require.Len(t, seen, len(domain.EventTypes))
}

func TestEveryGoldenEverWrittenIsStillRead(t *testing.T) {
	names, err := filepath.Glob("testdata/wire/*.json")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(names), len(domain.EventTypes))
	for _, name := range names {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		data = bytes.TrimSuffix(data, []byte("\n"))
		var kind string
		var version int
		_, err = fmt.Sscanf(strings.Replace(filepath.Base(name), ".v", " ", 1), "%s %d.json", &kind, &version)
		require.NoError(t, err, name)
		meta, err := canon.Append(nil, domain.Meta{Type: kind, V: version, Portfolio: "main", At: noon, Prev: eventstore.Genesis("main").String()})
		require.NoError(t, err)
		_, err = eventstore.Decode(eventstore.Record{Meta: meta, Data: data, Hash: eventstore.HashOf(meta, data)})
		require.NoError(t, err, name)
	}
}

func TestTheExamplesFillEveryField(t *testing.T) {
	for _, e := range examples() {
		requireFilled(t, e.EventType(), reflect.ValueOf(e).Elem())
	}
}

// requireFilled fails for a field that is zero, since its key would then be missing from the golden.
func requireFilled(t *testing.T, path string, v reflect.Value) {
	t.Helper()
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	require.False(t, v.IsZero(), "%s is not filled", path)
	switch {
	case v.Kind() == reflect.Struct && v.Type().PkgPath() == reflect.TypeFor[domain.Meta]().PkgPath():
		for i := range v.NumField() {
			requireFilled(t, path+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case v.Kind() == reflect.Slice:
		require.Positive(t, v.Len(), path)
		requireFilled(t, path+"[0]", v.Index(0))
	}
}
