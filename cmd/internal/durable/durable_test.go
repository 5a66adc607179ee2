package durable_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/cmd/internal/durable"
)

func TestWriteReplacesAndCreateDoesNot(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, durable.Create(name, []byte("one")))
	require.ErrorIs(t, durable.Create(name, []byte("two")), fs.ErrExist)
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "one", string(content))
	require.NoError(t, durable.Write(name, []byte("two")))
	content, err = os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "two", string(content))
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	entries, err := os.ReadDir(filepath.Dir(name))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left over")
}

func TestAFolderThatIsNotThereIsAnError(t *testing.T) {
	require.Error(t, durable.Write(filepath.Join(t.TempDir(), "no", "file"), nil))
	require.Error(t, durable.SyncDir(filepath.Join(t.TempDir(), "no")))
}
