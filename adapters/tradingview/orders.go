package tradingview

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pm/domain"
)

// order is what the strategy did at one moment: rows of the export put together again.
type order struct {
	exit    bool
	at      time.Time
	comment string
	price   domain.Decimal
	lots    int
	layer   int   // of an entry, 1 = base; 0 for an exit
	late    bool  // an exit of something that was entered at the same time
	first   int   // the lowest trade number in it
	rows    []int // line numbers
}

type orderKey struct {
	exit    bool
	at      time.Time
	comment string
	price   string
}

// toOrders groups rows into orders, by time.
func toOrders(trades []trade) ([]*order, error) {
	byKey := map[orderKey]*order{}
	var orders []*order
	add := func(r row, exit bool) *order {
		key := orderKey{exit, r.at, r.comment, r.price.String()}
		o := byKey[key]
		if o == nil {
			o = &order{exit: exit, at: r.at, comment: r.comment, price: r.price, first: r.trade}
			byKey[key] = o
			orders = append(orders, o)
		}
		o.lots += r.lots
		o.first = min(o.first, r.trade)
		o.rows = append(o.rows, r.line)
		return o
	}
	for _, t := range trades {
		add(t.entry, false)
		if t.exit.comment == stillOpen {
			continue // a mark, not an exit
		}
		o := add(t.exit, true)
		o.late = o.late || t.exit.at.Equal(t.entry.at)
	}
	for _, o := range orders {
		if o.exit {
			continue
		}
		if err := o.readEntry(); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(orders, byTime)
	return orders, nil
}

// readEntry reads layer and lots out of an entry's comment. Its lots must be those of its rows, else rows are missing.
func (o *order) readEntry() error {
	layer, lots, ok := parseEntry(o.comment)
	if !ok {
		return fmt.Errorf("%s: the comment %.40q is no entry: ENTRY-<n>L, EOD-ENTRY-<n>L or PYR<k>-<n>L is expected",
			lineNumbers(o.rows), o.comment)
	}
	if lots != o.lots {
		return fmt.Errorf("%s: the comment %.40q names %d lots, the rows have %d", lineNumbers(o.rows), o.comment, lots, o.lots)
	}
	o.layer = layer
	return nil
}

func parseEntry(comment string) (layer, lots int, ok bool) {
	kind, number, _ := cutLast(comment, "-")
	number, inLots := strings.CutSuffix(number, "L")
	lots, err := parseLots(number)
	if err != nil || !inLots {
		return 0, 0, false
	}
	if kind == "ENTRY" || kind == "EOD-ENTRY" {
		return 1, lots, true
	}
	k, isPyramid := strings.CutPrefix(kind, "PYR")
	n, err := strconv.Atoi(k)
	if err != nil || !isPyramid || n < 1 || n >= domain.MaxLayers {
		return 0, 0, false
	}
	return n + 1, lots, true
}

func cutLast(text, sep string) (before, after string, found bool) {
	i := strings.LastIndex(text, sep)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(sep):], true
}

// byTime puts orders in the order in which they were sent; see the package comment for equal times.
func byTime(a, b *order) int {
	return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.phase(), b.phase()), cmp.Compare(a.layer, b.layer), cmp.Compare(a.first, b.first))
}

func (o *order) phase() int {
	switch {
	case !o.exit:
		return 1
	case o.late:
		return 2
	default:
		return 0
	}
}
