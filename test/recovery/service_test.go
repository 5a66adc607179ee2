package recovery

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pm/adapters/postgres/pgtest"
	"pm/projections"
	"pm/test/programs"
)

func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }

// plain is the configuration of these services; the paper broker fills at the signal's price.
const plain = "portfolio:\n  initial_capital: 5000000\nbroker: {url: 'paper:?slippage=0'}\n"

// The signals of the stories. A risk of 200 points a unit keeps every amount a whole number of rupees.
const (
	bankNifty = `{"type":"BASE_ENTRY","instrument":"BANK_NIFTY","position":"Long_1","timestamp":"NOW","price":50000,"stop":49800,"atr":200,"er":1,"supertrend":49800}`
	pyramid   = `{"type":"PYRAMID","instrument":"BANK_NIFTY","position":"Long_2","timestamp":"NOW","price":50900,"stop":50700,"atr":200,"er":1,"supertrend":50700}`
	exitAll   = `{"type":"EXIT","instrument":%q,"position":"ALL","timestamp":"NOW","price":%s}`
)

// service is a pm with a snapshot.
type service struct {
	*programs.Site
	url string // of the snapshot
}

// onPostgres makes a service on a database of its own.
func onPostgres(t testing.TB, yaml string) *service {
	t.Helper()
	return at(t, pgtest.Database(t), yaml)
}

func at(t testing.TB, url, yaml string) *service {
	t.Helper()
	s := &service{programs.NewSite(t, "recovery", yaml), url}
	s.Env = []string{"PM_SNAPSHOT_URL=" + url}
	return s
}

// embedded makes a service on a snapshot of its own in a folder.
func embedded(t testing.TB, yaml string) *service {
	t.Helper()
	return at(t, "sqlite://"+t.TempDir(), yaml)
}

// exec changes the snapshot behind pm's back, as a person with an SQL shell does.
func (s *service) exec(sql string) {
	s.T.Helper()
	dir, isFile := strings.CutPrefix(s.url, "sqlite://")
	if !isFile {
		pgtest.Exec(s.T, s.url, sql)
		return
	}
	conn, err := sqlite.OpenConn(filepath.Join(dir, "snapshot.db"), sqlite.OpenReadWrite)
	require.NoError(s.T, err)
	require.NoError(s.T, sqlitex.ExecScript(conn, sql))
	require.NoError(s.T, conn.Close())
}

// health is the part of /readyz that the stories look at.
type health struct {
	Status   string
	Ready    bool
	Reasons  []string
	Degraded []string
	Revision uint64
	Snapshot struct {
		Healthy  bool
		Status   string
		Revision uint64
		Behind   uint64
		Trouble  string
	}
}

// health asks how the service stands; the status is 0 where nothing answers.
func (s *service) health() (code int, h health) {
	code, body, err := s.Get(s.T.Context(), "/readyz")
	if err != nil {
		return 0, h
	}
	require.NoError(s.T, json.Unmarshal(body, &h), string(body))
	return code, h
}

// written waits until the snapshot is where the log is.
func (s *service) written() {
	s.T.Helper()
	s.Until(programs.StopWithin, "the snapshot is where the log is", func() bool {
		code, h := s.health()
		return code == http.StatusOK && h.Snapshot.Status == projections.SnapshotAgreed && h.Snapshot.Behind == 0
	})
}

// shows waits until the first look of this start has been taken, and wants what it gave.
func (s *service) shows(status string) {
	s.T.Helper()
	var h health
	s.Until(programs.StopWithin, "the snapshot was looked at", func() bool {
		_, h = s.health()
		return h.Snapshot.Status != ""
	})
	require.Equal(s.T, status, h.Snapshot.Status)
}

// portfolio is the part of the portfolio that the stories look at.
type portfolio struct {
	Trading  string `json:"trading_state"`
	Reason   string `json:"trading_reason"`
	Standing []any  `json:"standing_exits"`
}

func (s *service) portfolio() (p portfolio) {
	s.T.Helper()
	s.Read("/api/v1/portfolio", &p)
	return p
}

// position is what a list shows of one layer.
type position struct {
	ID     string `json:"position_id"`
	Status string
	Lots   int
}

// positions lists the layers that are open, closed, or all.
func (s *service) positions(status string) []position {
	s.T.Helper()
	var list struct{ Positions []position }
	s.Read("/api/v1/positions?status="+status, &list)
	return list.Positions
}

// halts starts pm and wants exit code 1 with the code and the hint as the last two lines; it gives both.
func (s *service) halts(code string) (said, hint string) {
	s.T.Helper()
	s.Launch()
	require.Equal(s.T, 1, s.Wait(), s.Tail())
	lines := s.Lines()
	require.Greater(s.T, len(lines), 1)
	said, hint = lines[len(lines)-2], lines[len(lines)-1]
	require.True(s.T, strings.HasPrefix(said, code+":"), "%s\n%s", code, s.Tail())
	require.True(s.T, strings.HasPrefix(hint, "hint: "), s.Tail())
	return said, hint
}

// report is the newest report of a recovery in the data folder.
func (s *service) report() (r projections.Report) {
	s.T.Helper()
	names, err := filepath.Glob(filepath.Join(s.Data(), "recovery", "*.json"))
	require.NoError(s.T, err)
	require.NotEmpty(s.T, names)
	text, err := os.ReadFile(slices.Max(names))
	require.NoError(s.T, err)
	require.NoError(s.T, json.Unmarshal(text, &r))
	return r
}

// messages are what the newest report says of each difference.
func (s *service) messages() string {
	s.T.Helper()
	var all strings.Builder
	for _, d := range s.report().Divergences {
		fmt.Fprintln(&all, d.Message)
	}
	return all.String()
}

// standing is the word of the last start in the data folder.
func (s *service) standing() (status, code string) {
	s.T.Helper()
	var is struct{ Status, Code string }
	text, err := os.ReadFile(filepath.Join(s.Data(), "status.json"))
	require.NoError(s.T, err)
	require.NoError(s.T, json.Unmarshal(text, &is))
	return is.Status, is.Code
}
