package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/projections"
	"pm/projections/indextest"
)

func opened(t *testing.T, path string) *Index {
	t.Helper()
	x, err := Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	return x
}

func TestTheFileKeepsEveryPromiseOfAnIndex(t *testing.T) {
	indextest.Run(t, func(t *testing.T) projections.Index { return opened(t, filepath.Join(t.TempDir(), "history.db")) })
}

func TestRowsAreThereAfterAReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	x := opened(t, path)
	head := projections.IndexHead{Portfolio: "main", Version: 1}
	head.Head.Next = 7
	require.NoError(t, x.Write(t.Context(), projections.Rows{Touches: []projections.Touch{{ID: "o", Revision: 6}}}, head))
	require.NoError(t, x.Close())
	_, err := x.Head(t.Context())
	require.Error(t, err, "a closed index answers nothing")
	x = opened(t, path)
	got, err := x.Head(t.Context())
	require.NoError(t, err)
	require.Equal(t, head, got)
}

func TestAnIndexThatIsDamagedOrOfAnotherLayoutIsBegunAnew(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string){
		"no database": func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte("this is not a database, and it is longer than a header of one"), 0o600))
		},
		"another layout": func(t *testing.T, path string) { execute(t, path, "PRAGMA user_version = 99") },
	} {
		path := filepath.Join(t.TempDir(), "history.db")
		x := opened(t, path)
		require.NoError(t, x.Write(t.Context(), projections.Rows{}, projections.IndexHead{Portfolio: "main", Version: 1}))
		require.NoError(t, x.Close())
		spoil(t, path)
		head, err := opened(t, path).Head(t.Context())
		require.NoError(t, err, name)
		require.Zero(t, head, name)
	}
}

func TestADatabaseOfSomebodyElseIsLeftAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	execute(t, path, "CREATE TABLE theirs (x)")
	_, err := Open(path)
	require.ErrorIs(t, err, ErrForeign)
	execute(t, path, "SELECT x FROM theirs")
}

func execute(t *testing.T, path, query string) {
	t.Helper()
	conn, err := sqlite.OpenConn(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	require.NoError(t, sqlitex.ExecuteTransient(conn, query, nil))
}
