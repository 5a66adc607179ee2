package stores

import (
	"context"
	"errors"
	"path/filepath"

	"pm/adapters/postgres"
	"pm/adapters/sqlite"
	"pm/cmd/internal/config"
	"pm/projections"
)

// SnapshotReader opens the snapshot of a configuration for reading, nil if there is none. It makes nothing: without a file the error is
// fs.ErrNotExist. A database server need not be there yet.
func SnapshotReader(where config.Snapshot) (projections.Snapshot, error) {
	switch {
	case where.Server:
		return orNone(postgres.Open(where.Postgres.Reveal()))
	case where.Dir != "":
		return orNone(sqlite.OpenSnapshotReader(filepath.Join(where.Dir, SnapshotFile)))
	}
	return nil, nil
}

// ErrNoMigrations says that a snapshot makes its tables by itself.
var ErrNoMigrations = errors.New("needs no migrations: its tables are made with the first write, and anew by a rebuild")

// Migrate brings the tables of a database server to the version of this build. Their rows are not touched.
func Migrate(ctx context.Context, where config.Snapshot) error {
	if !where.Server {
		return ErrNoMigrations
	}
	return postgres.Migrate(ctx, where.Postgres.Reveal())
}

// Migration is one step of the tables of a database server.
type Migration = postgres.Migration

// Migrations lists the migrations that this build knows and those that the tables have had. It changes nothing.
func Migrations(ctx context.Context, where config.Snapshot) ([]Migration, error) {
	if !where.Server {
		return nil, ErrNoMigrations
	}
	return postgres.MigrationStatus(ctx, where.Postgres.Reveal())
}
