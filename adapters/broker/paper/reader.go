package paper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/domain/engine"
)

// readers bounds the connections that read a book at the same time.
const readers = 4

// Reader reads a book and changes nothing in it, also while a pm writes it. It shows what has been recorded: a fill that
// is due and that nobody has asked the broker for is not there yet.
type Reader struct{ pool *sqlitex.Pool }

// OpenReader opens the book of a folder. Errors: ErrNoBook (nothing is created), ErrNotABook, the file system's.
func OpenReader(dir string) (*Reader, error) {
	path := filepath.Join(dir, fileName)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNoBook, dir)
	}
	pool, err := sqlitex.NewPool(path, sqlitex.PoolOptions{
		Flags: sqlite.OpenReadOnly, PoolSize: readers,
		PrepareConn: func(conn *sqlite.Conn) error {
			conn.SetBusyTimeout(BusyWait)
			return recognize(conn)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("paper broker: %w", err)
	}
	r := &Reader{pool: pool}
	if err := r.with(context.Background(), func(*sqlite.Conn) error { return nil }); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return r, nil
}

// Close waits for the readings under way and closes the book.
func (r *Reader) Close() error { return r.pool.Close() }

// AllOrders reads the whole history, oldest first.
func (r *Reader) AllOrders(ctx context.Context) (orders []engine.BookOrder, err error) {
	err = r.with(ctx, func(conn *sqlite.Conn) error {
		orders, err = shown(conn, "ORDER BY o.n, f.k")
		return err
	})
	return orders, err
}

// Net reads the units held by contract; a contract that is flat again is not in it.
func (r *Reader) Net(ctx context.Context) (net map[string]int, err error) {
	err = r.with(ctx, func(conn *sqlite.Conn) error {
		net, err = netUnits(conn)
		return err
	})
	return net, err
}

func (r *Reader) order(ctx context.Context, id string) (engine.BookOrder, error) {
	var found []engine.BookOrder
	n, err := orderNumber(id)
	if err == nil {
		err = r.with(ctx, func(conn *sqlite.Conn) (err error) {
			found, err = shown(conn, "WHERE o.n = ? ORDER BY f.k", n)
			return err
		})
	}
	if err == nil && len(found) == 0 {
		err = ErrNoOrder
	}
	if err != nil {
		return engine.BookOrder{}, fmt.Errorf("order %q: %w", id, err)
	}
	return found[0], nil
}

// book reads orders and net in one transaction, so that they are of the same moment.
func (r *Reader) book(ctx context.Context, at time.Time) (engine.Book, error) {
	book := engine.Book{ReadAt: at}
	err := r.with(ctx, func(conn *sqlite.Conn) (err error) {
		defer sqlitex.Transaction(conn)(&err)
		last, err := count(conn, "SELECT coalesce(max(n), 0) FROM orders")
		if err != nil {
			return err
		}
		older, err := shown(conn, "WHERE o.n IN (SELECT n FROM orders WHERE status = 'open' AND n <= ?) ORDER BY o.n, f.k", last-BookOrders)
		if err != nil {
			return err
		}
		newest, err := shown(conn, "WHERE o.n > ? ORDER BY o.n, f.k", last-BookOrders)
		if err != nil {
			return err
		}
		book.Orders = append(older, newest...)
		book.Net, err = netUnits(conn)
		return err
	})
	if err != nil {
		return engine.Book{}, err
	}
	return book, nil
}

func (r *Reader) anyDue(ctx context.Context, now time.Time) (due bool, err error) {
	err = r.with(ctx, func(conn *sqlite.Conn) error {
		n, err := count(conn, "SELECT EXISTS (SELECT 1 FROM orders WHERE due <= ?)", now.UnixNano())
		due = n == 1
		return err
	})
	return due, err
}

// with lends a connection that stops reading when the context ends.
func (r *Reader) with(ctx context.Context, do func(*sqlite.Conn) error) error {
	conn, err := r.pool.Take(ctx)
	if err != nil {
		return fmt.Errorf("paper broker: %w", err)
	}
	defer r.pool.Put(conn)
	if err := do(conn); err != nil {
		return fmt.Errorf("paper broker: reading the book: %w", errors.Join(err, ctx.Err()))
	}
	return nil
}

func shown(conn *sqlite.Conn, where string, args ...any) ([]engine.BookOrder, error) {
	orders, err := load(conn, where, args...)
	out := make([]engine.BookOrder, len(orders))
	for i, o := range orders {
		out[i] = o.BookOrder
	}
	return out, err
}

func netUnits(conn *sqlite.Conn) (map[string]int, error) {
	net := map[string]int{}
	err := sqlitex.Execute(conn, "SELECT contract, units FROM net WHERE units <> 0", &sqlitex.ExecOptions{
		ResultFunc: func(s *sqlite.Stmt) error {
			net[s.ColumnText(0)] = s.ColumnInt(1)
			return nil
		},
	})
	return net, err
}
