// Package roll runs an old and a new program side by side while the tables of the snapshot change: one real schema change, the second
// migration, from the first trade on the old program to the way back.
package roll

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/postgres/pgtest"
	"pm/test/programs"
)

// older is what the linker is told so that a program knows the tables of the first migration only, as it was released then.
const older = "-X pm/projections/tables.limited=1"

// exit leaves an instrument: instrument, price.
const exit = `{"type":"EXIT","instrument":%q,"position":"ALL","timestamp":"NOW","price":%s}`

func TestMain(m *testing.M) {
	code := programs.Main(m)
	os.Exit(code)
}

// site is a pm on a snapshot, which may be the old program or the new one.
type site struct {
	*programs.Site
	t           *testing.T
	before, now string // programs
	control     string // the new pmctl
	snapshot    string
}

func newSite(t *testing.T, snapshot string) *site {
	t.Helper()
	s := &site{Site: programs.NewSite(t, "new", "portfolio: {initial_capital: 5000000}\n"), t: t, snapshot: snapshot}
	s.before, _ = programs.Build(t, "old", older)
	s.now, s.control = programs.Build(t, "new")
	if snapshot != "" {
		s.Env = []string{"PM_SNAPSHOT_URL=" + snapshot}
	}
	return s
}

func (s *site) start(program string) {
	s.t.Helper()
	s.Program = program
	s.Start()
}

// ready is what /readyz says of the snapshot.
func (s *site) ready() (status string, healthy bool, revision, behind uint64) {
	s.t.Helper()
	code, body, err := s.Get(s.t.Context(), "/readyz")
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, code, "signals are taken whatever the snapshot does")
	var h struct {
		Snapshot struct {
			Status   string `json:"status"`
			Healthy  bool   `json:"healthy"`
			Revision uint64 `json:"revision"`
			Behind   uint64 `json:"behind"`
		} `json:"snapshot"`
	}
	require.NoError(s.t, json.Unmarshal(body, &h))
	return h.Snapshot.Status, h.Snapshot.Healthy, h.Snapshot.Revision, h.Snapshot.Behind
}

func (s *site) until(what string, is func(status string, healthy bool, revision, behind uint64) bool) {
	s.t.Helper()
	s.Until(programs.StartWithin, what, func() bool { return is(s.ready()) })
}

func (s *site) untilAgreed() {
	s.t.Helper()
	s.until("the snapshot is up to date", func(status string, healthy bool, _, behind uint64) bool {
		return status == "agreed" && healthy && behind == 0
	})
}

func (s *site) enters(instrument, price, stop string) {
	s.t.Helper()
	s.Signal(programs.Base, instrument, price, stop, "350", stop)
	s.Quiet()
}

func TestAnOldAndANewProgramShareASnapshotWhileItsTablesChange(t *testing.T) {
	for name, snapshot := range map[string]func(t *testing.T) string{
		"PostgreSQL": func(t *testing.T) string { return pgtest.Database(t) },
		"SQLite":     func(*testing.T) string { return "" },
	} {
		t.Run(name, func(t *testing.T) { roll(t, newSite(t, snapshot(t))) })
	}
}

func roll(t *testing.T, s *site) {
	s.start(s.before)
	s.enters("BANK_NIFTY", "52000", "51650")
	s.untilAgreed()

	// The new version is built beside the old one while the old program trades.
	code, out, errs := s.Control("rebuild", "--data", s.Data(), "--dry-run")
	require.Zero(t, code, errs)
	require.Contains(t, out, "daily_pnl_closed", "what is new is said before the switch")
	require.Contains(t, out, "dry run")
	s.untilAgreed()
	code, _, errs = s.Control("rebuild", "--data", s.Data(), "--yes")
	require.Zero(t, code, errs)
	s.enters("GOLD_MINI", "70000", "69500")
	s.until("the old program sees a newer snapshot and leaves it alone", func(status string, healthy bool, _, _ uint64) bool {
		return status == "newer" && !healthy
	})
	_, _, written, behind := s.ready()
	require.Positive(t, behind, "the old program does not write what it does not know")
	require.Zero(t, s.Stop())

	// The new program compares at the snapshot's revision, goes on to the head, and keeps the new tables.
	s.start(s.now)
	require.Contains(t, s.Said(), "2 positions open; the snapshot")
	require.Regexp(t, `agrees at revision \d+: \d+ values in 20 tables`, s.Said())
	s.untilAgreed()
	_, _, now, _ := s.ready()
	require.Greater(t, now, written)
	require.Zero(t, s.Stop())

	// The way back: the old program trades on the log alone and leaves the newer snapshot as it is.
	s.start(s.before)
	require.Contains(t, s.Said(), "WARNING SNAPSHOT_NEWER")
	s.Signal(exit, "GOLD_MINI", "70100")
	s.Quiet()
	require.Zero(t, s.Stop())

	s.start(s.now)
	require.Contains(t, s.Said(), "1 position open; the snapshot")
	s.untilAgreed()
	require.Zero(t, s.Stop())
	code, out, errs = s.Control("verify", "--data", s.Data())
	require.Zero(t, code, out+errs)
}

func TestANewProgramRebuildsTheSnapshotOfAnOldOneInTheBackground(t *testing.T) {
	s := newSite(t, pgtest.Database(t))
	s.start(s.before)
	s.enters("BANK_NIFTY", "52000", "51650")
	s.untilAgreed()
	require.Zero(t, s.Stop())
	s.start(s.now)
	require.Contains(t, s.Said(), "WARNING SNAPSHOT_OUTDATED")
	s.untilAgreed()
	require.Equal(t, "1", pgtest.Exec(t, s.snapshot, "SELECT count(*) FROM daily_pnl")[0][0], "today, one instrument")
	require.Equal(t, "5000000", pgtest.Exec(t, s.snapshot, "SELECT closed_equity FROM equity_curve")[0][0])
	s.enters("GOLD_MINI", "70000", "69500")
	s.untilAgreed()
	require.Equal(t, "2", pgtest.Exec(t, s.snapshot, "SELECT count(*) FROM daily_pnl")[0][0])
	require.Zero(t, s.Stop())
}
