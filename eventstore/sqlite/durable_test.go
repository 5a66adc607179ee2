package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

func TestTheWriterSyncsEachCommitInFull(t *testing.T) {
	log, err := Open(t.TempDir(), "main", "test")
	require.NoError(t, err)
	defer log.Close()
	full, err := number(log.writer.conn, "PRAGMA synchronous")
	require.NoError(t, err)
	require.Equal(t, int64(synchronousFull), full)
	mode, err := sqlitex.ResultText(log.writer.conn.Prep("PRAGMA journal_mode"))
	require.NoError(t, err)
	require.Equal(t, "wal", mode)
}

func TestAFileThatCannotHaveAWriteAheadLogIsRefused(t *testing.T) {
	conn, err := sqlite.OpenConn(filepath.Join(t.TempDir(), fileName), sqlite.OpenReadWrite, sqlite.OpenCreate)
	require.NoError(t, err)
	defer conn.Close()
	require.ErrorContains(t, durable(conn), "no write-ahead log with full sync (journal mode delete, synchronous 2)")
}

func TestTheConnectionsForReadingCannotWrite(t *testing.T) {
	log, err := Open(t.TempDir(), "main", "test")
	require.NoError(t, err)
	defer log.Close()
	err = log.use(t.Context(), func(conn *sqlite.Conn) error { return sqlitex.Execute(conn, "DELETE FROM events", nil) })
	require.Equal(t, sqlite.ResultReadOnly, sqlite.ErrCode(err).ToPrimary())
}

func TestMoreReadersThanConnectionsWaitForTheirTurn(t *testing.T) {
	log, err := Open(t.TempDir(), "main", "test")
	require.NoError(t, err)
	defer log.Close()
	hold, held := make(chan struct{}), make(chan error, readerConns)
	for range readerConns {
		taken := make(chan struct{})
		go func() {
			held <- log.use(t.Context(), func(*sqlite.Conn) error { close(taken); <-hold; return nil })
		}()
		<-taken
	}
	late := make(chan error)
	go func() { _, err := log.Head(t.Context()); late <- err }()
	close(hold)
	require.NoError(t, <-late)
	for range readerConns {
		require.NoError(t, <-held)
	}
}
