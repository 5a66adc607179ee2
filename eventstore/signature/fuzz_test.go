package signature_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/eventstore"
	"pm/eventstore/signature"
)

// FuzzParse feeds any bytes as a side file: it never panics, and what it takes was signed by the key in it, has one spelling, and says
// to the standard reader of JSON what it says to us.
func FuzzParse(f *testing.F) {
	key := keyOf(f, 1)
	for _, s := range []signature.Statement{signature.OfLog("main", head), signature.OfHead("p", eventstore.Empty("p")), signature.OfFile(signature.OfReport, []byte("{}"))} {
		text, err := key.Sign(s)
		require.NoError(f, err)
		f.Add(text)
		f.Add(text[:len(text)-1])
		f.Add(bytes.Replace(text, []byte("pm-sig/1"), []byte("pm-sig/2"), 1))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		signed, err := signature.Parse(text)
		if err != nil {
			require.ErrorIs(t, err, signature.ErrSignature)
			require.Empty(t, signed, "nothing of a broken side file is handed out")
			return
		}
		require.Equal(t, signature.IDOf(signed.PublicKey), signed.KeyID)
		var other struct{ Signed signature.Statement }
		require.NoError(t, json.Unmarshal(text, &other))
		require.Equal(t, signed.Statement, other.Signed)
		if signed.KeyID == key.ID() { // signing is deterministic, so the same statement is the same file
			again, err := key.Sign(signed.Statement)
			require.NoError(t, err)
			require.Equal(t, string(text), string(again))
		}
	})
}
