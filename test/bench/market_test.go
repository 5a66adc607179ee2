package bench

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/adapters/broker/paper"
	"pm/domain"
	"pm/domain/engine"
	"pm/eventstore"
)

const portfolio domain.PortfolioID = "bench"

// market is a seeded random walk of every instrument: what a trend follower's charts would send about it, bar by bar.
type market struct {
	t      testing.TB
	rng    *rand.Rand
	now    time.Time
	names  []string
	price  map[string]float64 // of the walk only: what is sent is text with two decimals
	trend  map[string]float64 // 1 up, -1 down
	engine *engine.Engine
}

// The pace of the charts.
const (
	barEvery   = 15 * time.Minute
	barsADay   = 25
	entryEvery = 12 // bars between two tries of a base entry in a flat instrument, on average
	addEvery   = 6  // bars between two tries of a pyramid
	exitEvery  = 60 // bars until the chart itself says exit
)

// first prices of the walks; 0.6 % a bar is a lively market, in which stops are hit and pyramids are built.
var first = map[string]float64{"BANK_NIFTY": 52000, "GOLD_MINI": 76000, "COPPER": 850, "SILVER_MINI": 92000}

const (
	step         = 0.006
	startCapital = "20000000"
)

func newMarket(t testing.TB, log eventstore.Log, seed uint64) *market {
	t.Helper()
	return newMarketWith(t, log, seed, settings(t))
}

// newMarketWith has settings of its own.
func newMarketWith(t testing.TB, log eventstore.Log, seed uint64, configured map[string]string) *market {
	t.Helper()
	m := &market{
		t: t, rng: rand.New(rand.NewPCG(seed, seed)), now: time.Date(2026, time.January, 5, 4, 0, 0, 0, time.UTC), price: map[string]float64{},
		trend: map[string]float64{},
		names: []string{"BANK_NIFTY", "COPPER", "GOLD_MINI", "SILVER_MINI"},
	}
	clock := func() time.Time { return m.now }
	broker, err := paper.NewMemory(paper.Options{Now: clock, Fee: domain.D("0.0001"), Seed: seed, RejectEvery: 40, LoseAnswerEvery: 60, CancelRestEvery: 25})
	require.NoError(t, err)
	m.engine = engine.New(engine.Options{Log: log, Broker: broker, Instance: "bench", Build: "bench", Clock: clock,
		Uptime: func() time.Duration { return time.Duration(m.now.UnixNano()) }}, domain.NewState(), eventstore.Empty(portfolio))
	require.NoError(t, m.engine.Open(t.Context(), domain.PortfolioOpened{
		ID: portfolio, Currency: "INR", InitialCapital: domain.D(startCapital), Settings: configured,
	}))
	return m
}

// settings are the service's defaults.
func settings(t testing.TB) map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "domain", "testdata", "settings.txt"))
	require.NoError(t, err)
	defer f.Close()
	out := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), "="); ok && !strings.HasPrefix(key, "#") {
			out[key] = value
		}
	}
	return out
}

// run lets bars close until the log has so many events.
func (m *market) run(events uint64) {
	for bar := 0; m.engine.Head().Next < events; bar++ {
		m.now = m.now.Add(barEvery)
		if bar%barsADay == barsADay-1 {
			m.capital()
			m.now = m.now.Add(24*time.Hour - barsADay*barEvery)
		}
		for _, name := range m.names {
			m.bar(name)
		}
	}
}

// walk moves a price one step: trends that turn where the price has gone far from where it began.
func (m *market) walk(name string) float64 {
	p := m.price[name]
	switch {
	case p == 0:
		p, m.trend[name] = first[name], 1
	case p > first[name]*1.6:
		m.trend[name] = -1
	case p < first[name]*0.7:
		m.trend[name] = 1
	}
	p *= 1 + step*(m.rng.NormFloat64()+0.15*m.trend[name])
	m.price[name] = p
	return p
}

// capital keeps the account in the size that it began with: what a day earned is taken out, what it lost is put in.
func (m *market) capital() {
	over := m.engine.State().Capital.Closed().Sub(domain.D(startCapital))
	if over.IsZero() {
		return
	}
	if _, err := m.engine.Step(context.Background(), domain.MoveCapital{Withdraw: over.IsPos(), Amount: over.Abs().Trunc(2), By: "bench", Now: m.now}); err != nil {
		m.t.Fatal(err)
	}
}

// bar walks one step, sends the bar, and what the chart makes of it.
func (m *market) bar(name string) {
	p := m.walk(name)
	atr := p * 0.007
	m.send(`{"type":"MARKET_DATA","instrument":%q,"timestamp":%q,"price":"%.2f","atr":"%.2f","supertrend":"%.2f"}`, name, m.stamp(), p, atr, p-atr)
	open := m.engine.State().Markets[name] != nil && m.engine.State().Markets[name].Campaign != nil
	switch {
	case !open && m.rng.IntN(entryEvery) == 0:
		m.entry("BASE_ENTRY", "Long_1", name, p, atr)
	case open && m.rng.IntN(addEvery) == 0:
		m.entry("PYRAMID", "Long_2", name, p, atr)
	case open && m.rng.IntN(exitEvery) == 0:
		m.send(`{"type":"EXIT","instrument":%q,"position":"ALL","timestamp":%q,"price":"%.2f","reason":"below supertrend"}`, name, m.stamp(), p)
	}
	m.now = m.now.Add(time.Second)
	m.settle()
}

func (m *market) entry(kind, layer, name string, p, atr float64) {
	er := math.Round(m.rng.Float64()*100) / 100
	m.send(`{"type":%q,"instrument":%q,"position":%q,"timestamp":%q,"price":"%.2f","stop":"%.2f","lots":1,"atr":"%.2f","er":"%.2f","supertrend":"%.2f","roc":"%.2f"}`,
		kind, name, layer, m.stamp(), p, p-1.5*atr, atr, er, p-1.5*atr, er)
}

func (m *market) stamp() string { return m.now.Format(time.RFC3339) }

// send goes the way of the webhook: bytes, parser, decision, append; then the effects come to rest.
func (m *market) send(form string, args ...any) {
	sub, _, problems := domain.ParseSignal(fmt.Appendf(nil, form, args...), m.now)
	if len(problems) > 0 {
		m.t.Fatalf("%v: %s", problems, fmt.Sprintf(form, args...))
	}
	if _, err := m.engine.Step(context.Background(), domain.SubmitSignal{Submission: sub, Now: m.now}); err != nil {
		m.t.Fatal(err)
	}
	m.settle()
}

func (m *market) settle() {
	if err := m.engine.Settle(context.Background()); err != nil {
		m.t.Fatal(err)
	}
}
