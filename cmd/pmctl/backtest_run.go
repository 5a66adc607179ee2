package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"pm/adapters/broker/paper"
	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore"
)

// backtestRun is an engine in lockstep: a signal, then everything that it leads to, then the next.
type backtestRun struct {
	engine      *engine.Engine
	time        *virtual
	last        time.Time
	counts      map[domain.Verdict]int
	rejections  map[string]int
	began       time.Time
	signalCount int
}

func newBacktest(ctx context.Context, log eventstore.Log, o paper.Options, opened domain.PortfolioOpened, first time.Time) (*backtestRun, error) {
	v := &virtual{first: first, now: first}
	o.Now = v.clock
	broker, err := paper.NewMemory(o)
	if err != nil {
		return nil, err
	}
	e := engine.New(engine.Options{
		Log: log, Broker: broker, Instance: backtestName, Build: backtestName, Clock: v.clock, Uptime: v.uptime,
	}, domain.NewState(), eventstore.Empty(log.Portfolio()))
	if err := e.Open(ctx, opened); err != nil {
		return nil, err
	}
	return &backtestRun{engine: e, time: v, began: first, last: first, counts: map[domain.Verdict]int{}, rejections: map[string]int{}}, nil
}

// take decides one signal at its own time and lets its orders come to rest.
func (b *backtestRun) take(ctx context.Context, f *fed) error {
	at := f.sub.Signal.Timestamp
	b.time.now = at
	if at.After(b.last) {
		b.last = at
	}
	results, err := b.engine.Step(ctx, domain.SubmitSignal{Submission: f.sub, Now: at})
	if err != nil {
		return err
	}
	if results[0].Err != nil {
		return results[0].Err
	}
	b.signalCount++
	b.counts[results[0].Verdict]++
	b.refusal(&results[0])
	return b.engine.Settle(ctx)
}

// refusal counts each reason of a refused signal.
func (b *backtestRun) refusal(r *engine.Result) {
	switch r.Verdict {
	case domain.VerdictConflict:
		b.rejections["id_conflict"]++
	case domain.VerdictRejected:
		for _, reason := range domain.OutcomeOf(r.Events).Reasons {
			b.rejections[string(reason.Code)]++
		}
	case domain.VerdictNone, domain.VerdictAccepted, domain.VerdictDuplicate:
	}
}

// backtestReport is what the contract promises, no more.
type backtestReport struct {
	Signals    int            `json:"signals"`
	Accepted   int            `json:"accepted"`
	Rejected   int            `json:"rejected"`
	Duplicates int            `json:"duplicates"`
	Orders     orderCounts    `json:"orders"`
	Closed     int            `json:"closed_trades"`
	NetPnL     number         `json:"net_pnl"`
	Fees       number         `json:"fees"`
	Equity     number         `json:"final_equity"`
	Open       int            `json:"open_positions"`
	Events     uint64         `json:"events"`
	HeadHash   string         `json:"head_hash"`
	Started    time.Time      `json:"started"`
	Finished   time.Time      `json:"finished"`
	Rejections map[string]int `json:"rejections"`
}

// orderCounts are orders that filled.
type orderCounts struct {
	Base    int `json:"base"`
	Pyramid int `json:"pyramid"`
	Exit    int `json:"exit"`
}

// report adds up the log, not what the run believes: the log is read back, checked and folded, and must end in the run's own state.
func (b *backtestRun) report(ctx context.Context, log eventstore.Log) (*backtestReport, error) {
	state, ledger := domain.NewState(), newLedger()
	head, err := eventstore.Replay(ctx, log, 0, func(r domain.Recorded, _ eventstore.Hash) error {
		if err := apply(state, r); err != nil {
			return err
		}
		ledger.take(r.Event, state.Closed())
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the log back: %w", err)
	}
	if head != b.engine.Head() || state.Digest() != b.engine.State().Digest() {
		return nil, finding(errors.New("the log read back gives another state than the run had: this build has a defect"))
	}
	figures := state.Figures()
	out := &backtestReport{
		Signals: b.signalCount, Accepted: b.counts[domain.VerdictAccepted], Duplicates: b.counts[domain.VerdictDuplicate],
		Rejected: b.counts[domain.VerdictRejected] + b.counts[domain.VerdictConflict],
		Orders:   ledger.orders, Closed: ledger.closed, NetPnL: number{ledger.net(state)}, Fees: number{state.Capital.Fees},
		Equity: number{domain.Equity(domain.EquityOpen, figures.Closed, figures.Unrealized)},
		Events: head.Next, HeadHash: head.Hash.String(), Started: b.began, Finished: b.last, Rejections: b.rejections,
	}
	for _, l := range state.Layers() {
		if l.Lots > 0 {
			out.Open++
		}
	}
	return out, nil
}

func (r *backtestReport) table(t *table) {
	count := func(n int) string { return grouped(fmt.Sprint(n)) }
	for _, row := range [][2]string{
		{"period (IST)", clock(r.Started) + " to " + clock(r.Finished)},
		{"signals", fmt.Sprintf("%s: %s accepted, %s rejected, %s", count(r.Signals), count(r.Accepted), count(r.Rejected), counted(r.Duplicates, "duplicate"))},
		{"orders filled", fmt.Sprintf("%s base, %s pyramid, %s exit", count(r.Orders.Base), count(r.Orders.Pyramid), count(r.Orders.Exit))},
		{"closed trades", fmt.Sprintf("%s, %s open", count(r.Closed), counted(r.Open, "position"))},
		{"net P&L", money(r.NetPnL.Decimal)}, {"fees", money(r.Fees.Decimal)}, {"final equity", money(r.Equity.Decimal)},
		{"events", grouped(fmt.Sprint(r.Events))}, {"head hash", r.HeadHash},
	} {
		t.row(row[0], row[1])
	}
	for _, code := range slices.Sorted(maps.Keys(r.Rejections)) {
		t.foot = append(t.foot, fmt.Sprintf("  %6d  %-20s %s", r.Rejections[code], code, domain.ReasonCode(code).Sentence()))
	}
	if len(t.foot) > 0 {
		t.foot = append([]string{"refused for (a signal can have several reasons):"}, t.foot...)
	}
}
