package signature_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/eventstore"
	"pm/eventstore/signature"
)

var head = eventstore.Head{Next: 200, Hash: eventstore.HashOf([]byte("meta"), []byte("data"))}

// keyOf is a key that is the same in every run.
func keyOf(t testing.TB, seed byte) *signature.Key {
	t.Helper()
	key, err := signature.NewKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)))
	require.NoError(t, err)
	return key
}

func TestASideFileSaysWhatWasSignedAndByWhichKey(t *testing.T) {
	key := keyOf(t, 1)
	text, err := key.Sign(signature.OfLog("main", head))
	require.NoError(t, err)
	signed, err := signature.Parse(text)
	require.NoError(t, err)
	require.Equal(t, signature.OfLog("main", head).By(key.ID()), signed.Statement)
	require.Equal(t, key.Public(), signed.PublicKey)
	require.Equal(t, key.ID(), signature.IDOf(signed.PublicKey))
	again, err := key.Sign(signature.OfLog("main", head))
	require.NoError(t, err)
	require.Equal(t, text, again, "signing is deterministic")
}

// The bytes of a side file are a promise to whoever checks them with other tools.
func TestTheSideFileOfAKnownKeyIsTheseBytes(t *testing.T) {
	text, err := keyOf(t, 1).Sign(signature.OfLog("main", head))
	require.NoError(t, err)
	require.Equal(t, `{"signed":{"format":"pm-sig/1","of":"pm-log/1","portfolio":"main","head_revision":199,`+
		`"head_hash":"`+head.Hash.String()+`","key_id":"34750f98bd59fcfc946da45aaabe933b"},`+
		`"public_key":"8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c",`+
		`"signature":"`+string(text[len(text)-131:]), string(text))
	message, _, _ := bytes.Cut(text[len(`{"signed":`):], []byte(`,"public_key"`))
	signed, err := signature.Parse(text)
	require.NoError(t, err)
	var sig []byte
	_, err = fmt.Sscanf(string(text[len(text)-131:len(text)-3]), "%x", &sig)
	require.NoError(t, err)
	require.True(t, ed25519.Verify(signed.PublicKey, message, sig), "the signature is over the bytes of the member signed")
}

func TestEveryBitAndEveryLengthOfASideFileIsCovered(t *testing.T) {
	text, err := keyOf(t, 1).Sign(signature.OfFile(signature.OfReport, []byte("{}")))
	require.NoError(t, err)
	for bit := range 8 * len(text) {
		bad := bytes.Clone(text)
		bad[bit/8] ^= 1 << (bit % 8)
		_, err := signature.Parse(bad)
		require.ErrorIs(t, err, signature.ErrSignature, "bit %d", bit)
	}
	for n := range text {
		_, err := signature.Parse(text[:n])
		require.ErrorIs(t, err, signature.ErrSignature, "cut to %d", n)
	}
	_, err = signature.Parse(append(bytes.Clone(text), '\n'))
	require.ErrorIs(t, err, signature.ErrSignature, "one line end too many")
}

func TestASignatureByAnotherKeyUnderThisNameDoesNotHold(t *testing.T) {
	mine, other := keyOf(t, 1), keyOf(t, 2)
	text, err := other.Sign(signature.OfLog("main", head))
	require.NoError(t, err)
	forged := bytes.ReplaceAll(text, []byte(other.ID()), []byte(mine.ID()))
	_, err = signature.Parse(forged)
	require.ErrorIs(t, err, signature.ErrSignature)
	require.ErrorContains(t, err, "the public key in it is "+string(other.ID()))
	forged = bytes.ReplaceAll(forged, fmt.Appendf(nil, "%x", []byte(other.Public())), fmt.Appendf(nil, "%x", []byte(mine.Public())))
	_, err = signature.Parse(forged)
	require.ErrorContains(t, err, "did not sign what the side file says")
}

func TestTheLongestSideFileFits(t *testing.T) {
	key := keyOf(t, 1)
	_, err := signature.Parse(bytes.Repeat([]byte("x"), signature.MaxSize))
	require.ErrorContains(t, err, "not in the form")
	_, err = signature.Parse(bytes.Repeat([]byte("x"), signature.MaxSize+1))
	require.ErrorContains(t, err, "at most 4096")
	s := signature.OfLog("main", eventstore.Empty("main"))
	require.Zero(t, s.HeadRevision)
	_, err = key.Sign(s)
	require.NoError(t, err)
}

func TestAStatementDiffersWithEverythingItNames(t *testing.T) {
	s := signature.OfLog("main", head)
	for name, other := range map[string]signature.Statement{
		"another portfolio": signature.OfLog("other", head),
		"another revision":  signature.OfLog("main", eventstore.Head{Next: 201, Hash: head.Hash}),
		"another hash":      signature.OfLog("main", eventstore.Head{Next: 200}),
		"a pin":             signature.OfHead("main", head),
		"another key":       s.By("x"),
	} {
		require.NotEqual(t, s, other, name)
	}
	require.NotEqual(t, signature.OfFile("a", []byte("x")), signature.OfFile("a", []byte("y")))
	require.NotEqual(t, signature.OfFile("a", []byte("x")), signature.OfFile("b", []byte("x")))
}

func TestAKeyKeepsItsPrivateHalfToItself(t *testing.T) {
	key := keyOf(t, 1)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.Equal(t, "key "+string(key.ID()), fmt.Sprintf(verb, key))
	}
	_, err := signature.NewKey(nil)
	require.Error(t, err)
}

func TestAKeyIDHasOneSpelling(t *testing.T) {
	id, err := signature.ParseKeyID(string(keyOf(t, 1).ID()))
	require.NoError(t, err)
	require.Equal(t, keyOf(t, 1).ID(), id)
	for _, bad := range []string{"", "34", "34750F98bd59fcfc946da45aaabe933b", "34750f98bd59fcfc946da45aaabe933", "zz750f98bd59fcfc946da45aaabe933b"} {
		_, err := signature.ParseKeyID(bad)
		require.Error(t, err, bad)
	}
}
