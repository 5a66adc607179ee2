package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whatever stands in a line: a stamped one is the same object with its time set and an id, and what is no object stays as it is.
func FuzzStamping(f *testing.F) {
	for _, line := range []string{
		`{"type":"EXIT","price":1.50,"id":"x"}`, `{"timestamp":1,"timestamp":2}`, `{}`, `[]`, `{"a":{"b":[1,2,{}]}}`, `{"a":1}{"b":2}`, "\xff", `{"\ud800":1}`,
		`{"a":"\u003c<"}`, `{"id":null}`, ``, `null`, `{"a":`,
	} {
		f.Add([]byte(line))
	}
	at := time.Date(2026, 1, 5, 4, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, line []byte) {
		j := newJob("file", numbered{1, line})
		plain, err := j.body(false, at)
		require.NoError(t, err)
		require.Equal(t, line, plain)
		once, err := j.body(true, at)
		require.NoError(t, err)
		again, err := j.body(true, at)
		require.NoError(t, err)
		require.Equal(t, once, again)
		var before, after map[string]json.RawMessage
		if json.Unmarshal(line, &before) != nil || before == nil {
			return
		}
		require.NoError(t, json.Unmarshal(once, &after), "%s became %s", line, once)
		require.NotEmpty(t, after["id"])
		for key, value := range before {
			if key == "timestamp" && bytes.Count(line, []byte(`"timestamp"`)) == 1 {
				require.JSONEq(t, `"2026-01-05T04:00:00Z"`, string(after[key]))
			} else if key != "timestamp" {
				if key != "id" || string(value) != "null" {
					require.JSONEq(t, string(value), string(after[key]))
				}
			}
		}
	})
}
