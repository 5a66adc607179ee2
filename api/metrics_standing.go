package api

import (
	"errors"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"pm/domain"
	"pm/projections"
)

// standing is what the state shows at one scrape: figures in rupees and percent, counts and ages. It is a collector of constants.
type standing struct {
	rows []prometheus.Metric
}

// Describe names nothing: the rows differ from scrape to scrape, and the registry checks them as they come.
func (*standing) Describe(chan<- *prometheus.Desc) {}

// Collect hands the rows out.
func (g *standing) Collect(ch chan<- prometheus.Metric) {
	for _, row := range g.rows {
		ch <- row
	}
}

// add adds a row; labels are pairs of name and value.
func (g *standing) add(name, help string, value float64, labels ...string) {
	var names, values []string
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	g.rows = append(g.rows, prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), prometheus.GaugeValue, value, values...))
}

func (g *standing) amount(name, help string, value domain.Decimal, labels ...string) {
	g.add(name, help, value.InexactFloat64(), labels...)
}

// of is 1 for the one that is and 0 for the others.
func (g *standing) of(name, help, label, is string, all ...string) {
	for _, one := range all {
		value := 0.0
		if one == is {
			value = 1
		}
		g.add(name, help, value, label, one)
	}
}

// showMetrics answers a scrape. A state that cannot be read is a figure too: the counters are shown all the same.
func (s *Server) showMetrics(c echo.Context) error {
	g := &standing{}
	deps, status, _ := s.running()
	g.of("pm_service_status_info", "1 for what the service is doing.", "status", status, Recovering, Active, Stopping, Crashed)
	read := 0.0
	if deps != nil {
		var seen *standing
		err := s.look(c.Request().Context(), func(st *domain.State, head projections.Head) { seen = s.standingOf(deps, st, head) })
		if err == nil {
			read, g.rows = 1, append(g.rows, seen.rows...)
		}
	}
	g.add("pm_state_read_info", "1 if the writer let this scrape read the state; 0: what stands in the state is missing here.", read)
	now := prometheus.NewRegistry()
	if err := now.Register(g); err != nil {
		return errors.Join(errors.New("the metrics of this moment do not fit together"), err)
	}
	promhttp.HandlerFor(prometheus.Gatherers{s.metrics.registry, now}, promhttp.HandlerOpts{}).ServeHTTP(c.Response(), c.Request())
	return nil
}

// standingOf runs on the writer's goroutine, between two steps.
func (s *Server) standingOf(deps *Deps, st *domain.State, head projections.Head) *standing {
	g := &standing{}
	g.add("pm_head_revision_count", "Revision of the last event.", float64(head.Revision))
	if deps.Waiting != nil {
		g.add("pm_inbox_waiting_count", "Commands that wait for the writer.", float64(deps.Waiting()))
	}
	behind := 0.0
	if next, done := head.Revision+1, deps.History.Health().Events; next > done {
		behind = float64(next - done)
	}
	g.add("pm_follower_lag_revisions", "Events that a follower has not folded yet.", behind, "follower", "history")
	if deps.Snapshot != nil {
		g.snapshot(deps.Snapshot(), head)
	}
	g.of("pm_trading_state_info", "1 for the state of trading.", "state", string(st.Trading.Mode), string(domain.Active), string(domain.Reducing), string(domain.Halted))
	g.money(st)
	g.orders(st)
	g.alarms(st)
	g.ages(st, s.now(), s.metrics.signalAges(st.Settings().Instruments()))
	return g
}

func (g *standing) money(st *domain.State) {
	f, risk := st.Figures(), st.Settings().Risk
	const equity = "Equity by the way open profit is counted; high_water is the highest closed one."
	for _, mode := range []domain.EquityMode{domain.EquityClosed, domain.EquityOpen, domain.EquityBlended} {
		g.amount("pm_equity_rupees", equity, domain.Equity(mode, f.Closed, f.Unrealized), "mode", string(mode))
	}
	g.amount("pm_equity_rupees", equity, f.HighWater, "mode", "high_water")
	for measure, amount := range map[string]domain.Decimal{"risk": f.Risk, "volatility": f.Volatility, "margin": f.Margin} {
		g.amount("pm_exposure_rupees", "What is at stake, lots in flight included.", amount, "measure", measure)
		g.amount("pm_exposure_percent", "The same in percent of the sizing equity; compare pm_limit_percent.", domain.Percent(amount, f.Equity), "measure", measure)
	}
	const limit = "Limit of a measure in percent of the sizing equity, for new bases and for pyramids."
	g.amount("pm_limit_percent", limit, risk.BaseRisk, "measure", "risk", "gate", "base")
	g.amount("pm_limit_percent", limit, risk.PyramidRisk, "measure", "risk", "gate", "pyramid")
	g.amount("pm_limit_percent", limit, risk.BaseVolatility, "measure", "volatility", "gate", "base")
	g.amount("pm_limit_percent", limit, risk.PyramidVolatility, "measure", "volatility", "gate", "pyramid")
	g.amount("pm_limit_percent", limit, risk.MaxMarginPercent, "measure", "margin", "gate", "base")
	g.amount("pm_limit_percent", limit, risk.MaxMarginPercent, "measure", "margin", "gate", "pyramid")
}

func (g *standing) orders(st *domain.State) {
	open := map[domain.OrderKind]map[domain.OrderState]int{domain.EntryOrder: {}, domain.ExitOrder: {}}
	for _, o := range st.Orders {
		open[o.Kind][o.State]++
	}
	for kind, states := range open {
		for _, state := range []domain.OrderState{domain.Initialized, domain.Sending, domain.UnknownSent, domain.Working, domain.Canceling} {
			g.add("pm_orders_count", "Orders that are not done.", float64(states[state]), "kind", string(kind), "state", string(state))
		}
	}
	g.add("pm_exits_count", "Exit intents whose lots are not gone.", float64(len(st.Intents)))
	g.add("pm_layers_count", "Layers reserved or open.", float64(len(st.Layers())))
}

func (g *standing) alarms(st *domain.State) {
	count := make(map[string]int, len(domain.Alarms))
	for _, a := range st.Alarms {
		count[a.Code]++
	}
	for code := range domain.Alarms {
		g.add("pm_alarms_standing_count", "Alarms that stand, by code.", float64(count[code]), "code", code)
	}
	g.add("pm_differences_count", "Differences from the broker's book that nobody has accepted.", float64(len(st.Differences)))
}

// ages are shown for configured instruments that have had a bar, or a signal since this process started.
func (g *standing) ages(st *domain.State, now time.Time, signals map[string]time.Duration) {
	for _, name := range st.Settings().Instruments() {
		if m := st.Markets[name]; m != nil && m.Bar != nil {
			g.add("pm_bar_age_seconds", "Since the instrument's last bar was recorded.", now.Sub(m.Bar.At).Seconds(), "instrument", name)
		}
		if age, ok := signals[name]; ok {
			g.add("pm_signal_age_seconds", "Since the instrument's last signal was judged by this process.", age.Seconds(), "instrument", name)
		}
	}
}

// timed measures the webhook from the arrival to the answer.
func (s *Server) timed(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		if err := next(c); err != nil {
			c.Error(err) // written here, so that its status counts
		}
		s.metrics.answered(c.Response().Status, time.Since(began))
		return nil
	}
}

// snapshot shows the follower of the snapshot by its progress.
func (g *standing) snapshot(is projections.FollowerHealth, head projections.Head) {
	healthy := 1.0
	if is.Trouble != nil {
		healthy = 0
	}
	g.add("pm_follower_lag_revisions", "Events that a follower has not folded yet.", float64(snapshotBehind(is, head.Revision)), "follower", "snapshot")
	g.add("pm_follower_lag_seconds", "How long the oldest event that a follower has not written has waited.", is.Waiting.Seconds(), "follower", "snapshot")
	g.add("pm_follower_healthy_info", "0 if a follower stands, fails or has found a difference: readyz says why.", healthy, "follower", "snapshot")
	g.of("pm_snapshot_status_info", "1 for what the last look at the snapshot gave.", "status", is.Status, projections.SnapshotAgreed, projections.SnapshotMissing,
		projections.SnapshotOutdated, projections.SnapshotNewer, projections.SnapshotUnavailable, projections.SnapshotDiffers)
}
