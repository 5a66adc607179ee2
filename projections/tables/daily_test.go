package tables_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/projections/snapshottest"
	"pm/projections/tables"
)

// folded is a fold of a log whose events are spread over days: every 20 events one goes by.
func folded(t *testing.T, each func(domain.Recorded, *tables.Fold)) (*tables.Fold, map[string][]string) {
	t.Helper()
	fold, lines := tables.NewFold(), map[string][]string{}
	fold.Gather()
	for _, r := range snapshottest.Log(t) {
		r.At = r.At.Add(time.Duration(r.Rev/20) * 24 * time.Hour)
		each(r, fold)
		require.NoError(t, fold.Apply(r))
		for name, rows := range fold.Take() {
			lines[name] = append(lines[name], strings.Split(strings.TrimSuffix(string(rows), "\n"), "\n")...)
		}
	}
	for name, rows := range fold.Content().State {
		lines[name] = rows
	}
	return fold, lines
}

// cell is a column of a line.
func cell(t *testing.T, table, column, line string) string {
	t.Helper()
	declared, known := tables.Named(table)
	require.True(t, known, table)
	for i, name := range declared.Names() {
		if name == column {
			return tables.Split(line)[i]
		}
	}
	t.Fatalf("%s has no column %s", table, column)
	return ""
}

func TestTheResultsOfAllDaysAddUpToThePortfolio(t *testing.T) {
	fold, lines := folded(t, func(domain.Recorded, *tables.Fold) {})
	net, days := domain.Decimal{}, map[string]bool{}
	for _, table := range []string{"daily_pnl_closed", "daily_pnl_open"} {
		for _, line := range lines[table] {
			net = net.Add(domain.D(cell(t, table, "net_pnl", line)))
			require.Equal(t, cell(t, table, "net_pnl", line), domain.D(cell(t, table, "realized_pnl", line)).Sub(domain.D(cell(t, table, "fees", line))).String())
			days[cell(t, table, "day", line)] = true
		}
	}
	require.Equal(t, fold.State.Capital.Realized.Sub(fold.State.Capital.Fees).String(), net.String())
	require.True(t, net.IsPos(), "something was earned, or the sum proves nothing")
	require.Greater(t, len(days), 1)
	trades := 0
	for _, table := range []string{"daily_pnl_closed", "daily_pnl_open"} {
		for _, line := range lines[table] {
			trades += int(cell(t, table, "positions_closed", line)[0] - '0')
		}
	}
	require.Equal(t, len(lines["trades"]), trades)
	require.Positive(t, trades)
}

func TestTheCurveHasTheEquityOfEachDaysEnd(t *testing.T) {
	ends := map[string]string{} // by the revision that ended the day
	last := ""
	_, lines := folded(t, func(r domain.Recorded, f *tables.Fold) {
		day := r.At.In(time.FixedZone("IST", 5*3600+1800)).Format(time.DateOnly)
		if last != "" && day != last {
			ends[last] = f.State.Figures().Closed.String() + " " + f.State.Capital.HighWater.String()
		}
		last = day
	})
	curve := map[string]string{}
	for _, line := range lines["equity_curve_closed"] {
		curve[cell(t, "equity_curve_closed", "day", line)] = cell(t, "equity_curve_closed", "closed_equity", line) + " " + cell(t, "equity_curve_closed", "high_water", line)
	}
	require.Equal(t, ends, curve)
	require.Greater(t, len(curve), 1)
	require.Len(t, lines["equity_curve_open"], 1)
	require.Equal(t, last, cell(t, "equity_curve_open", "day", lines["equity_curve_open"][0]))
}

func TestADayEndsAtMidnightOfTheExchange(t *testing.T) {
	for at, day := range map[string]string{"2026-01-05T18:29:59Z": "2026-01-05", "2026-01-05T18:30:00Z": "2026-01-06"} {
		when, err := time.Parse(time.RFC3339, at)
		require.NoError(t, err)
		fold := tables.NewFold()
		r := snapshottest.Log(t)[0]
		r.At = when
		require.NoError(t, fold.Apply(r))
		require.Equal(t, day, cell(t, "equity_curve_open", "day", fold.Content().State["equity_curve_open"][0]))
	}
}
