package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"pm/migrations"
	"pm/projections"
	"pm/projections/tables"
)

// migrationsTable is where goose notes which migrations the tables of a schema have had.
const migrationsTable = "pm_migrations"

// lockMaking keeps two programs from making the same tables, and ends with its transaction. Making them takes several transactions, so
// whoever needs to know that all tables are there takes it too.
const (
	lockMaking     = "SELECT pg_advisory_xact_lock(hashtextextended('pm_migrations in ' || current_schema(), 0))"
	lockMigrations = "BEGIN; " + lockMaking
	readMigrations = "SELECT version_id, tstamp FROM " + migrationsTable + " WHERE is_applied AND version_id > 0 ORDER BY id"
)

// Migration is one step of the tables.
type Migration struct {
	Version   int        `json:"version"`
	Name      string     `json:"name,omitempty"`       // of the file; "" if this build does not know it
	AppliedAt *time.Time `json:"applied_at,omitempty"` // nil: not yet
}

// Migrate brings the tables that a URL names to the version of this build, and makes them where there are none. Their rows are not
// touched: what a new version holds comes from a rebuild.
func Migrate(ctx context.Context, url string) error {
	s, err := Open(url)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // it has no error
	return s.migrate(ctx)
}

// MigrationStatus lists the migrations that this build knows and those that the tables have had, by version. It changes nothing.
func MigrationStatus(ctx context.Context, url string) ([]Migration, error) {
	s, err := Open(url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }() // it has no error
	applied, err := s.applied(ctx)
	if err != nil {
		return nil, err
	}
	var out []Migration
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("the migration %s has no number: %w", name, err)
		}
		if version > tables.Version() {
			break
		}
		m := Migration{Version: version, Name: name}
		if at, there := applied[version]; there {
			m.AppliedAt = &at
		}
		out = append(out, m)
	}
	for _, version := range slices.Sorted(maps.Keys(applied)) {
		if version > tables.Version() {
			at := applied[version]
			out = append(out, Migration{Version: version, AppliedAt: &at})
		}
	}
	return out, nil
}

// applied reads when each migration was made, by version.
func (s *Snapshot) applied(ctx context.Context) (map[int]time.Time, error) {
	conn, results, err := s.begin(ctx, beginRead+readMigrations)
	if errors.Is(err, projections.ErrSnapshotDamaged) {
		return nil, nil // nothing was ever made here
	}
	if err != nil {
		return nil, err
	}
	defer s.give(conn)
	out := map[int]time.Time{}
	for _, row := range results[len(results)-1].Rows {
		version, err := strconv.Atoi(string(row[0]))
		if err != nil {
			return nil, fmt.Errorf("%w: table %s: %w", projections.ErrSnapshotDamaged, migrationsTable, err)
		}
		at, err := time.Parse("2006-01-02 15:04:05.999999", string(row[1]))
		if err != nil {
			return nil, fmt.Errorf("%w: table %s: %w", projections.ErrSnapshotDamaged, migrationsTable, err)
		}
		out[version] = at.UTC()
	}
	return out, nil
}

// version is the version of the tables; that of this build where nobody knows, since then they are replaced because they are damaged.
func (s *Snapshot) version(ctx context.Context) (int, error) {
	applied, err := s.applied(ctx)
	if len(applied) == 0 {
		return tables.Version(), err
	}
	return slices.Max(slices.Collect(maps.Keys(applied))), err
}

// migrate makes the tables of this build in the current schema.
func (s *Snapshot) migrate(ctx context.Context) error {
	if err := s.makeSchema(ctx); err != nil {
		return err
	}
	conn, _, err := s.begin(ctx, lockMigrations)
	if err != nil {
		return err
	}
	defer s.give(conn)
	provider, hangUp, err := s.provider()
	if err != nil {
		return err
	}
	defer func() { _ = hangUp() }() // the migrations were made or not, which UpTo says
	if _, err := provider.UpTo(ctx, int64(tables.Version())); err != nil {
		return fmt.Errorf("migrate %s: %w", s, classify(err))
	}
	return nil
}

// provider is goose on connections of its own.
func (s *Snapshot) provider() (_ *goose.Provider, hangUp func() error, err error) {
	db := stdlib.OpenDB(*s.config)
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.Files,
		goose.WithTableName(migrationsTable), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("read the migrations: %w", err), db.Close())
	}
	return provider, db.Close, nil
}

// makeSchema makes the schema that search_path names first, if it is not there.
func (s *Snapshot) makeSchema(ctx context.Context) error {
	conn, results, err := s.begin(ctx, beginWrite+"SELECT current_schema()")
	if err != nil {
		return err
	}
	defer s.give(conn)
	if results[len(results)-1].Rows[0][0] != nil {
		return nil
	}
	first, _, _ := strings.Cut(s.config.RuntimeParams["search_path"], ",")
	name := strings.Trim(strings.TrimSpace(first), `"`)
	if name == "" || name == "$user" {
		return fmt.Errorf("%w: no schema of the search_path of %s exists", projections.ErrSnapshotUnavailable, s)
	}
	_, err = conn.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+quote(name)+"; COMMIT").ReadAll()
	return classify(err)
}
