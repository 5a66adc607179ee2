package postgres

import (
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"pm/adapters/postgres/pgtest"
	"pm/projections"
	"pm/projections/snapshottest"
	"pm/projections/tables"
)

// upTo makes the tables as far as a program comes that is killed after so many migrations; after 0 there is only the table of goose.
func upTo(t *testing.T, url string, version int) {
	t.Helper()
	provider, hangUp, err := open(t, url).provider()
	require.NoError(t, err)
	defer func() { require.NoError(t, hangUp()) }()
	_, err = provider.GetDBVersion(t.Context())
	require.NoError(t, err)
	if version > 0 {
		_, err = provider.UpTo(t.Context(), int64(version))
		require.NoError(t, err)
	}
}

// shown is what a view shows, without an error.
func shown(t *testing.T, s *Snapshot) (head *projections.SnapshotHead, shape map[string][]string) {
	t.Helper()
	require.NoError(t, s.Read(t.Context(), func(v projections.SnapshotView) (err error) {
		if head, err = v.Head(); err != nil {
			return err
		}
		shape, err = v.Shape()
		return err
	}))
	return head, shape
}

// Making the tables takes several transactions. Whoever reads meanwhile finds no head in one look and something in the next.
func TestTablesThatAppearBetweenTwoLooksAreNoDamage(t *testing.T) {
	head := snapshottest.Head(1)
	for name, stage := range map[string]struct {
		reach  func(t *testing.T, url string)
		head   *projections.SnapshotHead
		tables int
	}{
		"the table of the migrations": {func(t *testing.T, url string) { upTo(t, url, 0) }, nil, 0},
		"the first migration":         {func(t *testing.T, url string) { upTo(t, url, 1) }, nil, 16},
		"all migrations":              {func(t *testing.T, url string) { upTo(t, url, tables.Version()) }, nil, len(tables.All())},
		"the first write":             {func(t *testing.T, url string) { filled(t, open(t, url)) }, &head, len(tables.All())},
	} {
		t.Run(name, func(t *testing.T) {
			url := pgtest.Database(t)
			reader := open(t, url)
			var once sync.Once
			reader.config.OnPgError = func(_ *pgconn.PgConn, e *pgconn.PgError) bool {
				once.Do(func() {
					require.Equal(t, "42P01", e.Code, "the first look finds no head")
					stage.reach(t, url)
				})
				return true
			}
			got, shape := shown(t, reader)
			require.Equal(t, stage.head, got)
			require.Len(t, shape, stage.tables)
		})
	}
}

// Nothing was ever written where the tables are not all there: the next write makes the rest.
func TestAMakerThatWasKilledIsFinishedByTheNextWrite(t *testing.T) {
	for version := range tables.Version() {
		t.Run(fmt.Sprintf("after %d migrations", version), func(t *testing.T) {
			url := pgtest.Database(t)
			pgtest.Exec(t, url, "CREATE TABLE notes (about text)") // somebody else's
			upTo(t, url, version)
			s := open(t, url)
			got, shape := shown(t, s)
			require.Nil(t, got)
			require.Equal(t, version == 0, len(shape) == 0)
			require.ErrorIs(t, s.Write(t.Context(), onto(snapshottest.Head(1), 2)), projections.ErrSnapshotMoved, "it does not make what it believes to be there")
			head := filled(t, s)
			got, shape = shown(t, s)
			require.Equal(t, &head, got)
			require.Len(t, shape, len(tables.All())+1)
		})
	}
}

func TestAMakerThatWasKilledIsFinishedByMigrateAndMendedByASwitch(t *testing.T) {
	for version := range tables.Version() {
		url := pgtest.Database(t)
		upTo(t, url, version)
		require.NoError(t, Migrate(t.Context(), url))
		filled(t, open(t, url))

		url = pgtest.Database(t)
		upTo(t, url, version)
		s, to := open(t, url), snapshottest.Head(1)
		next, err := s.Next(t.Context())
		require.NoError(t, err)
		snapshottest.Filled(t, next, to, snapshottest.Sample(1))
		require.NoError(t, s.Switch(t.Context(), nil, &to))
		require.Equal(t, &to, headOn(t, s))
	}
}

// What a rebuild was making when it was killed is made anew.
func TestANextThatIsHalfMadeIsMadeAnew(t *testing.T) {
	for version := range tables.Version() {
		url := pgtest.Database(t)
		s := open(t, url)
		from, to := filled(t, s), snapshottest.Head(2)
		pgtest.Exec(t, url, "CREATE SCHEMA public_next")
		upTo(t, url+"?search_path=public_next", version)
		next, err := s.Next(t.Context())
		require.NoError(t, err)
		snapshottest.Filled(t, next, to, snapshottest.Sample(1))
		require.NoError(t, s.Switch(t.Context(), &from, &to))
	}
}

func TestAHeadThatWasDroppedIsDamageHoweverManyMigrationsAreMissing(t *testing.T) {
	url := pgtest.Database(t)
	upTo(t, url, 1)
	pgtest.Exec(t, url, "DROP TABLE head")
	s := open(t, url)
	for range 2 { // making the rest does not hide it
		require.ErrorIs(t, s.Read(t.Context(), func(v projections.SnapshotView) error {
			_, err := v.Head()
			return err
		}), projections.ErrSnapshotDamaged)
		require.ErrorIs(t, s.Write(t.Context(), projections.Change{After: snapshottest.Head(1)}), projections.ErrSnapshotDamaged)
	}
}

// making holds the lock of whoever makes tables, and gives it back.
func making(t *testing.T, s *Snapshot) (release func()) {
	t.Helper()
	conn, _, err := s.begin(t.Context(), lockMigrations)
	require.NoError(t, err)
	return func() { s.give(conn) }
}

// Two services that begin on one database: one makes the tables, the other waits with its write, and nobody waits to read.
func TestAFirstWriteWaitsForWhoeverMakesTheTablesAndAReadDoesNot(t *testing.T) {
	for version := range tables.Version() {
		url := pgtest.Database(t)
		s := open(t, url)
		release := making(t, open(t, url))
		upTo(t, url, version)
		written := make(chan error, 1)
		go func() { written <- s.Write(t.Context(), projections.Change{After: snapshottest.Head(1)}) }()
		waiting(t, url, 1)
		require.Nil(t, headOn(t, s))
		upTo(t, url, tables.Version())
		release()
		require.NoError(t, <-written)
	}
}

// Two rebuilds that begin at once: the second takes what the first has made, and does not drop it half made.
func TestANextWaitsForWhoeverMakesIt(t *testing.T) {
	url := pgtest.Database(t)
	s := open(t, url)
	filled(t, s)
	release := making(t, open(t, url))
	pgtest.Exec(t, url, "CREATE SCHEMA public_next")
	upTo(t, url+"?search_path=public_next", 1)
	made := make(chan error, 1)
	go func() {
		_, err := s.Next(t.Context())
		made <- err
	}()
	waiting(t, url, 1)
	upTo(t, url+"?search_path=public_next", tables.Version())
	pgtest.Exec(t, url, "CREATE TABLE public_next.kept (n int)")
	release()
	require.NoError(t, <-made)
	require.Empty(t, pgtest.Exec(t, url, "SELECT * FROM public_next.kept"))
}

// A switch takes away the tables of the version that is there, and must know all of them.
func TestASwitchWaitsForWhoeverMakesTables(t *testing.T) {
	url := pgtest.Database(t)
	s, to := open(t, url), snapshottest.Head(1)
	upTo(t, url, 1)
	next, err := s.Next(t.Context())
	require.NoError(t, err)
	snapshottest.Filled(t, next, to, snapshottest.Sample(1))
	release := making(t, open(t, url))
	switched := make(chan error, 1)
	go func() { switched <- s.Switch(t.Context(), nil, &to) }()
	waiting(t, url, 1)
	upTo(t, url, tables.Version())
	release()
	require.NoError(t, <-switched)
	require.Equal(t, &to, headOn(t, s))
}
