package api

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/api/web"
	"pm/domain"
	"pm/projections"
)

func TestFiguresAreWrittenForReaders(t *testing.T) {
	for number, want := range map[string]string{
		"0": "0.00", "999.995": "1,000.00", "1000": "1,000.00", "-1234567.891": "−1,234,567.89", "100": "100.00", "150839316.04": "150,839,316.04",
	} {
		require.Equal(t, want, money(domain.D(number)), number)
	}
	require.Equal(t, "50,000.05", price(domain.D("50000.05")))
	missing := (*domain.Decimal)(nil)
	require.Equal(t, "–", price(missing))
	require.Equal(t, "12.35 %", percent(domain.D("12.345678")))
}

func TestTimesAreShownAsTheExchangeHasThem(t *testing.T) {
	at := time.Date(2026, 1, 5, 20, 0, 5, 0, time.UTC)
	require.Equal(t, "6 Jan 01:30:05", clock(at))
	require.Equal(t, "6 Jan 01:30:05", clock(&at))
	require.Equal(t, "–", clock((*time.Time)(nil)))
}

func TestEveryOutcomeHasWords(t *testing.T) {
	for _, action := range []string{domain.ActionOpenBase, domain.ActionAddLayer, domain.ActionExit, domain.ActionMark, domain.ActionNone} {
		require.NotEmpty(t, words(projections.Signal{Decision: &projections.Decision{Action: action}}), action)
	}
	require.Equal(t, "Sells 1 lot.", words(projections.Signal{Decision: &projections.Decision{Action: domain.ActionExit, Lots: 1}}))
	two := projections.ReasonsOf([]domain.Reason{{Code: domain.ReasonOneR}, {Code: domain.ReasonProfit}})
	require.Equal(t, domain.ReasonOneR.Sentence()+" "+domain.ReasonProfit.Sentence(), words(projections.Signal{Reasons: two}))
}

// onNarrow are the rules of the style sheet that make cards of rows.
var onNarrow = []string{"@media (max-width: 70em)", "thead { display: none; }", "td::before { content: attr(data-label);"}

func TestOnANarrowScreenEachCellSaysWhatItsColumnSays(t *testing.T) {
	css, err := web.Files.ReadFile("style.css")
	require.NoError(t, err)
	for _, rule := range onNarrow {
		require.Contains(t, string(css), rule)
	}
	page, err := web.Files.ReadFile("status.html")
	require.NoError(t, err)
	header, label := regexp.MustCompile(`<th[^>]*>([^<]*)</th>`), regexp.MustCompile(`<td[^>]* data-label="([^"]*)"`)
	tables := strings.Split(string(page), "<table>")[1:]
	require.GreaterOrEqual(t, len(tables), 7)
	for _, table := range tables {
		table, _, _ = strings.Cut(table, "</table>")
		var columns, labels []string
		for _, m := range header.FindAllStringSubmatch(table, -1) {
			columns = append(columns, m[1])
		}
		for _, m := range label.FindAllStringSubmatch(table, -1) {
			labels = append(labels, m[1])
		}
		require.NotEmpty(t, columns)
		require.Equal(t, columns, labels, "the header is not shown there")
		require.Len(t, labels, strings.Count(table, "<td"))
		if columns[0] == "Position" && columns[1] == "State" {
			require.Equal(t, []string{"Lots", "Stop", "Last", "Unrealized"}, columns[2:6], "what a trader looks for comes first")
		}
	}
}

func TestASizeIsToldWithoutCodes(t *testing.T) {
	told := words(projections.Signal{Decision: &projections.Decision{
		Action: domain.ActionAddLayer, Lots: 2, PositionID: "GOLD_MINI-2-Long_2", Limiter: domain.LimiterRiskBudget,
	}})
	require.Equal(t, "Adds 2 lots as GOLD_MINI-2-Long_2; the size is limited by the risk budget.", told)
}
