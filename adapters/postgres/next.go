package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"pm/projections"
	"pm/projections/tables"
)

const (
	nextSuffix     = "_next"
	previousSuffix = "_previous"
	// maxSchemaName is what PostgreSQL leaves of a name: a longer one would be cut, and two schemas become one.
	maxSchemaName = 63 - len(previousSuffix)
	// SwitchWait is how long a switch waits for those who read. Who begins to read meanwhile waits for the switch.
	SwitchWait = 2 * time.Second
)

// Next makes the schema beside this one, if it is not there with the tables of this build.
func (s *Snapshot) Next(ctx context.Context) (projections.Snapshot, error) {
	if s.beside {
		return nil, fmt.Errorf("%s is itself what is being built", s)
	}
	if err := s.makeSchema(ctx); err != nil {
		return nil, err
	}
	schema, err := s.schema(ctx)
	if err != nil {
		return nil, err
	}
	next, err := s.besides(schema)
	if err != nil {
		return nil, err
	}
	making, _, err := s.begin(ctx, lockMigrations) // else two rebuilds that begin at once drop what the other is making
	if err != nil {
		return nil, err
	}
	defer s.give(making)
	usable, err := next.usable(ctx)
	if err != nil {
		return nil, err
	}
	if !usable {
		name := quote(schema + nextSuffix)
		if err := s.run(ctx, "DROP SCHEMA IF EXISTS "+name+" CASCADE; CREATE SCHEMA "+name); err != nil {
			return nil, fmt.Errorf("make the schema %s: %w", name, err)
		}
		if err := next.migrate(ctx); err != nil {
			return nil, err
		}
		if err := next.putIndexesAside(ctx); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// usable says whether the tables are those of this build, and so is what was written into them.
func (s *Snapshot) usable(ctx context.Context) (bool, error) {
	applied, err := s.applied(ctx)
	if err != nil {
		return false, err
	}
	if _, there := applied[tables.Version()]; !there || len(applied) != tables.Version() {
		return false, nil
	}
	var head *projections.SnapshotHead
	err = s.Read(ctx, func(v projections.SnapshotView) (err error) {
		head, err = v.Head()
		return err
	})
	if errors.Is(err, projections.ErrSnapshotDamaged) {
		return false, nil
	}
	return head == nil || head.SchemaVersion == tables.Version(), err
}

// besides is the snapshot in the schema beside a schema, always the same one.
func (s *Snapshot) besides(schema string) (*Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, errClosed
	case s.next != nil:
		return s.next, nil
	}
	config := s.config.Copy()
	config.RuntimeParams["search_path"] = quote(schema + nextSuffix)
	s.next = &Snapshot{config: config, name: nameOf(config), beside: true}
	return s.next, nil
}

// Discard drops the schema beside this one.
func (s *Snapshot) Discard(ctx context.Context) error {
	schema, err := s.schema(ctx)
	if err != nil {
		return err
	}
	if err := s.run(ctx, "DROP SCHEMA IF EXISTS "+quote(schema+nextSuffix)+" CASCADE"); err != nil {
		return fmt.Errorf("drop the schema %s: %w", schema+nextSuffix, err)
	}
	return nil
}

// schema is the current schema of the connections.
func (s *Snapshot) schema(ctx context.Context) (string, error) {
	conn, results, err := s.begin(ctx, beginRead+"SELECT current_schema()")
	if err != nil {
		return "", err
	}
	defer s.give(conn)
	name := string(results[len(results)-1].Rows[0][0])
	switch {
	case name == "":
		return "", fmt.Errorf("%w: no schema of the search_path of %s exists", projections.ErrSnapshotUnavailable, s)
	case len(name) > maxSchemaName:
		return "", fmt.Errorf("the name of the schema %s is longer than %d bytes: there is no room for %s", name, maxSchemaName, previousSuffix)
	}
	return name, nil
}

// run makes statements in one transaction, which waits for locks no longer than SwitchWait.
func (s *Snapshot) run(ctx context.Context, sql string) error {
	conn, _, err := s.begin(ctx, beginSwitch)
	if err != nil {
		return err
	}
	defer s.give(conn)
	_, err = conn.Exec(ctx, sql+"; COMMIT").ReadAll()
	return classify(err)
}

// exec makes statements on a connection.
func exec(ctx context.Context, conn *pgconn.PgConn, sql string) ([]*pgconn.Result, error) {
	results, err := conn.Exec(ctx, sql).ReadAll()
	return results, classify(err)
}
