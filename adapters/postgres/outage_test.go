package postgres

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/adapters/postgres/pgtest"
	"pm/projections"
	"pm/projections/snapshottest"
	"pm/projections/tables"
)

func nothing(projections.SnapshotView) error { return nil }

// every calls every method that goes to the server.
func every(t *testing.T, s *Snapshot, check func(name string, err error)) {
	t.Helper()
	ctx := t.Context()
	check("read", s.Read(ctx, nothing))
	check("write", s.Write(ctx, projections.Change{After: snapshottest.Head(1)}))
	_, err := s.Next(ctx)
	check("next", err)
	check("switch", s.Switch(ctx, nil, nil))
	check("discard", s.Discard(ctx))
	check("migrate", s.migrate(ctx))
}

func TestAServerThatIsDownIsUnavailableAndComesBack(t *testing.T) {
	server := pgtest.Start(t)
	s := open(t, server.Database(t))
	head := filled(t, s)
	server.Stop(t)
	every(t, s, func(name string, err error) {
		require.ErrorIs(t, err, projections.ErrSnapshotUnavailable, name)
		require.NotContains(t, err.Error(), server.Password(), name)
	})
	server.Restart(t)
	require.Equal(t, &head, headOn(t, s), "the same session goes on")
	require.NoError(t, s.Write(t.Context(), onto(head, 2)))
}

func TestASnapshotIsOpenedWhileTheServerIsDown(t *testing.T) {
	server := pgtest.Start(t)
	url := server.Database(t)
	server.Stop(t)
	s := open(t, url)
	require.ErrorIs(t, s.Read(t.Context(), nothing), projections.ErrSnapshotUnavailable)
	server.Restart(t)
	filled(t, s)
}

// An idle connection that has died is the server's affair, not the caller's.
func TestAConnectionThatDiedWhileItWasIdleIsReplaced(t *testing.T) {
	url := pgtest.Database(t)
	s := open(t, url)
	head := filled(t, s)
	hangUpAll := "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'pm' AND datname = current_database()"
	require.NotEmpty(t, pgtest.Exec(t, url, hangUpAll))
	require.Equal(t, &head, headOn(t, s))
	require.NotEmpty(t, pgtest.Exec(t, url, hangUpAll))
	require.NoError(t, s.Write(t.Context(), onto(head, 2)))
}

// A connection that is cut in the middle of a view is an error of that view: what it has read and will read must be of one moment.
func TestAConnectionThatDiesInAViewEndsTheView(t *testing.T) {
	url := pgtest.Database(t)
	s := open(t, url)
	head := filled(t, s)
	err := s.Read(t.Context(), func(v projections.SnapshotView) error {
		pgtest.Exec(t, url, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'pm' AND datname = current_database()")
		_, err := v.Shape()
		return err
	})
	require.ErrorIs(t, err, projections.ErrSnapshotUnavailable)
	require.Equal(t, &head, headOn(t, s))
}

func TestWhoMayNotComeInIsToldWithoutThePassword(t *testing.T) {
	server := pgtest.Start(t)
	url := server.Database(t)
	wrong := "not-the-secret"
	for name, url := range map[string]string{
		"wrong password": strings.Replace(url, server.Password(), wrong, 1),
		"unknown user":   strings.Replace(url, "pm:"+server.Password(), "nobody:"+wrong, 1),
		"no database":    url + "_is_not_there",
		"no server":      "postgres://pm:" + wrong + "@127.0.0.1:1/pm",
	} {
		s := open(t, url)
		every(t, s, func(method string, err error) {
			require.ErrorIs(t, err, projections.ErrSnapshotUnavailable, "%s: %s", name, method)
			require.NotContains(t, err.Error(), wrong, "%s: %s", name, method)
			require.NotContains(t, err.Error(), server.Password(), "%s: %s", name, method)
		})
		require.NotContains(t, s.String(), wrong)
		require.NotContains(t, s.String(), server.Password())
	}
}

func TestAURLThatCannotBeReadIsRefusedWithoutThePassword(t *testing.T) {
	for _, url := range []string{"postgres://pm:s3cret@host:port/pm", "postgres://pm:s3cret@[::1/pm", "host=x password=s3cret port=none"} {
		_, err := Open(url)
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "s3cret")
	}
}

func TestAPlaceIsNamedByHostDatabaseAndSchema(t *testing.T) {
	for url, name := range map[string]string{
		"postgres://pm:secret@db.example:5433/trading":             "postgres://db.example:5433/trading",
		"postgres://pm:secret@[::1]/trading?search_path=desk":      "postgres://[::1]:5432/trading (desk)",
		"postgres:///trading?host=/run/postgresql&password=secret": "postgres:///trading?host=/run/postgresql",
	} {
		require.Equal(t, name, open(t, url).String())
	}
}

func TestAWriteThatHasToWaitEndsWithItsContext(t *testing.T) {
	url := pgtest.Database(t)
	s, other := open(t, url), open(t, url)
	head := filled(t, s)
	conn, _, err := other.begin(t.Context(), beginWrite+readHead+headTable+" FOR UPDATE")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err = s.Write(ctx, onto(head, 2))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, projections.ErrSnapshotUnavailable)
	other.give(conn)
	require.NoError(t, s.Write(t.Context(), onto(head, 2)))
}

// A server that takes connections and says nothing must not keep a start waiting.
func TestAnAttemptToConnectEnds(t *testing.T) {
	s := open(t, "postgres://pm:secret@"+silent(t)+"/pm?sslmode=disable")
	began := time.Now()
	require.ErrorIs(t, s.Read(t.Context(), nothing), projections.ErrSnapshotUnavailable)
	took := time.Since(began)
	require.GreaterOrEqual(t, took, ConnectTimeout)
	require.Less(t, took, 3*ConnectTimeout)
}

// Whoever set the database up forgot something: that is mended there, and the next try succeeds.
func TestAPermissionThatIsMissingIsUnavailableUntilItIsGiven(t *testing.T) {
	server := pgtest.Start(t)
	url := server.Database(t)
	head := filled(t, open(t, url))
	pgtest.Exec(t, url, "CREATE ROLE reader LOGIN PASSWORD 'reader'; GRANT SELECT ON head TO reader")
	t.Cleanup(func() { pgtest.Exec(t, url, "DROP OWNED BY reader; DROP ROLE reader") })
	s := open(t, strings.Replace(url, "pm:"+server.Password(), "reader:reader", 1))
	layers, _ := tables.Named("layers")
	read := func() error {
		return s.Read(t.Context(), func(v projections.SnapshotView) error {
			_, err := v.Lines([]tables.Table{layers})
			return err
		})
	}
	require.ErrorIs(t, read(), projections.ErrSnapshotUnavailable)
	require.ErrorIs(t, s.Write(t.Context(), onto(head, 2)), projections.ErrSnapshotUnavailable)
	pgtest.Exec(t, url, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
	require.NoError(t, read())
}
