package sqlite

import (
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
	require.Equal(t, int64(2), full)
	mode, err := sqlitex.ResultText(log.writer.conn.Prep("PRAGMA journal_mode"))
	require.NoError(t, err)
	require.Equal(t, "wal", mode)
}

func TestAFileThatCannotHaveAWriteAheadLogIsRefused(t *testing.T) {
	conn, err := sqlite.OpenConn(":memory:", sqlite.OpenReadWrite)
	require.NoError(t, err)
	defer conn.Close()
	require.ErrorContains(t, durable(conn, truth), "no write-ahead log with sync (journal mode memory, synchronous 2)")
}

func TestACopySyncsWithItsJournalAndItsPagesAreLarge(t *testing.T) {
	dir := t.TempDir()
	log, err := OpenCopy(dir, "main", "test")
	require.NoError(t, err)
	has := func(query string, want int64) {
		t.Helper()
		got, err := number(log.writer.conn, query)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	has("PRAGMA synchronous", int64(opinion.synchronous))
	has("PRAGMA page_size", int64(opinion.pageSize))
	require.NoError(t, log.Close())

	log, err = Open(dir, "main", "test")
	require.NoError(t, err, "its file is one like any other")
	defer log.Close()
	has("PRAGMA synchronous", 2)
	has("PRAGMA page_size", int64(opinion.pageSize))
}

func TestTheFileOfALogHasSmallPages(t *testing.T) {
	log, err := Open(t.TempDir(), "main", "test")
	require.NoError(t, err)
	defer log.Close()
	size, err := number(log.writer.conn, "PRAGMA page_size")
	require.NoError(t, err)
	require.Equal(t, int64(truth.pageSize), size)
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
