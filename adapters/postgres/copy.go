package postgres

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"pm/projections/tables"
)

// passAt is how many bytes of a copy are handed on at once.
const passAt = 8 << 10

// Lines reads all tables in one round trip, as they lie: to order them here costs less than a plan of the server for each.
func (v *view) Lines(of []tables.Table) (map[string][]string, error) {
	all := map[string][]string{}
	if len(of) == 0 {
		return all, nil
	}
	var sql strings.Builder
	for _, t := range of {
		sql.WriteString("COPY " + quote(t.Name) + " (" + list(t.Names()) + ") TO STDOUT;")
	}
	err := v.rows(sql.String(), of, func(t tables.Table, row []byte) error {
		all[t.Name] = append(all[t.Name], string(row[:len(row)-1]))
		return nil
	})
	for _, lines := range all {
		slices.Sort(lines)
	}
	return all, err
}

// Copy streams a table in the order of its key.
func (v *view) Copy(t tables.Table, to io.Writer) error {
	var order []string
	for _, c := range t.Columns[:t.Key] {
		by := quote(c.Name)
		if c.Kind == tables.Text {
			by += ` COLLATE "C"`
		}
		order = append(order, by)
	}
	var came []byte
	pass := func() error {
		_, err := to.Write(came)
		came = came[:0]
		return err
	}
	sql := "COPY (SELECT " + list(t.Names()) + " FROM " + quote(t.Name) + " ORDER BY " + strings.Join(order, ", ") + ") TO STDOUT"
	err := v.rows(sql, []tables.Table{t}, func(_ tables.Table, row []byte) error {
		if came = append(came, row...); len(came) < passAt {
			return nil
		}
		return pass()
	})
	if err != nil || len(came) == 0 {
		return err
	}
	return pass()
}

// rows runs a COPY for each table in one round trip and hands out the rows, each with its end of line and good until the next. What take
// returns ends it. The package of the connection would run one COPY at a time, and tell where none of them ends.
func (v *view) rows(sql string, of []tables.Table, take func(t tables.Table, row []byte) error) (err error) {
	conn := v.conn
	stop := context.AfterFunc(v.ctx, func() { _ = conn.Conn().SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() {
			err = unavailable(errors.Join(v.ctx.Err(), err))
		}
		if err != nil && conn.TxStatus() == 'T' { // in the middle of the rows: nothing else can come over this connection
			_ = conn.Conn().Close()
		}
	}()
	conn.Frontend().SendQuery(&pgproto3.Query{String: sql})
	if err := conn.Frontend().Flush(); err != nil {
		return unavailable(err)
	}
	var told error
	var table tables.Table // whose rows are coming
	var zeros []bool
	for next := 0; ; {
		message, err := conn.ReceiveMessage(context.Background())
		if err != nil {
			return unavailable(err)
		}
		switch m := message.(type) {
		case *pgproto3.CopyOutResponse:
			table = of[next] // one comes for each COPY that was sent
			next++
			zeros = decimals(table)
		case *pgproto3.CopyData:
			if err := take(table, trimmed(m.Data, zeros)); err != nil {
				return err
			}
		case *pgproto3.ErrorResponse:
			told = classify(pgconn.ErrorResponseToPgError(m))
		case *pgproto3.ReadyForQuery:
			return told
		}
	}
}

// decimals says of each column up to the last decimal whether it is one.
func decimals(t tables.Table) (is []bool) {
	for i, c := range t.Columns {
		if c.Kind == tables.Decimal {
			is = append(is, make([]bool, i-len(is))...)
			is = append(is, true)
		}
	}
	return is
}

// trimmed takes away the zeros that end the decimals of a row behind their point. A person may have written 100000.00: that is the value
// of a line that says 100000.
func trimmed(row []byte, decimal []bool) []byte {
	start := 0
	for _, is := range decimal {
		end := start + bytes.IndexByte(row[start:], '\t')
		if end < start {
			end = len(row) - 1
		}
		if is && end > start && row[end-1] == '0' {
			short := start + len(tables.TrimScale(row[start:end]))
			row, end = slices.Delete(row, short, end), short
		}
		start = end + 1
	}
	return row
}
