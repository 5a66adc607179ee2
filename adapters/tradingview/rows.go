package tradingview

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"pm/domain"
)

// columns are the export's, in its order.
var columns = []string{
	"Trade #", "Type", "Date/Time", "Signal", "Price INR", "Position size (qty)", "Position size (value)",
	"Net P&L INR", "Net P&L %", "Run-up INR", "Run-up %", "Drawdown INR", "Drawdown %", "Cumulative P&L INR", "Cumulative P&L %",
}

const (
	colTrade, colType, colTime, colComment, colPrice, colLots, colNet = 0, 1, 2, 3, 4, 5, 7

	entryLong, exitLong = "Entry long", "Exit long"
	// stillOpen is the comment of an exit row that is no exit.
	stillOpen = "Open"
)

// row is one line of the export, as far as it matters.
type row struct {
	line    int
	trade   int
	typ     string
	at      time.Time
	comment string
	price   domain.Decimal
	lots    int
	net     string // the tester's own result, not needed to make signals
}

// trade is an exit row and the entry row behind it.
type trade struct{ exit, entry row }

// IsHeader says whether a line is the first one of an export: it names the columns.
func IsHeader(line []byte) bool {
	return bytes.HasPrefix(bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")), []byte(strings.Join(columns[:colComment], ",")))
}

// readTrades reads the whole export.
func readTrades(r io.Reader) ([]trade, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the export: %w", err)
	}
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("the export is longer than %d bytes: split it", MaxBytes)
	}
	c := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	c.FieldsPerRecord = len(columns)
	c.ReuseRecord = true
	if err := checkHeader(c); err != nil {
		return nil, err
	}
	var trades []trade
	seen := map[int]int{} // trade number -> line
	for {
		exit, err := readRow(c)
		if errors.Is(err, io.EOF) {
			return trades, nil
		}
		if err != nil {
			return nil, err
		}
		entry, err := readRow(c)
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("line %d: trade %d has one row: its entry row is missing", exit.line, exit.trade)
		}
		if err != nil {
			return nil, err
		}
		t := trade{exit: exit, entry: entry}
		if err := t.check(seen); err != nil {
			return nil, fmt.Errorf("lines %d, %d: %w", exit.line, entry.line, err)
		}
		trades = append(trades, t)
	}
}

func checkHeader(c *csv.Reader) error {
	header, err := c.Read()
	if errors.Is(err, io.EOF) {
		return errors.New("the export is empty: its first line names the columns")
	}
	if err != nil {
		return fmt.Errorf("not a list of trades of the Strategy Tester: %w", err)
	}
	for i, name := range columns {
		if strings.TrimSpace(header[i]) != name {
			return fmt.Errorf("line 1: column %d is %.40q, expected %q: export the list of trades of the Strategy Tester", i+1, header[i], name)
		}
	}
	return nil
}

func readRow(c *csv.Reader) (row, error) {
	record, err := c.Read()
	if errors.Is(err, io.EOF) {
		return row{}, err
	}
	if err != nil {
		return row{}, fmt.Errorf("read the export: %w", err)
	}
	r := row{typ: record[colType], comment: record[colComment], net: record[colNet]}
	r.line, _ = c.FieldPos(0)
	fail := func(col int, want string) (row, error) {
		return row{}, fmt.Errorf("line %d: %s is %.40q: %s", r.line, columns[col], record[col], want)
	}
	if r.trade, err = strconv.Atoi(record[colTrade]); err != nil || r.trade < 1 {
		return fail(colTrade, "a whole number from 1 is expected")
	}
	if r.typ != entryLong && r.typ != exitLong {
		return fail(colType, "only "+entryLong+" and "+exitLong+" are known")
	}
	if r.at, err = domain.ParseInstant(record[colTime]); err != nil {
		return fail(colTime, "a time such as 2025-01-02 09:15 is expected")
	}
	if r.price, err = domain.ParseDecimal(record[colPrice]); err != nil || r.price.Sign() <= 0 {
		return fail(colPrice, "a price above 0 is expected")
	}
	if r.lots, err = parseLots(record[colLots]); err != nil {
		return fail(colLots, fmt.Sprintf("whole lots from 1 to %d are expected", MaxLots))
	}
	return r, nil
}

func parseLots(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > MaxLots {
		return 0, fmt.Errorf("%.20q is no number of lots", text)
	}
	return n, nil
}

// check holds what makes two rows one trade.
func (t trade) check(seen map[int]int) error {
	switch {
	case t.exit.trade != t.entry.trade:
		return fmt.Errorf("trade %d and trade %d: the two rows of a trade stand together", t.exit.trade, t.entry.trade)
	case t.exit.typ != exitLong || t.entry.typ != entryLong:
		return fmt.Errorf("trade %d: the exit row comes first, then the entry row", t.exit.trade)
	case t.exit.lots != t.entry.lots:
		return fmt.Errorf("trade %d: %d lots went in and %d came out", t.exit.trade, t.entry.lots, t.exit.lots)
	case t.exit.at.Before(t.entry.at):
		return fmt.Errorf("trade %d: its exit is older than its entry", t.exit.trade)
	}
	if line, twice := seen[t.exit.trade]; twice {
		return fmt.Errorf("trade %d stands in line %d already", t.exit.trade, line)
	}
	seen[t.exit.trade] = t.exit.line
	return nil
}
