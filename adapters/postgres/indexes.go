package postgres

import (
	"context"
	"fmt"
	"strings"
)

// While a version is built nobody asks it anything, and its indexes beyond the keys cost two fifths of the time of filling it. They are
// put aside in a table beside those that are filled, so a rebuild that is killed still knows them, and are made before the switch.

// asideTable holds the statements that make the indexes that were put aside.
const asideTable = "pm_indexes_aside"

// putIndexesAside drops the indexes that are no keys.
func (s *Snapshot) putIndexesAside(ctx context.Context) error {
	conn, results, err := s.begin(ctx, beginWrite+`CREATE TABLE `+asideTable+` AS
SELECT c.relname AS name, pg_get_indexdef(c.oid) AS definition FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND NOT i.indisprimary;
SELECT name FROM `+asideTable)
	if err != nil {
		return fmt.Errorf("put the indexes of %s aside: %w", s, err)
	}
	defer s.give(conn)
	var sql strings.Builder
	for _, row := range results[len(results)-1].Rows {
		sql.WriteString("DROP INDEX " + quote(string(row[0])) + ";\n")
	}
	_, err = exec(ctx, conn, sql.String()+"COMMIT")
	return err
}

// makeIndexes makes the indexes that were put aside, if any were.
func (s *Snapshot) makeIndexes(ctx context.Context) error {
	conn, results, err := s.begin(ctx, beginWrite+"SELECT to_regclass("+literal(asideTable)+")")
	if err != nil {
		return err
	}
	defer s.give(conn)
	if results[len(results)-1].Rows[0][0] == nil {
		return nil
	}
	results, err = exec(ctx, conn, "SELECT definition FROM "+asideTable+" ORDER BY name")
	if err != nil {
		return err
	}
	var sql strings.Builder
	for _, row := range results[0].Rows {
		sql.WriteString(string(row[0]) + ";\n")
	}
	if _, err = exec(ctx, conn, sql.String()+"DROP TABLE "+asideTable+"; COMMIT"); err != nil {
		return fmt.Errorf("make the indexes of %s: %w", s, err)
	}
	return nil
}
