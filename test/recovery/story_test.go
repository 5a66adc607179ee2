package recovery

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// stores are the two kinds of snapshot.
var stores = map[string]func(t testing.TB, yaml string) *service{"PostgreSQL": onPostgres, "embedded": embedded}

func TestAfterAKillTheStartSaysWhatItRecoveredAndComparedAndTheNextPyramidIsTraded(t *testing.T) {
	for kind, build := range stores {
		t.Run(kind, func(t *testing.T) {
			s := build(t, plain)
			s.Start()
			s.Signal(bankNifty)
			s.Quiet()
			s.written()
			_, before := s.health()
			s.Kill()

			s.Start()
			require.Regexp(t, `recovered \d+ events, 1 position open; the snapshot \(.+\) agrees at revision \d+: \d+ values in \d+ tables`, s.Said())
			require.Equal(t, before.Snapshot.Revision, s.report().Compared.Revision)
			s.Signal(pyramid)
			s.Quiet()
			require.Equal(t, []string{"BANK_NIFTY-1-Long_1", "BANK_NIFTY-1-Long_2"}, held(s.positions("open")))
			s.written()
			require.Zero(t, s.Stop())
		})
	}
}

// held names the layers that hold lots.
func held(list []position) (ids []string) {
	for _, p := range list {
		if p.Lots > 0 {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

func TestARiskAmountThatWasChangedByHandHaltsTheStartAndTheRestoredOneStartsAgain(t *testing.T) {
	for kind, build := range stores {
		t.Run(kind, func(t *testing.T) {
			s := build(t, plain)
			s.Start()
			s.Signal(bankNifty)
			s.Quiet()
			s.written()
			require.Zero(t, s.Stop())
			s.exec("UPDATE portfolio_state SET total_risk_amount = 999999.99")
			for range 2 { // halting changes nothing
				said, hint := s.halts("VALIDATION_FAILED")
				require.Regexp(t, `Risk amount mismatch: DB=999999\.99, Calculated=\d+\.00`, said)
				require.Contains(t, hint, "pmctl snapshot diff --data "+s.Data())
			}
			status, code := s.standing()
			require.Equal(t, []string{"crashed", "VALIDATION_FAILED"}, []string{status, code})
			exit, out, _ := s.Control("status", "--data", s.Data())
			require.Zero(t, exit, out)
			require.Contains(t, out, "crashed")
			require.Contains(t, out, "VALIDATION_FAILED")

			r := s.report()
			require.Equal(t, "portfolio_state.total_risk_amount", r.Divergences[0].Path)
			require.Equal(t, "999999.99", r.Divergences[0].Snapshot)
			s.exec("UPDATE portfolio_state SET total_risk_amount = '" + r.Divergences[0].Log + "'") // as it was printed
			s.Start()
			require.Contains(t, s.Said(), "agrees at revision")
			require.Zero(t, s.Stop())
		})
	}
}
