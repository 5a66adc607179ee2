package paper

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/domain/engine"
	"pm/domain/engine/brokertest"
)

func TestAReaderSeesWhatARunningBrokerHasAccepted(t *testing.T) {
	dir := t.TempDir()
	b := openIn(t, dir, Options{})
	r, err := OpenReader(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	for i := range 3 {
		sent(t, b, brokertest.Buy("order", 2))
		orders, err := r.AllOrders(t.Context())
		require.NoError(t, err)
		require.Len(t, orders, i+1)
		net, err := r.Net(t.Context())
		require.NoError(t, err)
		require.Equal(t, map[string]int{"BANKNIFTY26JANFUT": 60 * (i + 1)}, net)
	}
}

func TestAReaderOfAClosedBookSeesItAndCannotWriteIt(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(dir, Options{})
	require.NoError(t, err)
	sent(t, b, brokertest.Buy("order", 2))
	require.NoError(t, b.Close())
	r, err := OpenReader(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	orders, err := r.AllOrders(t.Context())
	require.NoError(t, err)
	require.Len(t, orders, 1)
	err = r.with(t.Context(), func(conn *sqlite.Conn) error { return sqlitex.Execute(conn, "DELETE FROM orders", nil) })
	require.Equal(t, sqlite.ResultReadOnly, sqlite.ErrCode(err).ToPrimary(), "%v", err)
}

func TestAReaderRecordsNothingThatIsDue(t *testing.T) {
	c, dir := newClock(), t.TempDir()
	b := openIn(t, dir, Options{Delay: time.Second, Now: c.Now})
	id := sent(t, b, brokertest.Buy("order", 2)).BrokerID
	c.pass(time.Second)
	r, err := OpenReader(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	orders, err := r.AllOrders(t.Context())
	require.NoError(t, err)
	require.Empty(t, orders[0].Fills)
	require.Len(t, again(t, b, id).Fills, 1)
	orders, err = r.AllOrders(t.Context())
	require.NoError(t, err)
	require.Len(t, orders[0].Fills, 1)
}

func TestAReaderOfAnEmptyFolderSaysSoAndCreatesNothing(t *testing.T) {
	dir := t.TempDir()
	_, err := OpenReader(dir)
	require.ErrorIs(t, err, ErrNoBook)
	_, err = OpenReader(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, ErrNoBook)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestAForeignOrNewerDatabaseIsRefusedAndLeftAlone(t *testing.T) {
	for name, spoil := range map[string]string{
		"of something else": "CREATE TABLE diary (day TEXT)",
		"of a newer build":  schema + "PRAGMA application_id = 1886220386; PRAGMA user_version = 2;",
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, fileName)
		conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite, sqlite.OpenCreate)
		require.NoError(t, err)
		require.NoError(t, sqlitex.ExecuteScript(conn, spoil, nil), name)
		require.NoError(t, conn.Close())
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		_, err = Open(dir, Options{})
		require.ErrorIs(t, err, ErrNotABook, name)
		_, err = OpenReader(dir)
		require.ErrorIs(t, err, ErrNotABook, name)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, slices.Equal(before, after), "%s: the file was changed", name)
	}
}

func TestEveryCommitIsSynced(t *testing.T) {
	b := openIn(t, t.TempDir(), Options{})
	for name, want := range map[string]string{"journal_mode": "wal", "synchronous": "2"} {
		got, err := pragma(b.conn, name)
		require.NoError(t, err)
		require.Equal(t, want, got, name)
	}
}

func TestAfterCloseEveryCallSaysSo(t *testing.T) {
	b, err := Open(t.TempDir(), Options{})
	require.NoError(t, err)
	id := sent(t, b, brokertest.Buy("order", 1)).BrokerID
	require.NoError(t, b.Close())
	require.NoError(t, b.Close(), "twice")
	require.Equal(t, CodeNotSent, b.Send(t.Context(), brokertest.Buy("late", 1)).Code)
	require.ErrorIs(t, b.Cancel(t.Context(), id), ErrClosed)
	_, err = b.Order(t.Context(), id)
	require.ErrorIs(t, err, ErrClosed)
	_, err = b.Book(t.Context())
	require.ErrorIs(t, err, ErrClosed)
}

// failCommit lets no transaction of the connection be committed.
func failCommit(conn *sqlite.Conn) error {
	return conn.SetAuthorizer(sqlite.AuthorizeFunc(func(a sqlite.Action) sqlite.AuthResult {
		if a.Type() == sqlite.OpTransaction && a.Operation() == "COMMIT" {
			return sqlite.AuthResultDeny
		}
		return sqlite.AuthResultOK
	}))
}

// failInsert lets no order be written by the connection.
func failInsert(conn *sqlite.Conn) error {
	return sqlitex.ExecuteScript(conn, `CREATE TEMP TRIGGER broken BEFORE INSERT ON orders BEGIN SELECT RAISE(ABORT, 'disk on fire'); END;`, nil)
}

func TestAWriteThatCannotBeginIsAProvedRefusalAndBreaksNothing(t *testing.T) {
	b := openIn(t, t.TempDir(), Options{})
	require.NoError(t, sqlitex.Execute(b.conn, "PRAGMA query_only = ON", nil))
	require.Equal(t, CodeNotSent, b.Send(t.Context(), brokertest.Buy("early", 1)).Code)
	require.NoError(t, sqlitex.Execute(b.conn, "PRAGMA query_only = OFF", nil))
	require.Equal(t, "P-1", sent(t, b, brokertest.Buy("order", 1)).BrokerID)
	require.Equal(t, []string{"order"}, tags(t, b))
}

func TestAnUnknownIdDoesNotBreakTheBroker(t *testing.T) {
	b := openIn(t, t.TempDir(), Options{})
	require.ErrorIs(t, b.Cancel(t.Context(), "P-1"), ErrNoOrder)
	_, err := b.Order(t.Context(), "P-1")
	require.ErrorIs(t, err, ErrNoOrder)
	require.Equal(t, "P-1", sent(t, b, brokertest.Buy("order", 1)).BrokerID)
}

func TestASendThatWaitsForItsTurnGivesUpWithItsContextAndIsNotInTheBook(t *testing.T) {
	b := openIn(t, t.TempDir(), Options{})
	b.turn <- struct{}{}
	ctx, end := context.WithCancelCause(t.Context())
	answer := make(chan engine.Answer)
	go func() { answer <- b.Send(ctx, brokertest.Buy("waiting", 1)) }()
	end(errors.New("the caller left"))
	got := <-answer
	<-b.turn
	require.Equal(t, engine.Refused, got.Kind)
	require.Equal(t, CodeNotSent, got.Code)
	require.Empty(t, tags(t, b))
}

func TestBrokersThatOpenOneEmptyFolderAtOnceMakeOneBook(t *testing.T) {
	dir, opened := t.TempDir(), make([]error, 8)
	var all sync.WaitGroup
	for i := range opened {
		all.Go(func() {
			b, err := Open(dir, Options{})
			if err == nil {
				a := b.Send(context.Background(), brokertest.Buy("order", 1))
				err = errors.Join(b.Close(), map[bool]error{false: errors.New(a.Text)}[a.Kind == engine.Accepted])
			}
			opened[i] = err
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(opened...))
	require.Len(t, tags(t, openIn(t, dir, Options{})), len(opened))
}

func TestTwoBrokersOnOneBookShareIdsAndSequence(t *testing.T) {
	dir := t.TempDir()
	one, two := openIn(t, dir, Options{RejectEvery: 4}), openIn(t, dir, Options{RejectEvery: 4})
	require.Equal(t, "P-1", sent(t, one, brokertest.Buy("a", 1)).BrokerID)
	require.Equal(t, "P-2", sent(t, two, brokertest.Buy("b", 1)).BrokerID)
	require.Equal(t, "P-3", sent(t, one, brokertest.Buy("c", 1)).BrokerID)
	require.Equal(t, engine.Refused, two.Send(t.Context(), brokertest.Buy("d", 1)).Kind)
	require.Equal(t, []string{"a", "b", "c"}, tags(t, two))
}
