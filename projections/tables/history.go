package tables

import (
	"strings"
	"time"

	"pm/domain"
)

// historyTable is a table whose rows are only added.
type historyTable[T any] struct {
	Table
	fields []field[T]
}

func historyOf[T any](name string, key int, fields ...field[T]) historyTable[T] {
	return historyTable[T]{Table{Name: name, Class: History, Key: key, Since: 1, Columns: columnsOf(fields)}, fields}
}

// historySince is the table with the schema version that brought it.
func historySince[T any](version int, t historyTable[T]) historyTable[T] {
	t.Since = version
	return t
}

// at is the event that made a row.
type at struct {
	rev  uint64
	time time.Time
}

type signalRow struct {
	at
	e *domain.SignalReceived
}

// signals has a row for each well-formed signal.
var signals = historyOf("signals", 1,
	integer("revision", func(r *signalRow) uint64 { return r.rev }),
	instant("recorded_at", func(r *signalRow) time.Time { return r.time }),
	text("signal_id", func(r *signalRow) domain.SignalID { return r.e.SignalID }),
	maybeText("client_id", func(r *signalRow) string { return r.e.ClientID }),
	text("type", func(r *signalRow) domain.SignalType { return r.e.Signal.Type }),
	text("instrument", func(r *signalRow) string { return r.e.Signal.Instrument }),
	maybeText("position", func(r *signalRow) string { return strings.Join(r.e.Signal.Position, ",") }),
	text("outcome", func(r *signalRow) string { return r.e.Outcome }),
	maybeDecimal("price", func(r *signalRow) *domain.Decimal { return r.e.Signal.Price }),
	maybeDecimal("stop", func(r *signalRow) *domain.Decimal { return r.e.Signal.Stop }),
	maybeDecimal("atr", func(r *signalRow) *domain.Decimal { return r.e.Signal.ATR }),
	maybeDecimal("er", func(r *signalRow) *domain.Decimal { return r.e.Signal.ER }),
	instant("signal_time", func(r *signalRow) time.Time { return r.e.Signal.Timestamp }),
	instant("received_at", func(r *signalRow) time.Time { return r.e.ReceivedAt }),
	maybeText("flags", func(r *signalRow) string { return strings.Join(r.e.Flags, ",") }),
)

type refusalRow struct {
	at
	n int
	e *domain.SignalRejected
}

// refusals has a row for each reason of each refused signal.
var refusals = historyOf("refusals", 2,
	integer("revision", func(r *refusalRow) uint64 { return r.rev }),
	integer("n", func(r *refusalRow) int { return r.n }),
	instant("recorded_at", func(r *refusalRow) time.Time { return r.time }),
	text("signal_id", func(r *refusalRow) domain.SignalID { return r.e.SignalID }),
	text("code", func(r *refusalRow) domain.ReasonCode { return r.e.Reasons[r.n].Code }),
	maybeText("layer", func(r *refusalRow) string { return r.e.Layer }),
	maybeInteger("first_revision", func(r *refusalRow) *uint64 { return r.e.FirstRevision }),
)

type fillRow struct {
	at
	e *domain.OrderFilled
	o *domain.Order
}

// fills has a row for each step of each fill; quantities are lots, the price is in points, the fee in rupees.
var fills = historyOf("fills", 1,
	integer("revision", func(r *fillRow) uint64 { return r.rev }),
	instant("recorded_at", func(r *fillRow) time.Time { return r.time }),
	text("order_id", func(r *fillRow) domain.OrderID { return r.e.OrderID }),
	text("instrument", func(r *fillRow) string { return r.o.Instrument }),
	text("side", func(r *fillRow) string { return r.o.Side }),
	integer("last_qty", func(r *fillRow) int { return r.e.LastQty }),
	decimal("last_px", func(r *fillRow) domain.Decimal { return r.e.LastPx }),
	integer("cum_qty", func(r *fillRow) int { return r.e.CumQty }),
	integer("leaves_qty", func(r *fillRow) int { return r.e.LeavesQty }),
	text("exec_id", func(r *fillRow) string { return r.e.ExecID }),
	decimal("fee", func(r *fillRow) domain.Decimal { return r.e.Fee }),
	maybeText("late_position_id", func(r *fillRow) domain.PositionID { return r.e.PositionID }),
)

type endedRow struct {
	at
	*domain.Order
}

// endedOrders has a row for each order when it ends, and one more for each late fill: the newest row of an order holds.
var endedOrders = historyOf("orders_ended", 1, append([]field[endedRow]{
	integer("revision", func(r *endedRow) uint64 { return r.rev }),
	instant("recorded_at", func(r *endedRow) time.Time { return r.time }),
	text("ended_by", func(r *endedRow) string { return r.End }),
}, orderFields(func(r *endedRow) *domain.Order { return r.Order })...)...)

type tradeRow struct {
	at
	*domain.Layer
}

// trades has a row for each position that held lots and holds none any more.
var trades = historyOf("trades", 2, append([]field[tradeRow]{
	integer("revision", func(r *tradeRow) uint64 { return r.rev }),
	text("position_id", func(r *tradeRow) domain.PositionID { return r.PositionID }),
	instant("recorded_at", func(r *tradeRow) time.Time { return r.time }),
}, layerFields(func(r *tradeRow) *domain.Layer { return r.Layer })[1:]...)...)
