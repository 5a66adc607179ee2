package api

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzForm feeds the reader of commands any bytes: what it takes is one object that the standard reader reads the same way, and it
// refuses nothing else than what it says.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{``, `{}`, `{"id":"a","reason":"b"}`, `{"a":1,"a":2}`, `{"a":{"b":[1,2]}} `, `{"a":1}{}`, `[1]`, `{"a":1,}`, `{"\u0061":1,"a":2}`, "{\"a\":\"\xff\"}", `null`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		read := &form{members: map[string]json.RawMessage{}}
		err := read.parse(body)
		if err != nil {
			if json.Valid(body) {
				require.Regexp(t, "UTF-8|not one JSON object|given twice", err.Error(), "nothing else of what the standard reader takes is refused")
			}
			return
		}
		if len(bytes.TrimSpace(body)) == 0 {
			require.Empty(t, read.members)
			return
		}
		require.True(t, json.Valid(body))
		var other map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(body, &other))
		require.Equal(t, other, read.members)
	})
}
