package recovery

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/broker/paper"
	"pm/domain"
	"pm/domain/engine"
	"pm/projections/tables"
	"pm/test/programs"
)

// yard is a service that was killed in the middle of its day: pyramids of three instruments, closed campaigns, a refusal, an alarm, a
// difference from the broker's book, an order under way and an exit that is held back. Every table has rows, and the snapshot is
// where the log is.
func yard(t *testing.T, build func(testing.TB, string) *service) *service {
	t.Helper()
	s := build(t, plain)
	s.Start()
	closedCampaign(s)
	openCampaigns(s)
	s.written()
	require.Zero(t, s.Stop())
	s.byHand("BANKNIFTY", 30)

	slow := strings.Replace(plain, "slippage=0", "slippage=0&delay=1h", 1)
	require.NoError(t, os.WriteFile(s.Config, []byte(slow), 0o600))
	s.Start()
	s.Until(programs.StopWithin, "the difference from the broker's book is found", func() bool {
		var p struct {
			Differences []any `json:"differences"`
		}
		s.Read("/api/v1/portfolio", &p)
		return len(p.Differences) > 0
	})
	underWay(s)
	s.written()
	s.Kill()
	return s
}

// closedCampaign opens a base and a layer and closes both.
func closedCampaign(s *service) {
	s.Signal(programs.Base, "SILVER_MINI", "90000", "86000", "1000", "86000")
	s.Quiet()
	s.Signal(further, "SILVER_MINI", "93000", "92000", "1000")
	s.Quiet()
	s.Signal(exitAll, "SILVER_MINI", "94000.5")
	s.Quiet()
}

// further is a second layer for Signal: instrument, price, stop, ATR.
const further = `{"type":"PYRAMID","instrument":%q,"position":"Long_2","timestamp":"NOW","price":%s,"stop":%s,"atr":%s,"er":1,"supertrend":%[3]s}`

// openCampaigns opens three campaigns of two layers each; a third layer is refused, because it comes too soon.
func openCampaigns(s *service) {
	s.T.Helper()
	for _, c := range []struct{ instrument, price, stop, atr, further, stopped string }{
		{"BANK_NIFTY", "50000.5", "49400", "200", "50900.25", "50700"},
		{"GOLD_MINI", "76000", "75000", "800", "79500", "79000"},
		{"COPPER", "850", "840", "5", "880", "875"},
	} {
		s.Signal(programs.Base, c.instrument, c.price, c.stop, c.atr, c.stop)
		s.Quiet()
		s.Signal(further, c.instrument, c.further, c.stopped, c.atr)
		s.Quiet()
	}
	code, answer := s.Send(`{"type":"PYRAMID","instrument":"COPPER","position":"Long_3","timestamp":"NOW","price":881,"stop":876,"atr":5,"er":1,"supertrend":876}`)
	require.Equal(s.T, http.StatusOK, code, answer)
	require.Contains(s.T, answer, `"status":"rejected"`)
}

// underWay leaves an exit whose order does not fill today, and after it one that is held back.
func underWay(s *service) {
	s.T.Helper()
	s.Signal(`{"type":"MARKET_DATA","instrument":"COPPER","timestamp":"NOW","price":885,"atr":5,"supertrend":876}`)
	s.Signal(exitAll, "COPPER", "884")
	s.Until(programs.StopWithin, "the order is with the broker", func() bool {
		n, err := s.OpenOrders(s.T.Context(), "COPPER")
		return err == nil && n == 1
	})
	code, body := s.command("halt", `{"reason":"a look at the book","id":"h1"}`)
	require.Equal(s.T, http.StatusOK, code, body)
	s.Signal(exitAll, "GOLD_MINI", "79700")
	require.GreaterOrEqual(s.T, len(s.portfolio().Standing), 2)
}

// command gives a command as the operator on this machine.
func (s *service) command(path, body string) (code int, answer string) {
	s.T.Helper()
	req, err := http.NewRequestWithContext(s.T.Context(), http.MethodPost, s.URL("/api/v1/"+path), strings.NewReader(body))
	require.NoError(s.T, err)
	req.Header.Set("Content-Type", "application/json")
	code, text, err := programs.Do(req)
	require.NoError(s.T, err)
	return code, string(text)
}

// byHand buys beside pm, as a person does in the broker's own app.
func (s *service) byHand(contract string, units int) {
	s.T.Helper()
	b, err := paper.Open(filepath.Join(s.Data(), "paper"), paper.Options{})
	require.NoError(s.T, err)
	answer := b.Send(s.T.Context(), engine.Order{
		Tag: "byhand", Exchange: "NFO", Contract: contract, Side: domain.Buy, Type: "MARKET", Product: "NRML", Quantity: units, LotSize: units,
		RefPrice: domain.D("52000"), PointValue: domain.D("30"),
	})
	require.Equal(s.T, engine.Accepted, answer.Kind, answer.Text)
	require.NoError(s.T, b.Close())
}

// backup keeps a copy of every table beside it, for restored.
func (s *service) backup() {
	s.T.Helper()
	var sql strings.Builder
	for _, table := range allTables() {
		fmt.Fprintf(&sql, "CREATE TABLE kept_%[1]s AS SELECT * FROM %[1]s;\n", table)
	}
	s.exec(sql.String())
}

// restored is what puts the rows of a table back as the backup has them.
func restored(table string) string {
	return fmt.Sprintf("DELETE FROM %[1]s; INSERT INTO %[1]s SELECT * FROM kept_%[1]s;\n", table)
}

// allTables are the tables of this build and that of the head row.
func allTables() []string {
	names := []string{"head"}
	for _, t := range tables.All() {
		names = append(names, t.Name)
	}
	return names
}
