package paper

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/domain/engine"
	"pm/domain/engine/brokertest"
)

// failingWrites are ways in which the connection of a broker can lose a write.
var failingWrites = map[string]func(*sqlite.Conn) error{"an insert fails": failInsert, "a commit fails": failCommit}

// failed sends an order whose write fails: its outcome is in doubt.
func failed(t *testing.T, b *Broker, tag string) {
	t.Helper()
	answer := b.Send(t.Context(), brokertest.Buy(tag, 1))
	require.Equal(t, engine.Unknown, answer.Kind, answer.Text)
	require.Equal(t, "book_failed", answer.Code)
}

func TestAfterAFailedWriteTheBookIsOpenedAnewAndSaysWhatItHolds(t *testing.T) {
	for name, fail := range failingWrites {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := openIn(t, dir, Options{})
			id := sent(t, b, brokertest.Buy("before", 1)).BrokerID
			require.NoError(t, fail(b.conn))
			failed(t, b, "failed")
			book, err := b.Book(t.Context())
			require.NoError(t, err)
			require.Len(t, book.Orders, 1, "the file was read: the order is not in it")
			require.Equal(t, "before", again(t, b, id).Tag)

			require.NoError(t, fail(b.conn))
			failed(t, b, "failed2")
			require.Equal(t, "P-2", sent(t, b, brokertest.Buy("after", 1)).BrokerID, "the next send opens it too")
			require.NoError(t, b.Close())
			require.Equal(t, []string{"before", "after"}, tags(t, openIn(t, dir, Options{})))
		})
	}
}

func TestAWriteInDoubtThatTheFileHasIsFoundInIt(t *testing.T) {
	b := openIn(t, t.TempDir(), Options{})
	sent(t, b, brokertest.Buy("kept", 1))
	b.broken = errors.New("the disk's answer was lost")
	require.Equal(t, []string{"kept"}, tags(t, b))
	require.NoError(t, b.broken)
}

func TestWhatWasInDoubtIsDecidedForGoodBeforeItIsAnswered(t *testing.T) {
	dir := t.TempDir()
	b := openIn(t, dir, Options{})
	sent(t, b, brokertest.Buy("kept", 1))
	journal := filepath.Join(dir, fileName+"-wal")
	before, err := os.Stat(journal)
	require.NoError(t, err)
	require.Positive(t, before.Size())
	other, err := OpenReader(dir) // a pmctl beside pm: closing the broker's connections does not end the journal then
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	b.broken = errors.New("the disk's answer was lost")
	require.Equal(t, []string{"kept"}, tags(t, b))
	after, err := os.Stat(journal)
	require.NoError(t, err)
	require.Zero(t, after.Size(), "nothing in the journal is left to be found after a crash")
}

func TestABookIsNotDecidedWhileAnotherProcessReadsAnOlderMomentOfIt(t *testing.T) {
	dir := t.TempDir()
	b := openIn(t, dir, Options{})
	sent(t, b, brokertest.Buy("kept", 1))
	reader, err := sqlite.OpenConn(filepath.Join(dir, fileName), sqlite.OpenReadWrite)
	require.NoError(t, err)
	defer func() { require.NoError(t, reader.Close()) }()
	end := sqlitex.Transaction(reader)
	_, err = count(reader, "SELECT count(*) FROM orders")
	require.NoError(t, err)
	conn, err := openWriter(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	conn.SetBusyTimeout(0)
	sent(t, b, brokertest.Buy("newer", 1))
	require.ErrorContains(t, decide(conn), "another process is reading it")
	end(&err)
	require.NoError(t, err)
	require.NoError(t, decide(conn))
}

func TestABookThatHasGoneAwayIsNotReplacedByAnEmptyOne(t *testing.T) {
	home := t.TempDir()
	dir, away := filepath.Join(home, "paper"), filepath.Join(home, "away")
	b := openIn(t, dir, Options{})
	id := sent(t, b, brokertest.Buy("before", 1)).BrokerID
	require.NoError(t, failInsert(b.conn))
	failed(t, b, "failed")
	require.NoError(t, os.Rename(dir, away))
	for range 2 {
		after := b.Send(t.Context(), brokertest.Buy("after", 1))
		require.Equal(t, engine.Refused, after.Kind, "nothing was written, so it is proved")
		require.Equal(t, CodeNotSent, after.Code)
		require.Contains(t, after.Text, "the book failed before")
		_, err := b.Book(t.Context())
		require.ErrorIs(t, err, ErrNoBook)
		_, err = b.Order(t.Context(), id)
		require.ErrorIs(t, err, ErrNoBook)
		require.NoDirExists(t, dir)
	}
	require.NoError(t, os.Rename(away, dir))
	require.Equal(t, []string{"before"}, tags(t, b))
	require.Equal(t, "P-2", sent(t, b, brokertest.Buy("after", 1)).BrokerID)
}

func TestABrokenBookCanBeClosed(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "paper")
	b, err := Open(dir, Options{})
	require.NoError(t, err)
	require.NoError(t, failInsert(b.conn))
	failed(t, b, "failed")
	require.NoError(t, os.Rename(dir, filepath.Join(home, "away")))
	_, err = b.Book(t.Context())
	require.ErrorIs(t, err, ErrNoBook)
	require.NoError(t, b.Close())
	_, err = b.Book(t.Context())
	require.ErrorIs(t, err, ErrClosed)
}
