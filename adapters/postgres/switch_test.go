package postgres

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/postgres/pgtest"
	"pm/projections"
	"pm/projections/snapshottest"
	"pm/projections/tables"
)

// built makes a snapshot with a head, and another version beside it.
func built(t *testing.T, url string) (s *Snapshot, from, to projections.SnapshotHead) {
	t.Helper()
	s, to = open(t, url), snapshottest.Head(2)
	from = filled(t, s)
	next, err := s.Next(t.Context())
	require.NoError(t, err)
	snapshottest.Filled(t, next, to, snapshottest.Sample(2))
	return s, from, to
}

// role makes somebody who may log in, for as long as the test runs.
func role(t *testing.T, url, name string) {
	t.Helper()
	pgtest.Exec(t, url, "CREATE ROLE "+name+" LOGIN")
	t.Cleanup(func() { pgtest.Exec(t, url, "DROP OWNED BY "+name+"; DROP ROLE "+name) })
}

func TestPermissionsOutliveASwitch(t *testing.T) {
	server := pgtest.Start(t)
	url := server.Database(t)
	s, from, to := built(t, url)
	role(t, url, `"Dash-board"`)
	role(t, url, "auditor")
	pgtest.Exec(t, url, `GRANT SELECT ON positions, orders TO "Dash-board" WITH GRANT OPTION; GRANT SELECT (equity, fees) ON portfolio_state TO auditor;
GRANT SELECT ON head TO PUBLIC`)
	granted := `SELECT c.relname, coalesce(a.attname, ''), coalesce(a.attacl, c.relacl)::text FROM pg_class c
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attacl IS NOT NULL
WHERE c.relnamespace = 'public'::regnamespace AND (c.relacl IS NOT NULL OR a.attacl IS NOT NULL) ORDER BY 1, 2`
	before := pgtest.Exec(t, url, granted)
	require.Len(t, before, 5)
	require.NoError(t, s.Switch(t.Context(), &from, &to))
	require.Equal(t, before, pgtest.Exec(t, url, granted))
	require.Equal(t, "2", pgtest.Exec(t, url, `SET ROLE "Dash-board"; SELECT count(*) FROM positions`)[0][0])
}

func TestWhatIsNotOfPMStaysWhereItIs(t *testing.T) {
	url := pgtest.Database(t)
	s, from, to := built(t, url)
	pgtest.Exec(t, url, `CREATE TABLE notes (about text); INSERT INTO notes VALUES ('mine'); CREATE SCHEMA desk;
CREATE VIEW risk AS SELECT sum(risk) AS total, count(*) AS n FROM layers;
CREATE VIEW desk.lots AS SELECT instrument, lots, n FROM positions, risk`)
	require.Equal(t, "3", pgtest.Exec(t, url, "SELECT n FROM risk")[0][0])
	for n := range 3 { // the third drops the second's previous version
		require.NoError(t, s.Switch(t.Context(), &from, &to))
		require.Equal(t, "mine", pgtest.Exec(t, url, "SELECT about FROM notes")[0][0])
		require.Equal(t, "2", pgtest.Exec(t, url, "SELECT n FROM risk")[0][0], "somebody's view shows the new tables")
		require.Len(t, pgtest.Exec(t, url, "SELECT * FROM desk.lots"), 2)
		from, to = to, snapshottest.Head(n+3)
		next, err := s.Next(t.Context())
		require.NoError(t, err)
		snapshottest.Filled(t, next, to, snapshottest.Sample(2))
	}
}

func TestAViewThatCannotBeTakenOverStopsTheSwitchAndIsNamed(t *testing.T) {
	url := pgtest.Database(t)
	s, from, to := built(t, url)
	pgtest.Exec(t, url, "CREATE MATERIALIZED VIEW old_risk AS SELECT sum(risk) FROM layers")
	require.ErrorContains(t, s.Switch(t.Context(), &from, &to), "public.old_risk")
	require.Equal(t, &from, headOn(t, s))
	pgtest.Exec(t, url, "DROP MATERIALIZED VIEW old_risk")
	require.NoError(t, s.Switch(t.Context(), &from, &to))
	require.Equal(t, &to, headOn(t, s))
}

func TestTheVersionBeforeIsKeptUntilTheNextSwitch(t *testing.T) {
	url := pgtest.Database(t)
	s, from, to := built(t, url)
	require.NoError(t, s.Switch(t.Context(), &from, &to))
	count := "SELECT (SELECT count(*) FROM public.layers), (SELECT count(*) FROM public_previous.layers), (SELECT count(*) FROM public_previous.all_positions)"
	require.Equal(t, [][]string{{"2", "3", "6"}}, pgtest.Exec(t, url, count))
	third := snapshottest.Head(3)
	next, err := s.Next(t.Context())
	require.NoError(t, err)
	snapshottest.Filled(t, next, third, snapshottest.Sample(1))
	require.NoError(t, s.Switch(t.Context(), &to, &third))
	require.Equal(t, [][]string{{"1", "2", "4"}}, pgtest.Exec(t, url, count))
	require.Equal(t, [][]string{{"public"}, {"public_previous"}}, pgtest.Exec(t, url, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'public%' ORDER BY 1"))
}

// A dashboard knows nothing of locks: one statement of its own must still see one version.
func TestADashboardNeverSeesHalfOfASwitch(t *testing.T) {
	url := pgtest.Database(t)
	s, from, to := built(t, url)
	const switches = 10
	done, seen, bad := make(chan struct{}), make(chan string, switches+1), make(chan string, 1)
	dashboard := open(t, url)
	go func() {
		defer close(seen)
		for last := ""; ; {
			conn, results, err := dashboard.begin(t.Context(), "SELECT revision, (SELECT count(*) FROM layers), (SELECT count(*) FROM trades) FROM head")
			if err != nil {
				bad <- err.Error()
				return
			}
			row := results[0].Rows[0]
			now := string(row[0]) + " " + string(row[1]) + " " + string(row[2])
			dashboard.give(conn)
			if now != last {
				seen <- now
			}
			last = now
			select {
			case <-done:
				return
			default:
			}
		}
	}()
	<-seen
	for n := range switches {
		require.NoError(t, s.Switch(t.Context(), &from, &to))
		from, to = to, snapshottest.Head(n+3)
		next, err := s.Next(t.Context())
		require.NoError(t, err)
		snapshottest.Filled(t, next, to, snapshottest.Sample(n+3))
	}
	close(done)
	versions := map[string]bool{}
	for row := range seen {
		versions[row] = true
		words := strings.Fields(row)
		n := strings.TrimSuffix(words[0], "00")
		if n == "1" {
			n = "3" // the first version has three rows, every other as many as its number
		}
		require.Equal(t, []string{n, n}, words[1:], row)
	}
	require.Empty(t, bad)
	require.Greater(t, len(versions), 2, "the dashboard looked while versions changed")
}

func TestASwitchWaitsForReadersForALimitedTime(t *testing.T) {
	url := pgtest.Database(t)
	s, from, to := built(t, url)
	require.NoError(t, open(t, url).Read(t.Context(), func(v projections.SnapshotView) error {
		require.ErrorIs(t, s.Switch(t.Context(), &from, &to), projections.ErrSnapshotUnavailable)
		head, err := v.Head()
		require.Equal(t, &from, head)
		return err
	}))
	require.NoError(t, s.Switch(t.Context(), &from, &to), "the reader has gone")
	require.Equal(t, &to, headOn(t, s))
}

func TestASwitchToNothingIsRefused(t *testing.T) {
	url := pgtest.Database(t)
	s := open(t, url)
	from := filled(t, s)
	require.ErrorIs(t, s.Switch(t.Context(), &from, nil), projections.ErrSnapshotMoved)
	require.Error(t, s.Switch(t.Context(), &from, nil, "layers"))
	require.Equal(t, &from, headOn(t, s))
}

func TestTheNameOfASchemaLeavesRoomForItsNeighbours(t *testing.T) {
	url := pgtest.Database(t)
	for length, fits := range map[int]bool{maxSchemaName: true, maxSchemaName + 1: false} {
		s := open(t, url+"?search_path="+strings.Repeat("x", length))
		filled(t, s)
		_, err := s.Next(t.Context())
		if !fits {
			require.ErrorContains(t, err, "54 bytes")
			continue
		}
		require.NoError(t, err)
	}
}

// Indexes slow the filling of a version that nobody reads yet; a version that is read must have every one of them again.
func TestAVersionHasItsIndexesAgainWhenItIsSwitchedTo(t *testing.T) {
	url := pgtest.Database(t)
	indexes := "SELECT schemaname, indexname, replace(indexdef, schemaname || '.', '') FROM pg_indexes WHERE schemaname = '%' ORDER BY 2"
	of := func(schema string) (out [][]string) {
		for _, row := range pgtest.Exec(t, url, strings.Replace(indexes, "%", schema, 1)) {
			out = append(out, row[1:])
		}
		return out
	}
	require.NoError(t, Migrate(t.Context(), url))
	want := of("public")
	s, from, to := built(t, url)
	require.Less(t, len(of("public_next")), len(want))
	require.NoError(t, s.Close()) // a rebuild that goes on after a restart
	s = open(t, url)
	require.NoError(t, s.Switch(t.Context(), &from, &to))
	require.Equal(t, want, of("public"))
	require.Empty(t, pgtest.Exec(t, url, "SELECT tablename FROM pg_tables WHERE tablename = 'pm_indexes_aside'"))
}

// A person who wants to look at a damaged table later may rename it. It is not ours any more then.
func TestATableThatWasRenamedStaysWithItsRows(t *testing.T) {
	url := pgtest.Database(t)
	s, from, to := built(t, url)
	pgtest.Exec(t, url, "ALTER TABLE layers RENAME TO layers_as_found")
	require.NoError(t, s.Switch(t.Context(), &from, &to))
	require.Equal(t, [][]string{{"3", "2"}}, pgtest.Exec(t, url, "SELECT (SELECT count(*) FROM layers_as_found), (SELECT count(*) FROM layers)"))
}

func TestATableOfSomebodyElseWithANewNameOfOursIsNeverMoved(t *testing.T) {
	there := []relation{{"later", "TABLE"}, {"layers", "TABLE"}, {"orders", "VIEW"}}
	url := pgtest.Database(t)
	s := open(t, url)
	filled(t, s)
	pgtest.Exec(t, url, "CREATE TABLE later (id int)")
	conn, _, err := s.begin(t.Context(), beginSwitch)
	require.NoError(t, err)
	defer s.give(conn)
	for version, want := range map[int]int{tables.Version(): len(tables.All()) + 3, 0: 3} { // head, pm_migrations and orders
		w := switching{ctx: t.Context(), conn: conn, current: "public", version: version}
		here, err := w.ours(there)
		require.NoError(t, err)
		require.Len(t, here, want)
		require.NotContains(t, here, there[0])
		require.Equal(t, relation{headTable, "TABLE"}, here[0], "the first lock")
	}
}

func TestASwitchMendsAHeadThatCannotBeRead(t *testing.T) {
	for _, damage := range []string{
		"ALTER TABLE head RENAME COLUMN revision TO r", "ALTER TABLE head ALTER revision DROP NOT NULL; UPDATE head SET revision = NULL",
		"INSERT INTO head SELECT false, stream, revision, event_hash, schema_version, fold_version, tables_hash FROM head", "DROP TABLE head",
	} {
		url := pgtest.Database(t)
		s, from, to := built(t, url)
		pgtest.Exec(t, url, damage)
		require.ErrorIs(t, s.Read(t.Context(), func(v projections.SnapshotView) error {
			_, err := v.Head()
			return err
		}), projections.ErrSnapshotDamaged, damage)
		require.ErrorIs(t, s.Switch(t.Context(), &from, &to), projections.ErrSnapshotMoved, damage)
		require.NoError(t, s.Switch(t.Context(), nil, &to), damage)
		require.Equal(t, &to, headOn(t, s), damage)
	}
}

// A reader that waits for a switch must begin behind it: had its view begun before, it would show what the new version held back then,
// which may be half of it.
func TestAReaderThatWaitsForASwitchBeginsBehindIt(t *testing.T) {
	url := pgtest.Database(t)
	s, from, _ := built(t, url)
	next, err := s.Next(t.Context())
	require.NoError(t, err)
	conn, _, err := s.begin(t.Context(), beginSwitch)
	require.NoError(t, err)
	defer s.give(conn)
	w := switching{ctx: t.Context(), conn: conn, current: "public", next: "public_next", previous: "public_previous", version: tables.Version()}
	found, err := w.head(w.current)
	require.NoError(t, err)
	require.Equal(t, &from, found)

	read, reader := make(chan *projections.SnapshotHead, 1), open(t, url)
	go func() {
		defer close(read)
		for err := projections.ErrSnapshotUnavailable; errors.Is(err, projections.ErrSnapshotUnavailable); { // a busy machine connects late
			err = reader.Read(t.Context(), func(v projections.SnapshotView) (err error) {
				head, err := v.Head()
				read <- head
				return err
			})
		}
	}()
	waiting(t, url, 1)
	last := snapshottest.Head(9)
	require.NoError(t, next.Write(t.Context(), onto(snapshottest.Head(2), 9)))
	require.NoError(t, w.move())
	_, err = exec(t.Context(), conn, "COMMIT")
	require.NoError(t, err)
	require.Equal(t, &last, <-read)
}
