package paper

import (
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/domain"
	"pm/domain/engine"
)

const insertOrder = `INSERT INTO orders VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`

// selectOrders reads orders with their fills: one row a fill, one row for an order without any.
const selectOrders = `SELECT o.n, tag, exchange, contract, side, type, product, o.quantity, lot_size, limit_price,
	status, text, placed_at, o.price, rate, part, step, due, ends, ends_after, f.quantity, f.price, f.fee, f.at
	FROM orders o LEFT JOIN fills f ON f.n = o.n `

// insert writes a new order with the fills that it already has.
func insert(conn *sqlite.Conn, o order) error {
	err := sqlitex.Execute(conn, insertOrder, &sqlitex.ExecOptions{Args: []any{
		o.n, o.Tag, o.Exchange, o.Contract, o.Side, o.Type, o.Product, o.Quantity, o.lotSize, limitText(o.LimitPrice),
		string(o.Status), o.Text, o.PlacedAt.UnixNano(), o.price.String(), o.rate.String(), o.part, int64(o.step), dueNano(o.due),
		string(o.end), o.endAt,
	}})
	if err != nil {
		return err
	}
	return insertFills(conn, o, o.Fills)
}

// update writes what has happened to an order, the new fills among it.
func update(conn *sqlite.Conn, o order, fills []engine.BookFill) error {
	err := sqlitex.Execute(conn, `UPDATE orders SET status = ?, text = ?, due = ? WHERE n = ?`,
		&sqlitex.ExecOptions{Args: []any{string(o.Status), o.Text, dueNano(o.due), o.n}})
	if err != nil {
		return err
	}
	return insertFills(conn, o, fills)
}

// insertFills writes the last fills of an order, and the units held with them: net is never behind the fills.
func insertFills(conn *sqlite.Conn, o order, fills []engine.BookFill) error {
	units := 0
	for i, f := range fills {
		k := len(o.Fills) - len(fills) + i + 1
		err := sqlitex.Execute(conn, `INSERT INTO fills VALUES (?,?,?,?,?,?)`,
			&sqlitex.ExecOptions{Args: []any{o.n, k, f.Quantity, f.Price.String(), f.Fee.String(), f.At.UnixNano()}})
		if err != nil {
			return err
		}
		units += o.signed(f.Quantity)
	}
	if units == 0 {
		return nil
	}
	return sqlitex.Execute(conn, `INSERT INTO net VALUES (?,?) ON CONFLICT (contract) DO UPDATE SET units = units + excluded.units`,
		&sqlitex.ExecOptions{Args: []any{o.Contract, units}})
}

// load reads the orders that the condition names, in the order of their numbers.
func load(conn *sqlite.Conn, where string, args ...any) ([]order, error) {
	var out []order
	err := sqlitex.Execute(conn, selectOrders+where, &sqlitex.ExecOptions{Args: args, ResultFunc: func(s *sqlite.Stmt) error {
		if len(out) == 0 || out[len(out)-1].n != s.ColumnInt64(0) {
			o, err := scanOrder(s)
			if err != nil {
				return fmt.Errorf("order %d of the book: %w", s.ColumnInt64(0), err)
			}
			out = append(out, o)
		}
		return scanFill(s, &out[len(out)-1])
	}})
	return out, err
}

func scanOrder(s *sqlite.Stmt) (order, error) {
	o := order{
		n: s.ColumnInt64(0), lotSize: s.ColumnInt(8), part: s.ColumnInt(15), step: time.Duration(s.ColumnInt64(16)),
		end: engine.BookStatus(s.ColumnText(18)), endAt: s.ColumnInt(19),
		BookOrder: engine.BookOrder{
			BrokerID: brokerID(s.ColumnInt64(0)), Tag: s.ColumnText(1), Exchange: s.ColumnText(2), Contract: s.ColumnText(3),
			Side: s.ColumnText(4), Type: s.ColumnText(5), Product: s.ColumnText(6), Quantity: s.ColumnInt(7),
			Status: engine.BookStatus(s.ColumnText(10)), Text: s.ColumnText(11), PlacedAt: instant(s.ColumnInt64(12)),
		},
	}
	if s.ColumnType(17) != sqlite.TypeNull {
		o.due = instant(s.ColumnInt64(17))
	}
	if s.ColumnType(9) != sqlite.TypeNull {
		o.LimitPrice = new(domain.Decimal)
		if err := scanDecimal(s, 9, o.LimitPrice); err != nil {
			return o, err
		}
	}
	if err := scanDecimal(s, 13, &o.price); err != nil {
		return o, err
	}
	return o, scanDecimal(s, 14, &o.rate)
}

func scanFill(s *sqlite.Stmt, o *order) error {
	if s.ColumnType(20) == sqlite.TypeNull {
		return nil
	}
	f := engine.BookFill{
		ExecID: execID(o.BrokerID, len(o.Fills)+1), Quantity: s.ColumnInt(20), At: instant(s.ColumnInt64(23)),
	}
	if err := scanDecimal(s, 21, &f.Price); err != nil {
		return err
	}
	if err := scanDecimal(s, 22, &f.Fee); err != nil {
		return err
	}
	o.Fills = append(o.Fills, f)
	return nil
}

func scanDecimal(s *sqlite.Stmt, col int, into *domain.Decimal) error {
	if err := into.UnmarshalText([]byte(s.ColumnText(col))); err != nil {
		return fmt.Errorf("%s: %w", s.ColumnName(col), err)
	}
	return nil
}

func instant(nano int64) time.Time { return time.Unix(0, nano).UTC() }

func dueNano(due time.Time) any {
	if due.IsZero() {
		return nil
	}
	return due.UnixNano()
}

func limitText(p *domain.Decimal) any {
	if p == nil {
		return nil
	}
	return p.String()
}
