package e2e

import (
	"errors"
	"os"
	"testing"

	"pm/test/programs"
)

func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }

// site is where a pm of these tests lives.
type site struct {
	*programs.Site
	store *store // the event store, if the log is across the wire
}

func newSite(t testing.TB, yaml string) *site {
	t.Helper()
	return &site{Site: programs.NewSite(t, "e2e", yaml)}
}

var errTooLong = errors.New("the time of the test is over")
