package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/domain"
	"pm/projections"
)

// filter is the WHERE of a list: fixed texts with their values, so that nothing that a person sent becomes SQL.
type filter struct {
	where []string
	args  []any
}

func (f *filter) equal(column, value string) {
	if value != "" {
		f.where, f.args = append(f.where, column+" = ?"), append(f.args, value)
	}
}

func (f *filter) fixed(condition string, wanted bool) {
	if wanted {
		f.where = append(f.where, condition)
	}
}

// list reads a page. One row more than wanted says whether others follow.
func list[T any](ctx context.Context, x *Index, table string, f filter, before *uint64, limit int) (rows []T, next *uint64, err error) {
	below := uint64(math.MaxInt64)
	if before != nil {
		below = min(below, *before)
	}
	f.where, f.args = append(f.where, "n < ?"), append(f.args, int64(below), limit+1)
	query := "SELECT n, doc FROM " + table + " WHERE " + strings.Join(f.where, " AND ") + " ORDER BY n DESC LIMIT ?"
	last := uint64(0)
	err = x.use(ctx, func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, query, &sqlitex.ExecOptions{Args: f.args, ResultFunc: func(s *sqlite.Stmt) error {
			if len(rows) == limit {
				next = &last
				return nil
			}
			last = uint64(s.ColumnInt64(0))
			row, err := read[T](s, 1)
			rows = append(rows, row)
			return err
		}})
	})
	return rows, next, err
}

func read[T any](s *sqlite.Stmt, column int) (row T, err error) {
	if err := json.Unmarshal([]byte(s.ColumnText(column)), &row); err != nil {
		return row, fmt.Errorf("a row of the index cannot be read: %w", err)
	}
	return row, nil
}

// one reads the first row of a query, nil if there is none.
func one[T any](ctx context.Context, x *Index, query, id string) (found *T, err error) {
	err = x.use(ctx, func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, query, &sqlitex.ExecOptions{Args: []any{id}, ResultFunc: func(s *sqlite.Stmt) error {
			row, err := read[T](s, 0)
			found = &row
			return err
		}})
	})
	return found, err
}

// Signals lists signals, newest first.
func (x *Index) Signals(ctx context.Context, want projections.Filter, before *uint64, limit int) ([]projections.Signal, *uint64, error) {
	var f filter
	f.fixed("outcome = '"+domain.OutcomeRejected+"'", want.Status == domain.OutcomeRejected)
	f.fixed("outcome = '"+domain.OutcomeAccepted+"'", want.Status == domain.OutcomeAccepted)
	f.equal("instrument", want.Instrument)
	f.equal("type", want.Type)
	f.fixed("notable = 1", want.Notable)
	return list[projections.Signal](ctx, x, "signals", f, before, limit)
}

// Orders lists orders, newest first.
func (x *Index) Orders(ctx context.Context, want projections.Filter, before *uint64, limit int) ([]projections.Order, *uint64, error) {
	var f filter
	f.equal("instrument", want.Instrument)
	f.fixed("done = 0", want.Status == projections.FilterOpen)
	f.fixed("done = 1", want.Status == projections.FilterDone)
	return list[projections.Order](ctx, x, "orders", f, before, limit)
}

// Closed lists closed positions, the latest closed first.
func (x *Index) Closed(ctx context.Context, want projections.Filter, before *uint64, limit int) ([]projections.Position, *uint64, error) {
	var f filter
	f.equal("instrument", want.Instrument)
	return list[projections.Position](ctx, x, "closed", f, before, limit)
}

// Signal finds the accepted row of an id, else its latest.
func (x *Index) Signal(ctx context.Context, id string) (*projections.Signal, error) {
	return one[projections.Signal](ctx, x, "SELECT doc FROM signals WHERE id = ? ORDER BY outcome = 'accepted' DESC, n DESC LIMIT 1", id)
}

// Order finds an order.
func (x *Index) Order(ctx context.Context, id string) (*projections.Order, error) {
	return one[projections.Order](ctx, x, "SELECT doc FROM orders WHERE id = ? ORDER BY n DESC LIMIT 1", id)
}

// Position finds a closed position.
func (x *Index) Position(ctx context.Context, id string) (*projections.Position, error) {
	return one[projections.Position](ctx, x, "SELECT doc FROM closed WHERE id = ? ORDER BY n DESC LIMIT 1", id)
}

// Touched lists the revisions about a subject.
func (x *Index) Touched(ctx context.Context, id string, limit int) (revisions []uint64, err error) {
	err = x.use(ctx, func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, "SELECT rev FROM touches WHERE id = ? ORDER BY rev LIMIT ?", &sqlitex.ExecOptions{Args: []any{id, limit}, ResultFunc: func(s *sqlite.Stmt) error {
			revisions = append(revisions, uint64(s.ColumnInt64(0)))
			return nil
		}})
	})
	return revisions, err
}
