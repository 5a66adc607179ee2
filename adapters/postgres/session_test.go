package postgres

import (
	"bytes"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"

	"pm/adapters/postgres/pgtest"
	"pm/projections"
	"pm/projections/snapshottest"
	"pm/projections/tables"
)

// silent listens and never answers.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// What an administrator has set for a database must not change a byte of what is read.
func TestTheSettingsOfADatabaseChangeNoByte(t *testing.T) {
	url := pgtest.Database(t)
	name := pgtest.Exec(t, url, "SELECT current_database()")[0][0]
	var sql strings.Builder
	for _, set := range []string{
		"timezone = 'Asia/Kolkata'", "datestyle = 'SQL, DMY'", "standard_conforming_strings = off", "client_encoding = 'LATIN1'",
		"default_transaction_isolation = 'serializable'", "default_transaction_read_only = on", "intervalstyle = 'iso_8601'",
		"statement_timeout = 1", "idle_in_transaction_session_timeout = 1",
	} {
		sql.WriteString("ALTER DATABASE " + name + " SET " + set + ";")
	}
	pgtest.Exec(t, url, sql.String())
	s, rows := open(t, url), snapshottest.Nasty()
	snapshottest.Filled(t, s, snapshottest.Head(1), rows)
	require.NoError(t, s.Read(t.Context(), func(v projections.SnapshotView) error {
		for _, table := range tables.All() {
			var b strings.Builder
			require.NoError(t, v.Copy(table, &b))
			got := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
			require.ElementsMatch(t, rows[table.Name], got, table.Name)
		}
		return nil
	}))
}

// The order of a dictionary is not the order of the log.
func TestACopyIsInTheOrderOfBytesWhateverTheLanguageOfTheDatabase(t *testing.T) {
	url := pgtest.Database(t)
	name := pgtest.Exec(t, url, "SELECT current_database()")[0][0]
	pgtest.Exec(t, url, "CREATE DATABASE "+name+"_en TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
	t.Cleanup(func() { pgtest.Exec(t, url, "DROP DATABASE IF EXISTS "+name+"_en WITH (FORCE)") })
	english := strings.Replace(url, name, name+"_en", 1)
	require.Equal(t, "a", pgtest.Exec(t, english, "SELECT x FROM (VALUES ('B'), ('a')) v(x) ORDER BY x")[0][0], "the database has an order of its own")

	s := open(t, english)
	trades, _ := tables.Named("trades")
	line := tables.Split(snapshottest.Sample(1)["trades"][0])
	var history strings.Builder
	ids := []string{"A-10", "A-9", "B", "Z", "_", "a", "z", "É"}
	for _, id := range ids {
		line[1] = id
		history.WriteString(tables.Join(line) + "\n")
	}
	require.NoError(t, s.Write(t.Context(), projections.Change{After: snapshottest.Head(1), History: map[string][]byte{"trades": []byte(history.String())}}))
	for _, change := range []string{"", `DROP VIEW all_positions; ALTER TABLE trades ALTER position_id TYPE text COLLATE "default"`} { // a person's ALTER must not matter either
		if change != "" {
			pgtest.Exec(t, english, change)
		}
		require.NoError(t, s.Read(t.Context(), func(v projections.SnapshotView) error {
			var got strings.Builder
			require.NoError(t, v.Copy(trades, &got))
			require.Equal(t, history.String(), got.String())
			return nil
		}))
	}
}

func TestOfManyFirstWritersOneWins(t *testing.T) {
	url := pgtest.Database(t)
	const writers = 8
	errs := make([]error, writers)
	var all sync.WaitGroup
	for i := range writers {
		s := open(t, url)
		all.Go(func() { errs[i] = s.Write(t.Context(), projections.Change{After: snapshottest.Head(i + 1)}) })
	}
	all.Wait()
	won := -1
	for i, err := range errs {
		if err == nil {
			require.Equal(t, -1, won, "two writers both believe that they were the first")
			won = i
			continue
		}
		require.ErrorIs(t, err, projections.ErrSnapshotMoved)
	}
	require.GreaterOrEqual(t, won, 0)
	head := snapshottest.Head(won + 1)
	require.Equal(t, &head, headOn(t, open(t, url)))
}

// waiting says whether so many sessions of a database wait for a lock.
func waiting(t *testing.T, url string, n int) {
	t.Helper()
	count := "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
	require.Eventually(t, func() bool { return pgtest.Exec(t, url, count)[0][0] == strconv.Itoa(n) }, eventually, poll, "%d sessions wait", n)
}

// Two instances that both believe they follow the log write at the same moment, onto the same head.
func TestOfWritersOntoOneHeadOneWins(t *testing.T) {
	url := pgtest.Database(t)
	first := open(t, url)
	head := filled(t, first)
	held, _, err := first.begin(t.Context(), beginWrite+readHead+headTable+" FOR UPDATE")
	require.NoError(t, err)
	const writers = 4
	errs := make(chan error, writers)
	for i := range writers {
		s := open(t, url)
		go func() { errs <- s.Write(t.Context(), onto(head, i+2)) }()
	}
	waiting(t, url, writers)
	first.give(held)
	won := 0
	for range writers {
		if err := <-errs; err == nil {
			won++
		} else {
			require.ErrorIs(t, err, projections.ErrSnapshotMoved)
		}
	}
	require.Equal(t, 1, won)
}

func TestAFirstHeadThatSomebodyElseWritesAtTheSameMomentIsMoved(t *testing.T) {
	url := pgtest.Database(t)
	first, second := open(t, url), open(t, url)
	require.NoError(t, first.migrate(t.Context()))
	var insert bytes.Buffer
	headSQL(&insert, false, snapshottest.Head(1))
	conn, _, err := first.begin(t.Context(), beginWrite+insert.String())
	require.NoError(t, err)
	defer first.give(conn)
	written := make(chan error, 1)
	go func() { written <- second.Write(t.Context(), projections.Change{After: snapshottest.Head(2)}) }()
	waiting(t, url, 1)
	_, err = exec(t.Context(), conn, "COMMIT")
	require.NoError(t, err)
	require.ErrorIs(t, <-written, projections.ErrSnapshotMoved)
}

func TestConnectionsBeyondMaxIdleAreGivenBack(t *testing.T) {
	url := pgtest.Database(t)
	s := open(t, url)
	filled(t, s)
	count := "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pm' AND datname = current_database()"
	inside, leave := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	const readers = MaxIdle + 3
	for range readers {
		all.Go(func() {
			_ = s.Read(t.Context(), func(projections.SnapshotView) error {
				inside <- struct{}{}
				<-leave
				return nil
			})
		})
	}
	for range readers {
		<-inside
	}
	require.Equal(t, "5", pgtest.Exec(t, url, count)[0][0], "each view has a connection of its own")
	close(leave)
	all.Wait()
	require.Len(t, s.idle, MaxIdle)
	require.Eventually(t, func() bool { return pgtest.Exec(t, url, count)[0][0] == "2" }, eventually, poll, "the server sees the others go")
}

func TestASchemaOfTheURLIsMadeAndKeptApart(t *testing.T) {
	url := pgtest.Database(t)
	a, b := open(t, url+"?search_path=desk_a"), open(t, url+"?search_path=desk_b")
	require.Nil(t, headOn(t, a))
	head := filled(t, a)
	require.Nil(t, headOn(t, b))
	snapshottest.Filled(t, b, snapshottest.Head(2), snapshottest.Sample(2))
	require.Equal(t, &head, headOn(t, a))
	require.Equal(t, [][]string{{"desk_a"}, {"desk_b"}}, pgtest.Exec(t, url, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'desk%' ORDER BY 1"))
}

func TestTablesOfSomebodyElseAreNoSnapshot(t *testing.T) {
	url := pgtest.Database(t)
	pgtest.Exec(t, url, "CREATE TABLE notes (id int); CREATE TABLE goose_db_version (id int)")
	s := open(t, url)
	require.NoError(t, s.Read(t.Context(), func(v projections.SnapshotView) error {
		head, err := v.Head()
		require.NoError(t, err)
		require.Nil(t, head)
		shape, err := v.Shape()
		require.Empty(t, shape)
		return err
	}))
	filled(t, s)
	require.Equal(t, "0", pgtest.Exec(t, url, "SELECT count(*) FROM notes")[0][0])
}

func TestATableHeadThatWasDroppedIsDamageNotAnEmptyPlace(t *testing.T) {
	url := pgtest.Database(t)
	s := open(t, url)
	filled(t, s)
	pgtest.Exec(t, url, "DROP TABLE head")
	err := s.Read(t.Context(), func(v projections.SnapshotView) error {
		_, err := v.Head()
		return err
	})
	require.ErrorIs(t, err, projections.ErrSnapshotDamaged)
	require.ErrorIs(t, s.Write(t.Context(), projections.Change{After: snapshottest.Head(2)}), projections.ErrSnapshotDamaged)
}

func TestTwoHeadRowsAreDamage(t *testing.T) {
	url := pgtest.Database(t)
	s := open(t, url)
	filled(t, s)
	pgtest.Exec(t, url, "INSERT INTO head SELECT false, stream, revision, event_hash, schema_version, fold_version, tables_hash FROM head")
	require.ErrorIs(t, s.Write(t.Context(), onto(snapshottest.Head(1), 2)), projections.ErrSnapshotDamaged)
}

// A server that takes no plain connection is still reached; one that takes them is called once.
func TestAServerOnThisMachineIsAskedForEncryptionSecond(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	asked := make(chan bool, 10)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				close(asked)
				return
			}
			server := pgproto3.NewBackend(conn, conn)
			message, err := server.ReceiveStartupMessage()
			_, encryption := message.(*pgproto3.SSLRequest)
			asked <- err == nil && encryption
			server.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28000", Message: "no pg_hba.conf entry, no encryption"})
			_ = server.Flush()
			conn.Close()
		}
	}()
	for query, want := range map[string][]bool{"": {false, true}, "?sslmode=prefer": {false, true}, "?sslmode=disable": {false}, "?sslmode=require": {true}} {
		s := open(t, "postgres://pm:secret@"+l.Addr().String()+"/pm"+query)
		require.ErrorIs(t, s.Read(t.Context(), nothing), projections.ErrSnapshotUnavailable)
		for _, encryption := range want {
			require.Equal(t, encryption, <-asked, query)
		}
		require.Empty(t, asked, query)
	}
	for url, first := range map[string]bool{ // whether encryption comes first
		"postgres://db.example/pm": true, "postgres://10.0.0.1/pm": true, "postgres://localhost/pm": false, "postgres://[::1]/pm": false,
		"postgres://localhost/pm?sslmode=allow": false,
	} {
		require.Equal(t, first, open(t, url).config.TLSConfig != nil, url)
	}
}
