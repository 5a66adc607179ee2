package installation_test

import (
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/cmd/internal/installation"
	"pm/eventstore"
	"pm/eventstore/logtest"
	"pm/eventstore/signature"
)

// filled is a log of n records.
func filled(t *testing.T, n int) (eventstore.Log, []eventstore.Record) {
	t.Helper()
	log := eventstore.NewMemory(logtest.Portfolio)
	t.Cleanup(func() { _ = log.Close() })
	return log, logtest.Fill(t, log, n)
}

func TestALogThatGrewSinceItsPinIsSoundAndOneThatLostItsEndIsNot(t *testing.T) {
	data, key := created(t)
	_, err := installation.ReadPin(data)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, installation.WritePin(key, data, logtest.Portfolio, eventstore.Empty(logtest.Portfolio)), "an empty log has none")
	require.NoFileExists(t, installation.PinFile(data))
	long, recs := filled(t, 10)
	short, _ := filled(t, 6)
	for i, r := range recs {
		require.NoError(t, installation.WritePin(key, data, logtest.Portfolio, r.After()))
		pin, err := installation.ReadPin(data)
		require.NoError(t, err)
		require.Equal(t, key.ID(), pin.KeyID)
		require.NoError(t, installation.CheckPin(t.Context(), long, pin.Statement))
		err = installation.CheckPin(t.Context(), short, pin.Statement)
		if i < 6 {
			require.NoError(t, err)
			continue
		}
		var corrupt *eventstore.Corrupt
		require.ErrorAs(t, err, &corrupt)
		require.Equal(t, uint64(6), corrupt.Rev)
	}
	entries, err := os.ReadDir(data)
	require.NoError(t, err)
	require.Len(t, entries, 2, "the pin and the keys")
}

func TestAnotherLogOfTheSameLengthIsNotThePinnedOne(t *testing.T) {
	data, key := created(t)
	log, recs := filled(t, 3)
	require.NoError(t, installation.WritePin(key, data, logtest.Portfolio, eventstore.Head{Next: 2, Hash: recs[2].Hash}))
	pin, err := installation.ReadPin(data)
	require.NoError(t, err)
	err = installation.CheckPin(t.Context(), log, pin.Statement)
	require.ErrorContains(t, err, "DATA_CORRUPT: revision 1: it has the hash "+recs[1].Hash.String())
	require.NoError(t, installation.WritePin(key, data, "other", recs[2].After()))
	pin, err = installation.ReadPin(data)
	require.NoError(t, err)
	require.ErrorContains(t, installation.CheckPin(t.Context(), log, pin.Statement), `of portfolio "other"`)
}

func TestADamagedPinIsNone(t *testing.T) {
	data, key := created(t)
	_, recs := filled(t, 1)
	require.NoError(t, installation.WritePin(key, data, logtest.Portfolio, recs[0].After()))
	text, err := os.ReadFile(installation.PinFile(data))
	require.NoError(t, err)
	text[50] ^= 1
	require.NoError(t, os.WriteFile(installation.PinFile(data), text, 0o600))
	_, err = installation.ReadPin(data)
	require.ErrorIs(t, err, signature.ErrSignature)
	foreign, err := key.Sign(signature.OfLog(logtest.Portfolio, recs[0].After()))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(installation.PinFile(data), foreign, 0o600))
	_, err = installation.ReadPin(data)
	require.ErrorIs(t, err, signature.ErrSignature, "the signature of an export is no pin")
}

func TestAPinCountsOnlyWhereTheKeyOfTheInstallationSignedIt(t *testing.T) {
	data, key := created(t)
	other, stranger := created(t)
	_, err := installation.TrustedPin(data, "")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, recs := filled(t, 3)
	require.NoError(t, installation.WritePin(key, data, logtest.Portfolio, recs[2].After()))
	for _, trusted := range []signature.KeyID{"", key.ID()} {
		pin, err := installation.TrustedPin(data, trusted)
		require.NoError(t, err)
		require.Equal(t, uint64(2), pin.HeadRevision)
	}
	var foreign *installation.ForeignPin
	_, err = installation.TrustedPin(data, stranger.ID())
	require.ErrorAs(t, err, &foreign)

	require.NoError(t, installation.WritePin(stranger, data, logtest.Portfolio, recs[0].After()))
	_, err = installation.TrustedPin(data, "")
	require.ErrorAs(t, err, &foreign)
	require.ErrorIs(t, err, signature.ErrSignature)
	require.ErrorContains(t, err, "key "+string(stranger.ID())+" signed it, this installation has "+string(key.ID()))
	require.Contains(t, installation.PinHint(err, data, "--data D"), "of two installations")
	strangers, err := os.ReadFile(installation.PublicFile(other))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(installation.PublicFile(data), strangers, 0o600))
	_, err = installation.TrustedPin(data, "")
	var unusable *installation.Unusable
	require.ErrorAs(t, err, &unusable, "a stranger's public key beside the stranger's pin")
	require.NoError(t, os.Remove(installation.PublicFile(data)))
	_, err = installation.TrustedPin(data, "")
	require.ErrorAs(t, err, &foreign, "the private key says it as well")
	require.Equal(t, key.ID(), foreign.Own)
	require.NoError(t, os.Remove(installation.PrivateFile(data)))
	_, err = installation.TrustedPin(data, "")
	require.ErrorContains(t, err, "there is no key of this installation")
	require.Contains(t, installation.PinHint(err, data, "--data D"), "bring "+installation.PublicFile(data)+" back")
	_, err = installation.TrustedPin(data, stranger.ID())
	require.NoError(t, err, "somebody who knows the key can still say so")
}
