//go:build linux

package runbook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"pm/adapters/broker/paper"
	"pm/domain"
	"pm/domain/engine"
)

var client = &http.Client{Timeout: 5 * time.Second}

// get reads one address of pm; 0 if nobody answers.
func (m *machine) get(path string, into any) (status int) {
	answer, err := client.Get(m.vars["SERVER"] + path)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || json.Unmarshal(text, into) != nil {
		return 0
	}
	return answer.StatusCode
}

// post sends a signal with NOW in its place, and gives status and body.
func (m *machine) post(body string) (int, string) {
	m.t.Helper()
	body = strings.ReplaceAll(body, "NOW", time.Now().UTC().Format(time.RFC3339Nano))
	answer, err := client.Post(m.vars["SERVER"]+"/webhook", "text/plain", bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body) // half an answer is shown as it is
	return answer.StatusCode, string(text)
}

// The prices of base entries by instrument, far enough from each other for a size.
var quotes = map[string][3]string{"BANK_NIFTY": {"52000", "51650", "350"}, "GOLD_MINI": {"76000", "75000", "800"}, "COPPER": {"850", "840", "5"}}

// buy opens a position and waits until nothing is under way.
func (m *machine) buy(instrument string) {
	m.t.Helper()
	q := quotes[instrument]
	status, answer := m.post(fmt.Sprintf(`{"type":"BASE_ENTRY","instrument":%q,"position":"Long_1","timestamp":"NOW","price":%s,"stop":%s,"atr":%s,"er":1,"supertrend":%s}`,
		instrument, q[0], q[1], q[2], q[1]))
	require.Equal(m.t, http.StatusOK, status, answer)
	require.Contains(m.t, answer, `"status":"accepted"`)
	m.quiet()
}

// leave sends the chart's exit of everything that an instrument holds.
func (m *machine) leave(instrument string) {
	m.t.Helper()
	status, answer := m.post(fmt.Sprintf(`{"type":"EXIT","instrument":%q,"position":"ALL","timestamp":"NOW","price":%s}`, instrument, quotes[instrument][0]))
	require.Equal(m.t, http.StatusOK, status, answer)
	require.Contains(m.t, answer, `"status":"accepted"`)
}

// portfolio is how things stand.
type portfolio struct {
	State       string `json:"trading_state"`
	Reason      string `json:"trading_reason"`
	InFlight    int    `json:"orders_in_flight"`
	Differences []struct {
		ID, Contract string
	} `json:"differences"`
	Exits  []json.RawMessage `json:"standing_exits"`
	Alarms []struct {
		Code, Subject string
	} `json:"alarms"`
}

func (m *machine) portfolio() (p portfolio) {
	m.t.Helper()
	require.Equal(m.t, http.StatusOK, m.get("/api/v1/portfolio", &p))
	return p
}

// quiet waits until no order and no exit is under way.
func (m *machine) quiet() {
	m.t.Helper()
	m.until("orders or exits are still under way", func() bool {
		var list struct{ Orders []json.RawMessage }
		if m.get("/api/v1/orders?status=open", &list) != http.StatusOK || len(list.Orders) > 0 {
			return false
		}
		var p portfolio
		return m.get("/api/v1/portfolio", &p) == http.StatusOK && len(p.Exits) == 0
	})
}

func (m *machine) until(what string, is func() bool) {
	m.t.Helper()
	require.Eventually(m.t, is, within, lookEvery, what)
}

// held lists the positions that are open.
func (m *machine) held() []string {
	m.t.Helper()
	var list struct {
		Positions []struct {
			ID string `json:"position_id"`
		}
	}
	require.Equal(m.t, http.StatusOK, m.get("/api/v1/positions?status=open", &list))
	ids := []string{}
	for _, p := range list.Positions {
		ids = append(ids, p.ID)
	}
	slices.Sort(ids)
	return ids
}

// alarm waits for an alarm and gives its subject.
func (m *machine) alarm(code string) (subject string) {
	m.t.Helper()
	m.until("the alarm "+code+" was not raised", func() bool {
		for _, a := range m.portfolio().Alarms {
			if a.Code == code {
				subject = a.Subject
				return true
			}
		}
		return false
	})
	return subject
}

// silent says whether no alarm of a code stands.
func (m *machine) silent(code string) bool {
	return !slices.ContainsFunc(m.portfolio().Alarms, func(a struct{ Code, Subject string }) bool { return a.Code == code })
}

// reducing waits until entries are stopped for a cause.
func (m *machine) reducing(cause string) {
	m.t.Helper()
	m.until("entries are not stopped by "+cause, func() bool {
		p := m.portfolio()
		return p.State == string(domain.Reducing) && strings.HasPrefix(p.Reason, cause)
	})
}

// bought gives an order beside pm, as a person does in the broker's own app; pm must not run.
func (m *machine) bought(contract string, units int) {
	m.t.Helper()
	b, err := paper.Open(filepath.Join(m.data(), "paper"), paper.Options{})
	require.NoError(m.t, err)
	answer := b.Send(m.t.Context(), engine.Order{
		Tag: "byhand", Exchange: "NFO", Contract: contract, Side: domain.Buy, Type: "MARKET", Product: "NRML", Quantity: units, LotSize: units,
		RefPrice: domain.D("52000"), PointValue: domain.D("30"),
	})
	require.Equal(m.t, engine.Accepted, answer.Kind, answer.Text)
	require.NoError(m.t, b.Close())
}

// healthy wants what the runbook promises at the end: ready, nothing degraded, the snapshot compared and in agreement, entries taken and
// filled, the positions that are expected, a stop in order, and a verified log and snapshot behind it.
func (m *machine) healthy(positions ...string) {
	m.t.Helper()
	m.agreed()
	require.ElementsMatch(m.t, positions, m.held())
	m.buy("COPPER")
	require.Len(m.t, m.held(), len(positions)+1, "an entry is taken, sent and filled")
	m.stop()
	m.do(`pmctl verify --data "$DATA" --snapshot "$SNAPSHOT"`)
}

// agreed waits until pm trades, nothing is degraded, and the snapshot has all that the log has.
func (m *machine) agreed() {
	m.t.Helper()
	m.until("pm is not healthy", func() bool {
		var h struct {
			Ready        bool
			Degraded     []string
			TradingState string `json:"trading_state"`
			Snapshot     struct {
				Healthy bool
				Status  string
				Behind  int
			}
		}
		return m.get("/readyz", &h) == http.StatusOK && h.Ready && len(h.Degraded) == 0 && h.TradingState == string(domain.Active) &&
			h.Snapshot.Healthy && h.Snapshot.Status == "agreed" && h.Snapshot.Behind == 0
	})
}
