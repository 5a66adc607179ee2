package tables

import (
	"maps"
	"slices"
	"time"

	"pm/domain"
)

// stateTable is a table of what is true now, with the code that makes its lines.
type stateTable struct {
	Table
	lines func(*Fold) []string
}

// stateOf declares a state table: the rows of a state and the columns of a row.
func stateOf[T any](name string, key int, rows func(*domain.State) []T, fields ...field[T]) stateTable {
	return foldOf(name, key, func(f *Fold) []T { return rows(f.State) }, fields...)
}

// since is the table with the schema version that brought it.
func since(version int, t stateTable) stateTable {
	t.Since = version
	return t
}

// foldOf declares a state table whose rows need more than the state.
func foldOf[T any](name string, key int, rows func(*Fold) []T, fields ...field[T]) stateTable {
	return stateTable{
		Table: Table{Name: name, Class: State, Key: key, Since: 1, Columns: columnsOf(fields)},
		lines: func(f *Fold) []string {
			all := rows(f)
			out := make([]string, len(all))
			var b []byte
			for i := range all {
				b = appendLine(b[:0], fields, &all[i])
				out[i] = string(b)
			}
			slices.Sort(out)
			return out
		},
	}
}

// stateTables are the tables of what is true now.
var stateTables = []stateTable{
	portfolioState, settings, markets, pyramidingState, positions, layers, openOrders, intents, claims, alarms, differences,
	dailyOpen, equityOpen,
}

// sums is the portfolio with what is added up over its layers.
type sums struct {
	*domain.State
	f      domain.Figures
	digest string
}

func percent(get func(*sums) domain.Decimal) func(*sums) domain.Decimal {
	return func(s *sums) domain.Decimal { return domain.Percent(get(s), s.f.Equity) }
}

// portfolioState is the portfolio as a whole, one row. state_digest covers everything that the fold knows, also what no table shows.
var portfolioState = stateOf("portfolio_state", 1,
	func(s *domain.State) []sums { return []sums{{s, s.Figures(), s.Digest()}} },
	text("portfolio", func(s *sums) domain.PortfolioID { return s.Portfolio }),
	text("currency", func(s *sums) string { return s.Currency }),
	flag("demo", func(s *sums) bool { return s.Demo }),
	decimal("equity", func(s *sums) domain.Decimal { return s.f.Equity }),
	decimal("closed_equity", func(s *sums) domain.Decimal { return s.f.Closed }),
	decimal("open_equity", func(s *sums) domain.Decimal { return domain.Equity(domain.EquityOpen, s.f.Closed, s.f.Unrealized) }),
	decimal("blended_equity", func(s *sums) domain.Decimal { return domain.Equity(domain.EquityBlended, s.f.Closed, s.f.Unrealized) }),
	decimal("high_water", func(s *sums) domain.Decimal { return s.f.HighWater }),
	decimal("capital_flows", func(s *sums) domain.Decimal { return s.Capital.Flows }),
	decimal("realized_pnl", func(s *sums) domain.Decimal { return s.Capital.Realized }),
	decimal("unrealized_pnl", func(s *sums) domain.Decimal { return s.f.Unrealized }),
	decimal("fees", func(s *sums) domain.Decimal { return s.Capital.Fees }),
	decimal("total_risk_amount", func(s *sums) domain.Decimal { return s.f.Risk }),
	decimal("total_risk_percent", percent(func(s *sums) domain.Decimal { return s.f.Risk })),
	decimal("total_volatility_amount", func(s *sums) domain.Decimal { return s.f.Volatility }),
	decimal("total_volatility_percent", percent(func(s *sums) domain.Decimal { return s.f.Volatility })),
	decimal("margin_used", func(s *sums) domain.Decimal { return s.f.Margin }),
	decimal("margin_used_percent", percent(func(s *sums) domain.Decimal { return s.f.Margin })),
	decimal("margin_available", func(s *sums) domain.Decimal {
		return domain.AvailableMargin(s.f.Equity, s.f.Margin, s.Settings().Risk.MaxMarginPercent)
	}),
	text("trading_state", func(s *sums) domain.TradingMode { return s.Trading.Mode }),
	text("trading_reason", func(s *sums) string { return s.Trading.Reason }),
	text("trading_by", func(s *sums) string { return s.Trading.By }),
	instant("trading_since", func(s *sums) time.Time { return s.Trading.Since }),
	integer("layers", func(s *sums) int { return s.f.Layers }),
	integer("orders_in_flight", func(s *sums) int { return len(s.Orders) }),
	integer("order_count", func(s *sums) uint64 { return s.OrderCount }),
	integer("intent_count", func(s *sums) uint64 { return s.IntentCount }),
	integer("log_format", func(s *sums) int { return s.Format }),
	integer("epoch", func(s *sums) uint64 { return s.Epoch }),
	text("instance", func(s *sums) string { return s.Instance }),
	instant("log_time", func(s *sums) time.Time { return s.At }),
	text("state_digest", func(s *sums) string { return s.digest }),
)

// setting is one setting as configured and as it is in force; null where it stands on one side only.
type setting struct{ key, configured, effective string }

var settings = stateOf("settings", 1,
	func(s *domain.State) []setting {
		var out []setting
		keys := maps.Clone(s.Configured)
		maps.Copy(keys, s.Effective)
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			out = append(out, setting{k, s.Configured[k], s.Effective[k]})
		}
		return out
	},
	text("name", func(r *setting) string { return r.key }),
	maybeText("configured", func(r *setting) string { return r.configured }),
	maybeText("effective", func(r *setting) string { return r.effective }),
)

var alarms = stateOf("alarms", 2,
	func(s *domain.State) []domain.Alarm { return values(s.Alarms) },
	text("code", func(a *domain.Alarm) string { return a.Code }),
	text("subject", func(a *domain.Alarm) string { return a.Subject }),
	instant("raised_at", func(a *domain.Alarm) time.Time { return a.At }),
	integer("revision", func(a *domain.Alarm) uint64 { return a.Revision }),
)

// difference is one of the broker's book, with the id under which a person accepts it.
type difference struct {
	id string
	domain.Difference
}

var differences = stateOf("broker_differences", 1,
	func(s *domain.State) []difference {
		var out []difference
		for id, d := range s.Differences {
			out = append(out, difference{id, *d})
		}
		return out
	},
	text("difference_id", func(d *difference) string { return d.id }),
	text("contract", func(d *difference) string { return d.Contract }),
	text("kind", func(d *difference) string { return d.Kind }),
	integer("revision", func(d *difference) uint64 { return d.Revision }),
)

func values[K comparable, V any](m map[K]*V) []V {
	out := make([]V, 0, len(m))
	for _, v := range m {
		out = append(out, *v)
	}
	return out
}
