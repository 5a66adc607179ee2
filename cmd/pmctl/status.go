package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pm/eventstore"
	"pm/eventstore/esdb"
	"pm/projections"
)

// portfolioCommand shows every figure of the portfolio.
func (c *cli) portfolioCommand() *cobra.Command {
	return &cobra.Command{
		Use: "portfolio", Short: "equity, risk, volatility, margin, trading state", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := c.portfolio(cmd.Context())
			if err != nil {
				return err
			}
			p, err := portfolioIn(raw)
			if err != nil {
				return err
			}
			return c.show(raw, nil, func(t *table) { portfolioTable(t, p) })
		},
	}
}

// portfolio is the portfolio's document, from the service or from the log.
func (c *cli) portfolio(ctx context.Context) (raw json.RawMessage, err error) {
	if !c.fromLog() {
		return raw, c.get(ctx, "/api/v1/portfolio", nil, &raw)
	}
	err = c.withLog(ctx, func(log eventstore.Log) error {
		state, head, err := folded(ctx, log)
		if err != nil {
			return err
		}
		if state.Events == 0 {
			return errors.New("the log is empty: no portfolio was opened yet")
		}
		raw, err = compact(projections.PortfolioOf(state, head))
		return err
	})
	return raw, err
}

func portfolioIn(raw json.RawMessage) (projections.Portfolio, error) {
	var p projections.Portfolio
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, fmt.Errorf("read the portfolio: %w", err)
	}
	return p, nil
}

func portfolioTable(t *table, p projections.Portfolio) {
	share := func(s projections.Share) string { return fmt.Sprintf("%s  (%s %%)", money(s.Amount), money(s.Percent)) }
	demo := ""
	if p.Demo {
		demo = "  (demo)"
	}
	for _, r := range [][2]string{
		{"portfolio", p.Portfolio + demo}, {"trading", tradingWords(p)},
		{"equity closed", money(p.Equity.Closed)}, {"equity open", money(p.Equity.Open)}, {"equity blended", money(p.Equity.Blended)},
		{"high water", money(p.Equity.HighWater)}, {"realized (gross)", money(p.Realized)}, {"fees", money(p.Fees)},
		{"unrealized", money(p.Unrealized)}, {"risk", share(p.Risk)}, {"volatility", share(p.Volatility)}, {"margin used", share(p.Margin)},
		{"margin available", money(p.MarginFree)}, {"open positions", fmt.Sprint(p.OpenPositions)}, {"orders in flight", fmt.Sprint(p.OrdersInFlight)},
		{"broker", p.Broker}, {"log time", clock(p.LogTime) + " IST"}, {"head", fmt.Sprintf("revision %d, %s", p.Revision, p.HeadHash)},
	} {
		t.row(r[0], r[1])
	}
	t.foot = trouble(p)
}

func tradingWords(p projections.Portfolio) string {
	text := p.TradingState
	if p.TradingReason != "" {
		text += fmt.Sprintf(": %s (by %s since %s IST)", p.TradingReason, p.TradingBy, clock(p.TradingSince))
	}
	return text
}

// trouble lists what a person should look at.
func trouble(p projections.Portfolio) (lines []string) {
	for _, a := range p.Alarms {
		lines = append(lines, fmt.Sprintf("ALARM %s %s (%s IST): %s", a.Code, a.Subject, clock(a.At), a.Message))
	}
	for _, e := range p.StandingExits {
		text := fmt.Sprintf("exit %s of %s stands (%s), attempt %d", e.IntentID, counted(e.Lots, "lot"), e.Cause, e.Attempts)
		if e.HeldBack {
			text = fmt.Sprintf("exit %s is held back: the portfolio is halted", e.IntentID)
		}
		lines = append(lines, text)
	}
	for _, d := range p.Differences {
		lines = append(lines, differenceWords(d))
	}
	return lines
}

func differenceWords(d projections.Difference) string {
	more := "more"
	if d.Units < 0 {
		more = "less"
	}
	return fmt.Sprintf("the broker holds %d units of %s %s than the log says: compare the books, then pmctl accept %s", max(d.Units, -d.Units), d.Contract, more, d.ID)
}

// statusDocument is how things stand.
type statusDocument struct {
	Source    string          `json:"source"`
	Ready     *bool           `json:"ready,omitempty"` // of a service
	Service   json.RawMessage `json:"service,omitempty"`
	Instance  *standing       `json:"instance,omitempty"` // of a data folder
	Portfolio json.RawMessage `json:"portfolio,omitempty"`
}

// statusCommand says in a few lines whether the service works and what it holds.
func (c *cli) statusCommand() *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use: "status", Short: "is it ready, what does it hold, what needs a person", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if wait > 0 {
				if c.fromLog() {
					return errors.New("--wait asks a running service: name it with --server")
				}
				if err := c.awaitReady(cmd.Context(), wait); err != nil {
					return err
				}
			}
			return c.status(cmd.Context())
		},
	}
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait so long until the service takes signals, for example 1m; exit code 1 if it does not by then")
	return cmd
}

// readyEvery is the wait between two questions whether the service is ready.
const readyEvery = 200 * time.Millisecond

// awaitReady asks until the service takes signals. That it does not in time is a finding, with what it said last.
func (c *cli) awaitReady(ctx context.Context, patience time.Duration) error {
	for deadline := c.now().Add(patience); ; {
		ready, service, err := c.readiness(ctx)
		if ready {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("the service is there and takes no signals: %s", strings.Join(wordsOf(service).Reasons, "; "))
		}
		if !c.now().Add(readyEvery).Before(deadline) {
			return finding(fmt.Errorf("not ready within %s: %w", patience, err))
		}
		if err := c.wait(ctx, readyEvery); err != nil {
			return err
		}
	}
}

// serviceWords are what a service says of itself at /readyz.
type serviceWords struct {
	Status   string   `json:"status"`
	Reasons  []string `json:"reasons"`
	Degraded []string `json:"degraded"`
}

func wordsOf(service json.RawMessage) (w serviceWords) {
	_ = json.Unmarshal(service, &w) // words only: what cannot be read is not shown
	return w
}

func (c *cli) status(ctx context.Context) error {
	doc := statusDocument{}
	if c.fromLog() {
		if remote(c.eventstore) {
			doc.Source = "log at " + esdb.Redacted(c.eventstore)
		} else {
			dir, err := c.logDir()
			if err != nil {
				return err
			}
			doc.Source = "log in " + dir
		}
		var err error
		if doc.Instance, err = c.standing(); err != nil {
			return err
		}
	} else {
		doc.Source = c.serverURL()
		ready, service, err := c.readiness(ctx)
		if err != nil {
			return err
		}
		doc.Ready, doc.Service = &ready, service
	}
	raw, failed := c.portfolio(ctx)
	if failed != nil && doc.Instance == nil && (doc.Ready == nil || *doc.Ready) {
		return failed
	}
	if doc.Instance == nil {
		failed = nil // a service that is not ready has said why
	}
	doc.Portfolio = raw
	var p projections.Portfolio
	if len(raw) > 0 {
		var err error
		if p, err = portfolioIn(raw); err != nil {
			return err
		}
	}
	// How the instance stands is shown above all where its log cannot be read: that may be why it crashed.
	return errors.Join(c.show(doc, nil, func(t *table) { doc.table(t, p) }), failed)
}

// readiness asks the service whether it takes signals; its reasons are passed on as they come.
func (c *cli) readiness(ctx context.Context) (bool, json.RawMessage, error) {
	status, _, text, err := c.call(ctx, http.MethodGet, c.serverURL()+"/readyz", nil)
	if err != nil {
		return false, nil, fmt.Errorf("no answer from the service: %w (to read the log itself: --data DIR)", err)
	}
	if !json.Valid(text) {
		return false, nil, fmt.Errorf("%s/readyz: %s", c.serverURL(), answerWords(status, text))
	}
	return status == http.StatusOK, text, nil
}

func (d statusDocument) table(t *table, p projections.Portfolio) {
	t.row("source", d.Source)
	if d.Ready != nil {
		service := wordsOf(d.Service)
		text := "ready"
		if !*d.Ready {
			text = "NOT READY"
		}
		t.row("service", text+" ("+service.Status+")")
		for _, r := range service.Reasons {
			t.foot = append(t.foot, "not ready: "+r)
		}
		for _, r := range service.Degraded {
			t.foot = append(t.foot, "degraded: "+r)
		}
	}
	if d.Instance != nil {
		d.Instance.table(t)
	}
	if len(d.Portfolio) == 0 {
		return
	}
	for _, r := range [][2]string{
		{"trading", tradingWords(p)}, {"equity", fmt.Sprintf("%s closed, %s with open profit", money(p.Equity.Closed), money(p.Equity.Open))},
		{"risk", fmt.Sprintf("%s (%s %%)", money(p.Risk.Amount), money(p.Risk.Percent))},
		{"positions", fmt.Sprintf("%d open, %s in flight", p.OpenPositions, counted(p.OrdersInFlight, "order"))},
		{"head", fmt.Sprintf("revision %d at %s IST", p.Revision, clock(p.LogTime))},
	} {
		t.row(r[0], r[1])
	}
	t.foot = append(t.foot, trouble(p)...)
}
