package demo

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
)

// desk is a portfolio with the default settings and a broker that fills every order at once at its reference price.
type desk struct {
	t      *testing.T
	state  *domain.State
	sealer *eventstore.Sealer
	now    time.Time
	log    []domain.Recorded
	done   map[domain.OrderID]bool
}

func open(t *testing.T, now time.Time) *desk {
	t.Helper()
	text, err := os.ReadFile("../../../domain/testdata/settings.txt")
	require.NoError(t, err)
	settings := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		require.True(t, ok, line)
		settings[key] = value
	}
	d := &desk{t: t, state: domain.NewState(), now: now, done: map[domain.OrderID]bool{}}
	d.sealer = eventstore.NewSealer(eventstore.Head{Hash: eventstore.Genesis("demo")}, time.Time{},
		eventstore.Author{Portfolio: "demo", Instance: "test", Build: "test", Epoch: 1})
	d.do(domain.OpenPortfolio{Instance: "test", Now: now, Portfolio: domain.PortfolioOpened{
		ID: "demo", Currency: "INR", InitialCapital: domain.D("5000000"), Demo: true, Settings: settings,
	}})
	return d
}

// do decides and applies; it answers with the events that follow from the command.
func (d *desk) do(c domain.Command) []domain.Recorded {
	d.t.Helper()
	decision, err := domain.Decide(d.state, c)
	require.NoError(d.t, err)
	var made []domain.Recorded
	for _, draft := range decision.Drafts {
		next := eventstore.Draft{Event: draft.Event, At: d.now, Corr: draft.Corr, Cause: draft.Cause}
		if draft.After >= 0 {
			next.Corr, next.Cause = made[draft.After].Corr, made[draft.After].ID
		}
		_, event, err := d.sealer.Seal(next)
		require.NoError(d.t, err)
		require.NoError(d.t, d.state.Apply(event))
		made = append(made, event)
	}
	d.log = append(d.log, made...)
	return made
}

// send stamps a line, submits it, and fills whatever it led to. The answer is what the line led to, in short.
func (d *desk) send(body []byte) string {
	d.t.Helper()
	d.now = d.now.Add(time.Second)
	sub, _, problems := domain.ParseSignal(body, d.now)
	require.Empty(d.t, problems, "%s", body)
	sub.Signal.Timestamp = d.now
	events := d.do(domain.SubmitSignal{Submission: sub, Now: d.now})
	for range 4 {
		events = append(events, d.do(domain.Tick{Now: d.now})...)
		events = append(events, d.fill()...)
	}
	return strings.Join(short(events), "; ")
}

func (d *desk) fill() (events []domain.Recorded) {
	for _, r := range d.log {
		o, ok := r.Event.(*domain.OrderInitialized)
		if !ok || d.done[o.OrderID] {
			continue
		}
		d.done[o.OrderID] = true
		d.do(domain.BeginSend{OrderID: o.OrderID, Now: d.now})
		d.do(domain.ReportSent{OrderID: o.OrderID, Accepted: true, BrokerID: string(o.OrderID), Now: d.now})
		events = append(events, d.do(domain.ReportOrder{OrderID: o.OrderID, BrokerID: string(o.OrderID), Now: d.now, Fills: []domain.Fill{
			{ExecID: "1", Units: o.Quantity, Price: o.RefPrice},
		}})...)
	}
	return events
}

// short writes the events that a reader of the demo cares for.
func short(events []domain.Recorded) (out []string) {
	for _, r := range events {
		switch e := r.Event.(type) {
		case *domain.SignalRejected:
			codes := []string{}
			for _, reason := range e.Reasons {
				codes = append(codes, string(reason.Code))
			}
			out = append(out, "refused "+strings.Join(codes, ", "))
		case *domain.OrderInitialized:
			text := fmt.Sprintf("%s %d", e.Side, e.Lots)
			if e.Entry != nil {
				text += fmt.Sprintf(" %s limited by %s", e.Entry.PositionID, e.Entry.Sizing.Limiter)
			}
			out = append(out, text)
		case *domain.StopMoved:
			out = append(out, fmt.Sprintf("%s stop %s", e.PositionID, e.To))
		case *domain.ExitRequested:
			out = append(out, "exit "+string(e.Cause))
		}
	}
	return out
}

// play sends every line and gives what each led to, as "n outcome".
func play(t *testing.T, day string) (*desk, []string) {
	now, err := time.Parse(time.DateOnly, day)
	require.NoError(t, err)
	d := open(t, now.Add(5*time.Hour))
	var out []string
	scan := bufio.NewScanner(bytes.NewReader(Signals))
	for n := 1; scan.Scan(); n++ {
		if got := d.send(scan.Bytes()); got != "" {
			out = append(out, fmt.Sprintf("%d %s", n, got))
		}
	}
	require.NoError(t, scan.Err())
	return d, out
}

func (d *desk) layers() (out []string) {
	for _, l := range d.state.Layers() {
		out = append(out, fmt.Sprintf("%s %d", l.PositionID, l.Lots))
	}
	slices.Sort(out)
	return out
}

func TestEveryLineLeadsToWhatTheReadmeSays(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, block, ok := strings.Cut(string(readme), "```\n")
	require.True(t, ok)
	block, _, ok = strings.Cut(block, "```")
	require.True(t, ok)
	_, out := play(t, "2026-01-05")
	require.Equal(t, strings.TrimSpace(block), strings.Join(out, "\n"))
}

func TestTheDemoEndsWithTwoOpenCampaignsWhateverTheLotSizeOfTheDay(t *testing.T) {
	for day, layers := range map[string][]string{
		"2026-01-05": {"BANK_NIFTY-1-Long_1 4", "BANK_NIFTY-1-Long_2 2", "GOLD_MINI-2-Long_1 6"}, // 30 units a lot
		"2025-11-24": {"BANK_NIFTY-1-Long_1 3", "BANK_NIFTY-1-Long_2 1", "GOLD_MINI-2-Long_1 6"}, // 35 units a lot
	} {
		d, _ := play(t, day)
		require.Equal(t, layers, d.layers(), day)
		require.Empty(t, d.state.OpenOrders())
		// Gold: 5 lots from 122000 to 122650 and 1 lot from 124000 to 124050, 10 rupees a point.
		require.Equal(t, "5033000", d.state.Capital.Closed().String())
	}
}

func TestEveryLineHasAnIdOfItsOwnAndCarriesNoSecret(t *testing.T) {
	seen := map[string]bool{}
	for line := range bytes.Lines(Signals) {
		sub, secret, problems := domain.ParseSignal(line, time.Unix(0, 0))
		require.Empty(t, problems)
		require.Empty(t, sub.Flags)
		require.Empty(t, secret)
		require.NotEmpty(t, sub.ClientID)
		require.False(t, seen[sub.ClientID], sub.ClientID)
		seen[sub.ClientID] = true
	}
	require.Len(t, seen, 43)
}
