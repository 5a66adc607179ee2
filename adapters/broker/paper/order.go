package paper

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"pm/domain"
	"pm/domain/engine"
)

const (
	buy, sell     = "BUY", "SELL"
	limit, market = "LIMIT", "MARKET"
)

// MaxParts is the most fills of one order: a large order with a small PartialLots fills in larger parts instead.
const MaxParts = 1000

// ErrNoOrder says that the book has no order of that id.
var ErrNoOrder = errors.New("paper broker: no such order in the book")

// order is what the book shows of an order and what the market will do with it. Everything that its future depends on is
// fixed when it is placed and stored with it, so that other options after a restart cannot rewrite it.
type order struct {
	engine.BookOrder
	n       int64
	lotSize int
	price   domain.Decimal    // of every fill
	rate    domain.Decimal    // rupees of fee for one lot at one point of price: fee × point value
	part    int               // units filled at a time
	step    time.Duration     // from one part to the next
	due     time.Time         // when the next thing happens; zero: nothing happens by itself
	end     engine.BookStatus // how the exchange ends it without being asked; "" if it does not
	endAt   int               // after so many fills
}

// place puts the nth order into the book, before anything has happened to it.
func place(n int64, o engine.Order, now time.Time, opts Options, fault Fault) order {
	placed := order{
		BookOrder: engine.BookOrder{
			BrokerID: brokerID(n), Tag: o.Tag, Exchange: o.Exchange, Contract: o.Contract, Side: o.Side, Type: o.Type,
			Product: o.Product, Quantity: o.Quantity, LimitPrice: clone(o.LimitPrice), Status: engine.BookOpen, PlacedAt: now,
		},
		n: n, lotSize: o.LotSize,
		price: fillPrice(o.Side, o.RefPrice, opts.Slippage),
		rate:  opts.Fee.Mul(o.PointValue),
		part:  partUnits(o.Quantity, o.LotSize, opts.PartialLots),
		step:  opts.Delay,
	}
	switch fault {
	case RejectLater:
		placed.end = engine.BookRejected
	case CancelRest:
		placed.endEarly()
	default: // the others strike before an order is placed, or at its answer
	}
	if placed.reached() || placed.end == engine.BookRejected {
		placed.due = now.Add(opts.Delay)
	}
	return placed
}

// endEarly lets the exchange cancel what is left after the first part, which for an order filled in one part is half of
// its lots; of a single lot nothing fills.
func (o *order) endEarly() {
	o.end, o.endAt = engine.BookCanceled, 1
	if o.part < o.Quantity {
		return
	}
	if o.part = o.Quantity / o.lotSize / 2 * o.lotSize; o.part == 0 {
		o.part, o.endAt = o.Quantity, 0
	}
}

// reached reports whether the order's limit admits its fill price. The price is known when the order is placed, so an
// order whose limit is not reached rests until it is cancelled.
func (o *order) reached() bool {
	if o.LimitPrice == nil {
		return true
	}
	if o.Side == buy {
		return o.price.Cmp(*o.LimitPrice) <= 0
	}
	return o.price.Cmp(*o.LimitPrice) >= 0
}

// advance lets everything happen that is due at now, each thing at its own moment, and returns the new fills.
func (o *order) advance(now time.Time) []engine.BookFill {
	had := len(o.Fills)
	for filled := o.Filled(); !o.due.IsZero() && !o.due.After(now); o.due = o.due.Add(o.step) {
		if o.end != "" && len(o.Fills) >= o.endAt {
			o.finish(o.end, "by the exchange")
			break
		}
		quantity := min(o.part, o.Quantity-filled)
		o.Fills = append(o.Fills, o.fill(quantity))
		if filled += quantity; filled == o.Quantity {
			o.finish(engine.BookComplete, "")
			break
		}
	}
	return o.Fills[had:]
}

// cancel ends an order that has not ended and keeps what it has filled.
func (o *order) cancel() {
	if o.Status == engine.BookOpen {
		o.finish(engine.BookCanceled, "on request")
	}
}

func (o *order) finish(status engine.BookStatus, text string) {
	o.Status, o.Text, o.due = status, text, time.Time{}
}

func (o *order) fill(quantity int) engine.BookFill {
	lots := domain.Int(quantity / o.lotSize)
	return engine.BookFill{
		ExecID: execID(o.BrokerID, len(o.Fills)+1), Quantity: quantity, Price: o.price,
		Fee: o.rate.Mul(lots).Mul(o.price), At: o.due,
	}
}

func clone(d *domain.Decimal) *domain.Decimal {
	if d == nil {
		return nil
	}
	own := *d
	return &own
}

// signed is how a fill of this order changes the units held.
func (o *order) signed(quantity int) int {
	if o.Side == sell {
		return -quantity
	}
	return quantity
}

// fillPrice moves the reference price against the order and rounds it against the order: paper never flatters.
func fillPrice(side string, ref, slippage domain.Decimal) domain.Decimal {
	if side == buy {
		return ref.Mul(domain.Int(1).Add(slippage)).RoundAwayFromZero(domain.PriceDecimals)
	}
	return ref.Mul(domain.Int(1).Sub(slippage)).Trunc(domain.PriceDecimals)
}

// partUnits is how much fills at a time: whole lots, and at most MaxParts parts.
func partUnits(quantity, lotSize, partialLots int) int {
	if partialLots == 0 {
		return quantity
	}
	lots := quantity / lotSize
	least := (lots + MaxParts - 1) / MaxParts
	return min(lots, max(partialLots, least)) * lotSize
}

func brokerID(n int64) string { return "P-" + strconv.FormatInt(n, 10) }

// execID names the kth fill of an order, k from 1.
func execID(id string, k int) string { return id + "-" + strconv.Itoa(k) }

// orderNumber reads an id as brokerID writes it.
func orderNumber(id string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimPrefix(id, "P-"), 10, 64)
	if err != nil || n < 1 || brokerID(n) != id {
		return 0, ErrNoOrder
	}
	return n, nil
}
