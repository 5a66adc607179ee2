package tables

import (
	"maps"
	"slices"
	"time"

	"pm/domain"
)

// exchangeDay counts days of the exchange, which keeps a fixed offset from UTC: a day is a day of trading and not of the server.
const exchangeOffset = 5*3600 + 30*60

func exchangeDay(t time.Time) int64 {
	s := t.Unix() + exchangeOffset
	if s < 0 {
		s -= 24*3600 - 1
	}
	return s / (24 * 3600)
}

// dateOf writes a day as PostgreSQL does.
func dateOf(day int64) string { return time.Unix(day*24*3600, 0).UTC().Format(dateForm) }

// result is what one instrument brought on one day. Amounts are rupees; realized is gross.
type result struct {
	instrument     string
	day            int64
	realized, fees domain.Decimal
	bought, sold   int // lots
	closed         int // positions
}

// standing is the portfolio's equity at the end of a day, or now.
type standing struct {
	portfolio                                 domain.PortfolioID
	day                                       int64
	closed, open, blended, highWater          domain.Decimal
	drawdown                                  domain.Decimal // high water − closed
	realized, fees, unrealized, flows, margin domain.Decimal // so far, not of the day
}

func standingOf(day int64, s *domain.State) standing {
	f := s.Figures()
	return standing{
		portfolio: s.Portfolio, day: day, closed: f.Closed, open: domain.Equity(domain.EquityOpen, f.Closed, f.Unrealized),
		blended: domain.Equity(domain.EquityBlended, f.Closed, f.Unrealized), highWater: f.HighWater, drawdown: f.HighWater.Sub(f.Closed),
		realized: s.Capital.Realized, fees: s.Capital.Fees, unrealized: f.Unrealized, flows: s.Capital.Flows, margin: f.Margin,
	}
}

func date[T any](name string, get func(*T) int64) field[T] {
	return field[T]{Column{name, Date, false}, func(b []byte, v *T) []byte { return append(b, dateOf(get(v))...) }}
}

func resultFields[T any](of func(*T) *result) []field[T] {
	return []field[T]{
		text("instrument", func(r *T) string { return of(r).instrument }),
		date("day", func(r *T) int64 { return of(r).day }),
		decimal("realized_pnl", func(r *T) domain.Decimal { return of(r).realized }),
		decimal("fees", func(r *T) domain.Decimal { return of(r).fees }),
		decimal("net_pnl", func(r *T) domain.Decimal { return of(r).realized.Sub(of(r).fees) }),
		integer("lots_bought", func(r *T) int { return of(r).bought }),
		integer("lots_sold", func(r *T) int { return of(r).sold }),
		integer("positions_closed", func(r *T) int { return of(r).closed }),
	}
}

func standingFields[T any](of func(*T) *standing) []field[T] {
	return []field[T]{
		date("day", func(r *T) int64 { return of(r).day }),
		decimal("closed_equity", func(r *T) domain.Decimal { return of(r).closed }),
		decimal("open_equity", func(r *T) domain.Decimal { return of(r).open }),
		decimal("blended_equity", func(r *T) domain.Decimal { return of(r).blended }),
		decimal("high_water", func(r *T) domain.Decimal { return of(r).highWater }),
		decimal("drawdown", func(r *T) domain.Decimal { return of(r).drawdown }),
		decimal("realized_pnl", func(r *T) domain.Decimal { return of(r).realized }),
		decimal("fees", func(r *T) domain.Decimal { return of(r).fees }),
		decimal("unrealized_pnl", func(r *T) domain.Decimal { return of(r).unrealized }),
		decimal("capital_flows", func(r *T) domain.Decimal { return of(r).flows }),
		decimal("margin_used", func(r *T) domain.Decimal { return of(r).margin }),
	}
}

type dayResult struct {
	at
	result
}

type dayEnd struct {
	at
	standing
}

// The tables of schema version 2. A day that is over is history, written with the first event of a later day; the day that goes on is
// state. Days without an event have no row.
var (
	dailyOpen = since(2, foldOf("daily_pnl_open", 1, func(f *Fold) []result { return f.daily.rows() },
		resultFields(func(r *result) *result { return r })...))
	equityOpen = since(2, foldOf("equity_curve_open", 1, func(f *Fold) []standing { return f.daily.now(f.State) },
		append([]field[standing]{text("portfolio", func(s *standing) domain.PortfolioID { return s.portfolio })},
			standingFields(func(s *standing) *standing { return s })...)...))
	dailyClosed = historySince(2, historyOf("daily_pnl_closed", 2, append([]field[dayResult]{
		integer("revision", func(r *dayResult) uint64 { return r.rev }),
	}, resultFields(func(r *dayResult) *result { return &r.result })...)...))
	equityClosed = historySince(2, historyOf("equity_curve_closed", 1, append([]field[dayEnd]{
		integer("revision", func(r *dayEnd) uint64 { return r.rev }),
	}, standingFields(func(s *dayEnd) *standing { return &s.standing })...)...))
)

// daily is what a fold carries along for the day that goes on.
type daily struct {
	day            int64
	begun          bool
	results        map[string]*result
	realized, fees domain.Decimal // of the portfolio before the event
}

func (d *daily) rows() []result {
	out := make([]result, 0, len(d.results))
	for _, name := range slices.Sorted(maps.Keys(d.results)) {
		out = append(out, *d.results[name])
	}
	return out
}

func (d *daily) now(s *domain.State) []standing {
	if !d.begun {
		return nil
	}
	return []standing{standingOf(d.day, s)}
}

// before ends the day if the event is of a later one: the state is still that of the day's end.
func (d *daily) before(f *Fold, r *domain.Recorded) {
	if day := exchangeDay(r.At); !d.begun || day != d.day {
		if d.begun {
			when := at{r.Rev, r.At}
			for _, row := range d.rows() {
				add(f, &dailyClosed, &dayResult{when, row})
			}
			add(f, &equityClosed, &dayEnd{when, standingOf(d.day, f.State)})
		}
		d.day, d.begun, d.results = day, true, map[string]*result{}
	}
	d.realized, d.fees = f.State.Capital.Realized, f.State.Capital.Fees
}

// after books what a fill brought to its instrument.
func (d *daily) after(f *Fold, e *domain.OrderFilled) {
	o := f.State.Known(e.OrderID)
	r := d.of(o.Instrument)
	r.realized = r.realized.Add(f.State.Capital.Realized.Sub(d.realized))
	r.fees = r.fees.Add(f.State.Capital.Fees.Sub(d.fees))
	if o.Kind == domain.EntryOrder {
		r.bought += e.LastQty
	} else {
		r.sold += e.LastQty
	}
}

func (d *daily) of(instrument string) *result {
	r := d.results[instrument]
	if r == nil {
		r = &result{instrument: instrument, day: d.day}
		d.results[instrument] = r
	}
	return r
}
