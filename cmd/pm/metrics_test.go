package main

import (
	"bufio"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// metrics reads one scrape: the value of each row by its name and labels as they are written.
func (r *running) metrics() map[string]float64 {
	r.t.Helper()
	answer, err := http.Get(r.url + "/metrics")
	require.NoError(r.t, err)
	defer answer.Body.Close()
	require.Equal(r.t, http.StatusOK, answer.StatusCode)
	out := map[string]float64{}
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if row := lines.Text(); !strings.HasPrefix(row, "#") {
			cut := strings.LastIndexByte(row, ' ')
			value, err := strconv.ParseFloat(row[cut+1:], 64)
			require.NoError(r.t, err, row)
			out[row[:cut]] = value
		}
	}
	return out
}

func TestMetricsCountEveryStageOfASignal(t *testing.T) {
	r := launch(t, "--data", t.TempDir())
	before := r.metrics()
	require.Zero(t, before[`pm_signals_total{outcome="accepted",type="BASE_ENTRY"}`])
	require.Contains(t, before, `pm_signals_total{outcome="duplicate",type="EXIT"}`, "a row is there before its first count")
	signal := baseEntry()
	require.Equal(t, "accepted", r.post(signal)["status"])
	require.Equal(t, "duplicate", r.post(signal)["status"])
	require.Equal(t, "rejected", r.post(strings.NewReplacer("BANK_NIFTY", "TULIPS", `"id":"`, `"id":"other `).Replace(signal))["status"])
	answer, err := http.Post(r.url+"/webhook", "text/plain", strings.NewReader("no json"))
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	r.flat()

	m := r.metrics()
	for row, want := range map[string]float64{
		`pm_signals_total{outcome="accepted",type="BASE_ENTRY"}`:           1,
		`pm_signals_total{outcome="duplicate",type="BASE_ENTRY"}`:          1,
		`pm_signals_total{outcome="rejected",type="BASE_ENTRY"}`:           1,
		`pm_refusals_total{reason="unknown_instrument",type="BASE_ENTRY"}`: 1,
		`pm_webhook_answers_total{status="200"}`:                           3,
		`pm_webhook_answers_total{status="400"}`:                           1,
		`pm_webhook_seconds_count`:                                         4,
		`pm_events_total{type="OrderFilled"}`:                              1,
		`pm_trading_state_info{state="ACTIVE"}`:                            1,
		`pm_trading_state_info{state="HALTED"}`:                            0,
		`pm_equity_rupees{mode="closed"}`:                                  5000000,
		`pm_limit_percent{gate="base",measure="risk"}`:                     15,
		`pm_limit_percent{gate="pyramid",measure="volatility"}`:            4,
		`pm_orders_count{kind="entry",state="working"}`:                    0,
		`pm_layers_count`:                                1,
		`pm_inbox_waiting_count`:                         0,
		`pm_alarms_standing_count{code="unknown_order"}`: 0,
		`pm_service_status_info{status="active"}`:        1,
		`pm_state_read_info`:                             1,
	} {
		require.Contains(t, m, row)
		require.Equal(t, want, m[row], row)
	}
	require.Positive(t, m[`pm_append_seconds_count`])
	require.Positive(t, m[`pm_append_seconds_sum`])
	require.Positive(t, m[`pm_decision_seconds_count`])
	require.Positive(t, m[`pm_exposure_rupees{measure="risk"}`])
	require.Positive(t, m[`pm_exposure_percent{measure="margin"}`])
	require.Contains(t, m, `pm_follower_lag_revisions{follower="history"}`)
	require.Contains(t, m, `pm_signal_age_seconds{instrument="BANK_NIFTY"}`)
	require.NotContains(t, m, `pm_signal_age_seconds{instrument="TULIPS"}`, "a sender makes no rows")
	require.NotContains(t, m, `pm_bar_age_seconds{instrument="BANK_NIFTY"}`, "no bar has come")
	require.Equal(t, exitStopped, r.stop())
}

func TestMetricsAreNamedAsTheHouseSaysAndAllStandInTheManual(t *testing.T) {
	r := launch(t, "--data", t.TempDir())
	manual, err := os.ReadFile(filepath.Join("..", "..", "docs", "OPERATIONS.md"))
	require.NoError(t, err)
	require.Equal(t, "accepted", r.post(baseEntry())["status"])
	name := regexp.MustCompile(`^pm_[a-z]+(_[a-z]+)*_(total|seconds|count|rupees|percent|revisions|info)$`)
	for row := range r.metrics() {
		metric, _, _ := strings.Cut(row, "{")
		if !strings.HasPrefix(metric, "pm_") {
			continue
		}
		metric = regexp.MustCompile(`_seconds_(bucket|sum|count)$`).ReplaceAllString(metric, "_seconds")
		require.Regexp(t, name, metric)
		require.Contains(t, string(manual), "`"+metric+"`")
	}
	require.Equal(t, exitStopped, r.stop())
}

func TestAScrapeIsAnsweredBeforeTheRecovery(t *testing.T) {
	s, _ := quiet(t)
	defer s.closeAll()
	require.NoError(t, s.serveHealth(t.Context()))
	defer http.DefaultClient.CloseIdleConnections()
	m := (&running{t: t, url: s.web.url()}).metrics()
	require.EqualValues(t, 1, m[`pm_service_status_info{status="recovering"}`])
	require.Contains(t, m, `pm_state_read_info`)
	require.Zero(t, m[`pm_state_read_info`])
	require.NotContains(t, m, `pm_equity_rupees{mode="closed"}`, "a figure that is not known is not shown as zero")
}
