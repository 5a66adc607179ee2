package sqlite

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/projections"
	"pm/projections/tables"
)

// errBeside says that only what is in force has something built beside it.
var errBeside = errors.New("this is what is being built beside the snapshot")

// Next is the version in the tables next_..., made anew where those there are not of this build.
func (s *Snapshot) Next(ctx context.Context) (projections.Snapshot, error) {
	if s.prefix != "" {
		return nil, errBeside
	}
	err := s.file.change(ctx, func(conn *sqlite.Conn) error {
		shape, err := named(conn, nextPrefix)
		if err != nil {
			return err
		}
		if fits(shape) {
			head, err := headIn(conn, nextPrefix)
			if err != nil || head == nil || head.SchemaVersion == tables.Version() {
				return err
			}
		}
		if err := drop(conn, nextPrefix, shape); err != nil {
			return err
		}
		return create(conn, nextPrefix)
	})
	if err != nil {
		return nil, fmt.Errorf("make room for the next version: %w", err)
	}
	return &Snapshot{file: s.file, prefix: nextPrefix}, nil
}

// Discard drops the tables next_... .
func (s *Snapshot) Discard(ctx context.Context) error {
	return s.file.change(ctx, func(conn *sqlite.Conn) error { return dropAll(conn, nextPrefix) })
}

// Switch renames what is there to previous_... and what was built to its own name. Of single tables the old one is dropped, and
// the rest of what was built with it.
func (s *Snapshot) Switch(ctx context.Context, from, to *projections.SnapshotHead, names ...string) error {
	if s.prefix != "" {
		return errBeside
	}
	return s.file.change(ctx, func(conn *sqlite.Conn) error {
		if err := stillThere(conn, from, to); err != nil {
			return err
		}
		if len(names) > 0 {
			return takeSome(conn, *to, names)
		}
		return takeAll(conn)
	})
}

// stillThere holds both heads against what the caller believes.
func stillThere(conn *sqlite.Conn, from, to *projections.SnapshotHead) error {
	now, err := headIn(conn, "")
	if errors.Is(err, projections.ErrSnapshotDamaged) {
		now, err = nil, nil // a head that cannot be read is none: a rebuild is what mends it
	}
	if err != nil {
		return err
	}
	built, err := headIn(conn, nextPrefix)
	if err != nil {
		return err
	}
	if built == nil || !sameHead(now, from) || !sameHead(built, to) {
		return projections.ErrSnapshotMoved
	}
	return nil
}

func takeAll(conn *sqlite.Conn) error {
	if err := dropAll(conn, previousPrefix); err != nil {
		return err
	}
	if err := rename(conn, "", previousPrefix); err != nil {
		return err
	}
	return rename(conn, nextPrefix, "")
}

func takeSome(conn *sqlite.Conn, to projections.SnapshotHead, names []string) error {
	for _, name := range names {
		p, known := plans[nextPrefix][name]
		if !known {
			return fmt.Errorf("there is no table %s in this build", name)
		}
		if err := script(conn, fmt.Sprintf("DROP TABLE IF EXISTS %s;\nALTER TABLE %s%s RENAME TO %s", p.Name, nextPrefix, p.Name, p.Name)); err != nil {
			return err
		}
	}
	if err := dropAll(conn, nextPrefix); err != nil {
		return err
	}
	return putHead(conn, "", to)
}

func rename(conn *sqlite.Conn, from, to string) error {
	shape, err := named(conn, from)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(shape)) {
		if err := sqlitex.ExecuteTransient(conn, fmt.Sprintf("ALTER TABLE [%s%s] RENAME TO [%s%s]", from, name, to, name), nil); err != nil {
			return err
		}
	}
	return nil
}

func dropAll(conn *sqlite.Conn, prefix string) error {
	shape, err := named(conn, prefix)
	if err != nil {
		return err
	}
	return drop(conn, prefix, shape)
}

func drop(conn *sqlite.Conn, prefix string, shape map[string][]string) error {
	for _, name := range slices.Sorted(maps.Keys(shape)) {
		if err := sqlitex.ExecuteTransient(conn, fmt.Sprintf("DROP TABLE [%s%s]", prefix, name), nil); err != nil {
			return err
		}
	}
	return nil
}
