// Package stores opens what a configuration names, for the service and for pmctl alike.
package stores

import (
	"fmt"
	"os"
	"path/filepath"

	"pm/adapters/postgres"
	"pm/adapters/sqlite"
	"pm/cmd/internal/config"
	"pm/projections"
)

// SnapshotFile is the embedded snapshot in its folder.
const SnapshotFile = "snapshot.db"

// Snapshot opens the snapshot of a configuration for writing, nil if there is none. A database server need not be there yet; a folder
// is made.
func Snapshot(where config.Snapshot) (projections.Snapshot, error) {
	switch {
	case where.Server:
		return orNone(postgres.Open(where.Postgres.Reveal()))
	case where.Dir != "":
		if err := os.MkdirAll(where.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("make the folder of the snapshot: %w", err)
		}
		return orNone(sqlite.OpenSnapshot(filepath.Join(where.Dir, SnapshotFile)))
	}
	return nil, nil
}

// orNone keeps a nil pointer from becoming an interface that is not nil.
func orNone[T projections.Snapshot](s T, err error) (projections.Snapshot, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}
