package abuse

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/sqlite"
	"pm/test/programs"
)

func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }

// secret opens the webhook of every program here.
const secret = "correct-horse-battery-staple"

// program is one pm on a folder and an address of its own.
type program struct{ *programs.Site }

// start runs pm with lines of configuration beyond its secret, until the end of the test.
func start(t testing.TB, yaml string) *program {
	t.Helper()
	p := &program{programs.NewSite(t, "abuse", "webhook: {secrets: ["+secret+"]}\n"+yaml)}
	p.Start()
	return p
}

// history is the log as it stands on the disk, verified from its first record.
func (p *program) history() []domain.Recorded {
	p.T.Helper()
	log, err := sqlite.OpenReader(p.LogFolder())
	require.NoError(p.T, err)
	defer log.Close()
	var events []domain.Recorded
	_, err = eventstore.Replay(p.T.Context(), log, 0, func(r domain.Recorded, _ eventstore.Hash) error {
		events = append(events, r)
		return nil
	})
	require.NoError(p.T, err)
	return events
}

// count is how many events of a type the log has.
func count(events []domain.Recorded, kind string) int {
	n := 0
	for _, e := range events {
		if e.Type == kind {
			n++
		}
	}
	return n
}
