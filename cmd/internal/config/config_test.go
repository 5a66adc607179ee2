package config

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

// file writes a configuration file that only its owner may read.
func file(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pm.yaml")
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	return name
}

// loaded wants a configuration without a word of complaint.
func loaded(t *testing.T, from Sources) *Config {
	t.Helper()
	c, problems := Load(from)
	require.Empty(t, problems)
	require.NotNil(t, c)
	return c
}

// TestTheDefaultsAreTheSettingsThatTheDomainIsTestedWith holds the embedded table and the domain's test data together.
func TestTheDefaultsAreTheSettingsThatTheDomainIsTestedWith(t *testing.T) {
	decision := loaded(t, Sources{}).Decision()
	var lines strings.Builder
	for _, key := range slices.Sorted(maps.Keys(decision)) {
		fmt.Fprintf(&lines, "%s=%s\n", key, decision[key])
	}
	want, err := os.ReadFile("../../../domain/testdata/settings.txt")
	require.NoError(t, err)
	require.Equal(t, string(want), lines.String())
}

func TestTheDefaultsAreThoseOfTheContract(t *testing.T) {
	c := loaded(t, Sources{})
	require.Equal(t, "127.0.0.1:8080", c.Listen)
	require.Equal(t, "./data", c.Data)
	require.Equal(t, EventStore{Dir: "data/log"}, c.EventStore)
	require.Equal(t, Portfolio{ID: "main", Currency: "INR", InitialCapital: domain.D("5000000")}, c.Portfolio)
	require.Empty(t, c.Secrets)
	require.Equal(t, slog.LevelInfo, c.LogLevel)
	require.Zero(t, c.Paper)
	s, problems := domain.ParseSettings(c.Decision())
	require.Empty(t, problems)
	bank, ok := s.Instrument("BANK_NIFTY", time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC))
	require.True(t, ok)
	require.Equal(t, 35, bank.LotSize)
	require.Equal(t, domain.D("35"), bank.PointValue, "the point value of Bank Nifty is its lot size of the day")
	require.False(t, s.Signals.EnforceSession, "on paper the hours of the market are not enforced")
}

func TestALaterSourceWins(t *testing.T) {
	name := file(t, "portfolio: {initial_capital: 1000000}\nrisk:\n  base_risk_percent: 10\n  sizing_equity: open\nlisten: 127.0.0.1:1\n")
	env := []string{"PM_RISK_SIZING_EQUITY=closed", "PM_LISTEN=127.0.0.1:2", "PM_RISK_PEEL_OFF="}
	c := loaded(t, Sources{File: name, Env: env, Flags: map[string]string{"listen": "127.0.0.1:3"}})
	require.Equal(t, domain.D("1000000"), c.Portfolio.InitialCapital)
	require.Equal(t, "10", c.Decision()["risk.base_risk_percent"])
	require.Equal(t, "closed", c.Decision()["risk.sizing_equity"])
	require.Equal(t, "127.0.0.1:3", c.Listen)
	require.Equal(t, "false", c.Decision()["risk.peel_off"], "an empty variable is not set")
}

func TestDecisionsAreCanonicalSoThatASpellingIsNoChangeOfSettings(t *testing.T) {
	name := file(t, `
risk: {base_risk_percent: 15.00, peel_off: False}
signals: {max_age: 300s, memory: 10080m}
orders.entry_slippage: 0.0050
instruments.BANK_NIFTY: {margin_per_lot: 270000.000, lot_size: {2005-06-13: 0100}}
`)
	require.Equal(t, loaded(t, Sources{}).Decision(), loaded(t, Sources{File: name}).Decision())
}

func TestANumberKeepsEveryDigitThatWasWritten(t *testing.T) {
	c := loaded(t, Sources{File: file(t, "portfolio: {initial_capital: 123456789012.12345678}\n")})
	require.Equal(t, "123456789012.12345678", c.Portfolio.InitialCapital.String())
}

func TestARowMayBeAnothersWithChanges(t *testing.T) {
	name := file(t, `
instruments:
  BN1: {like: BN2, contract: BN1-FUT}
  BN2:
    like: BANK_NIFTY
    contract: BN2-FUT
    lot_size: {"2026-06-30": 25}
    margin_per_lot: {always: 1000, "2026-01-01": 2000}
  GOLD_MINI:
    margin_per_lot: {"2026-01-01": 120000}
  COPPER:
    lot_size: 1000
`)
	d := loaded(t, Sources{File: name, Env: []string{"PM_INSTRUMENTS_BANK_NIFTY_LOT_SIZE=7"}}).Decision()
	require.Equal(t, "BN1-FUT", d["instruments.BN1.contract"])
	require.Equal(t, "25", d["instruments.BN1.lot_size@2026-06-30"])
	require.Equal(t, "7", d["instruments.BN1.lot_size"], "a plain value of a later source replaces all dated ones")
	require.NotContains(t, d, "instruments.BANK_NIFTY.lot_size@2005-06-13")
	require.Equal(t, "1000", d["instruments.BN1.margin_per_lot"])
	require.Equal(t, "2000", d["instruments.BN1.margin_per_lot@2026-01-01"])
	require.Equal(t, "105000", d["instruments.GOLD_MINI.margin_per_lot"], "a date is added to the value before it")
	require.Equal(t, "120000", d["instruments.GOLD_MINI.margin_per_lot@2026-01-01"])
	require.Equal(t, "1000", d["instruments.COPPER.lot_size"])
	require.NotContains(t, d, "instruments.BN1.like")
}

func TestThePaperBrokerIsConfiguredByItsURL(t *testing.T) {
	url := "paper:?fee=0.00050&slippage=0.001&delay=50ms&partial_lots=2&reject_every=3&lose_answer_every=4&drop_every=5&seed=6"
	c := loaded(t, Sources{Env: []string{"PM_BROKER_URL=" + url}})
	require.Equal(t, "0.0005", c.Paper.Fee.String())
	require.Equal(t, "0.001", c.Paper.Slippage.String())
	require.Equal(t, 50*time.Millisecond, c.Paper.Delay)
	require.Equal(t, []int{2, 3, 4, 5}, []int{c.Paper.PartialLots, c.Paper.RejectEvery, c.Paper.LoseAnswerEvery, c.Paper.DropEvery})
	require.Equal(t, uint64(6), c.Paper.Seed)
}

func TestTheEventStoreIsChosenByItsURL(t *testing.T) {
	require.Equal(t, EventStore{Memory: true}, loaded(t, Sources{Env: []string{"PM_EVENTSTORE_URL=memory:"}}).EventStore)
	require.Equal(t, EventStore{Dir: "/srv/pm"}, loaded(t, Sources{Env: []string{"PM_EVENTSTORE_URL=sqlite:///srv/pm"}}).EventStore)
	require.Equal(t, EventStore{Dir: "/x/log"}, loaded(t, Sources{Flags: map[string]string{"data": "/x"}}).EventStore)
	const address = "esdb://pm:s3cret@store:2113"
	c := loaded(t, Sources{Env: []string{"PM_EVENTSTORE_URL=" + address}, Flags: map[string]string{"data": "/x"}})
	require.Equal(t, EventStore{Dir: "/x/copy", URL: NewSecret(address), Server: true}, c.EventStore)
	require.Equal(t, address, c.EventStore.URL.Reveal())
	var printed strings.Builder
	require.NoError(t, c.Print(&printed))
	require.Contains(t, printed.String(), "esdb://pm:[redacted]@store:2113")
	require.NotContains(t, printed.String(), "s3cret")
}

func TestNetworksMayBeSingleAddresses(t *testing.T) {
	c := loaded(t, Sources{Env: []string{"PM_HTTP_ALLOW=52.89.214.238, 10.1.2.3/8"}})
	require.Equal(t, "[52.89.214.238/32 10.0.0.0/8]", fmt.Sprint(c.Allow))
}

func TestADemoHasAFolderOfItsOwnUnlessOneIsNamed(t *testing.T) {
	require.Equal(t, "./data/demo", loaded(t, Sources{Demo: true}).Data)
	require.Equal(t, "/x", loaded(t, Sources{Demo: true, Env: []string{"PM_DATA=/x"}}).Data)
}
