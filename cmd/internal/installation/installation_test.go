package installation_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/cmd/internal/installation"
	"pm/eventstore/logtest"
	"pm/eventstore/signature"
)

func created(t *testing.T) (data string, key *signature.Key) {
	t.Helper()
	data = t.TempDir()
	key, err := installation.LoadOrCreate(data)
	require.NoError(t, err)
	return data, key
}

func TestTheFirstStartMakesAKeyAndEveryLaterOneFindsIt(t *testing.T) {
	data := t.TempDir()
	_, err := installation.Load(data)
	require.ErrorIs(t, err, installation.ErrNoKey)
	require.NoDirExists(t, filepath.Join(data, "keys"), "loading makes nothing")
	key, err := installation.LoadOrCreate(data)
	require.NoError(t, err)
	for _, load := range []func(string) (*signature.Key, error){installation.Load, installation.LoadOrCreate} {
		again, err := load(data)
		require.NoError(t, err)
		require.Equal(t, key.ID(), again.ID())
	}
	public, err := installation.ReadPublic(installation.PublicFile(data))
	require.NoError(t, err)
	require.Equal(t, key.ID(), signature.IDOf(public))
	other, err := installation.LoadOrCreate(t.TempDir())
	require.NoError(t, err)
	require.NotEqual(t, key.ID(), other.ID())
}

func TestThePrivateKeyIsItsOwnersAlone(t *testing.T) {
	data, _ := created(t)
	for name, want := range map[string]fs.FileMode{"keys": 0o700, "keys/installation.key": 0o600} {
		info, err := os.Stat(filepath.Join(data, name))
		require.NoError(t, err)
		require.Equal(t, want, info.Mode().Perm(), name)
	}
	entries, err := os.ReadDir(filepath.Join(data, "keys"))
	require.NoError(t, err)
	require.Len(t, entries, 2, "nothing is left over")
}

func TestAPrivateKeyThatOthersCanReadIsRefusedWithTheCommandThatMendsIt(t *testing.T) {
	data, key := created(t)
	name := installation.PrivateFile(data)
	for _, mode := range []fs.FileMode{0o604, 0o640, 0o644, 0o620, 0o601} {
		require.NoError(t, os.Chmod(name, mode))
		for _, load := range []func(string) (*signature.Key, error){installation.Load, installation.LoadOrCreate} {
			_, err := load(data)
			var unusable *installation.Unusable
			require.ErrorAs(t, err, &unusable)
			require.Contains(t, unusable.Hint, "chmod 600 "+name)
		}
	}
	require.NoError(t, os.Chmod(name, 0o400))
	again, err := installation.Load(data)
	require.NoError(t, err)
	require.Equal(t, key.ID(), again.ID())
}

func TestATornOrForeignKeyIsNeverReplaced(t *testing.T) {
	data, _ := created(t)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(ec)
	require.NoError(t, err)
	sound, err := os.ReadFile(installation.PrivateFile(data))
	require.NoError(t, err)
	public, err := os.ReadFile(installation.PublicFile(data))
	require.NoError(t, err)
	for name, content := range map[string][]byte{
		"empty": {}, "half": sound[:len(sound)/2], "the public key": public, "twice": append(append([]byte(nil), sound...), sound...),
		"another algorithm": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		"too long":          []byte(strings.Repeat("x", 4<<10+1)),
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(installation.PrivateFile(data), content, 0o600))
			_, err := installation.LoadOrCreate(data)
			var unusable *installation.Unusable
			require.ErrorAs(t, err, &unusable)
			require.Contains(t, err.Error(), "backup")
			now, err := os.ReadFile(installation.PrivateFile(data))
			require.NoError(t, err)
			require.Equal(t, content, now)
		})
	}
}

func TestAPublicKeyThatIsNotThePrivateOnesIsRefused(t *testing.T) {
	data, key := created(t)
	other, _ := created(t)
	public, err := os.ReadFile(installation.PublicFile(other))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(installation.PublicFile(data), public, 0o600))
	_, err = installation.LoadOrCreate(data)
	require.ErrorContains(t, err, "the private key is "+string(key.ID()))
	require.NoError(t, os.WriteFile(installation.PublicFile(data), public[:20], 0o600))
	_, err = installation.LoadOrCreate(data)
	require.ErrorContains(t, err, "torn")
}

func TestALostPublicKeyIsWrittenAgainAndALostPrivateKeyIsNot(t *testing.T) {
	data, key := created(t)
	require.NoError(t, os.Remove(installation.PublicFile(data)))
	again, err := installation.LoadOrCreate(data)
	require.NoError(t, err)
	require.Equal(t, key.ID(), again.ID())
	require.FileExists(t, installation.PublicFile(data))
	require.NoError(t, os.Remove(installation.PrivateFile(data)))
	_, err = installation.LoadOrCreate(data)
	require.ErrorContains(t, err, "the private key is gone")
	require.NoFileExists(t, installation.PrivateFile(data))
}

func TestTwoThatMakeTheKeyAtOnceGetTheSame(t *testing.T) {
	data := t.TempDir()
	ids := make([]signature.KeyID, 8)
	errs := make([]error, len(ids))
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			key, err := installation.LoadOrCreate(data)
			if errs[i] = err; err == nil {
				ids[i] = key.ID()
			}
		})
	}
	all.Wait()
	for i := range ids {
		require.NoError(t, errs[i])
		require.Equal(t, ids[0], ids[i])
	}
}

func TestAFileIsSignedBesideIt(t *testing.T) {
	data, key := created(t)
	name := filepath.Join(data, "report.json")
	_, err := installation.ReadSideFile(name + ".sig")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, installation.SignFile(key, name, signature.OfFile(signature.OfReport, []byte("one"))))
	require.NoError(t, installation.SignFile(key, name, signature.OfFile(signature.OfReport, []byte("two"))))
	signed, err := installation.ReadSideFile(name + ".sig")
	require.NoError(t, err)
	require.Equal(t, signature.OfFile(signature.OfReport, []byte("two")).By(key.ID()), signed.Statement)
	require.NoError(t, os.WriteFile(name+".sig", make([]byte, signature.MaxSize+100), 0o600))
	_, err = installation.ReadSideFile(name + ".sig")
	require.ErrorIs(t, err, signature.ErrSignature)
}

func TestATrustedKeyIsAFileOrAnID(t *testing.T) {
	data, key := created(t)
	for _, arg := range []string{installation.PublicFile(data), string(key.ID())} {
		id, err := installation.Trusted(arg)
		require.NoError(t, err)
		require.Equal(t, key.ID(), id)
	}
	for _, arg := range []string{"", "nonsense", installation.PrivateFile(data)} {
		_, err := installation.Trusted(arg)
		require.Error(t, err, arg)
	}
}

func TestNoKeyIsMadeBesideAPinThatAnotherKeySigned(t *testing.T) {
	data, key := created(t)
	_, recs := filled(t, 1)
	require.NoError(t, installation.WritePin(key, data, logtest.Portfolio, recs[0].After()))
	keys := filepath.Dir(installation.PrivateFile(data))
	require.NoError(t, os.Rename(keys, keys+".away"))
	_, err := installation.LoadOrCreate(data)
	var unusable *installation.Unusable
	require.ErrorAs(t, err, &unusable)
	require.Contains(t, unusable.Reason, "this folder had a key")
	require.Contains(t, unusable.Hint, "bring "+keys+" back")
	require.Contains(t, unusable.Hint, "remove "+installation.PinFile(data)+" knowingly")
	require.NoDirExists(t, keys)
	require.NoError(t, os.Rename(keys+".away", keys))
	again, err := installation.LoadOrCreate(data)
	require.NoError(t, err)
	require.Equal(t, key.ID(), again.ID())
	require.NoError(t, os.RemoveAll(keys))
	require.NoError(t, os.Remove(installation.PinFile(data)))
	_, err = installation.LoadOrCreate(data)
	require.NoError(t, err, "who removes the pin has decided to begin with a new key")
}
