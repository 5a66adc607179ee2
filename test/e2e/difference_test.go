package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/adapters/broker/paper"
	"pm/domain"
	"pm/domain/engine"
	"pm/test/programs"
)

// byHand buys beside pm, as a person does in the broker's own app.
func (s *site) byHand(contract string, units int) {
	s.T.Helper()
	b, err := paper.Open(filepath.Join(s.Data(), "paper"), paper.Options{})
	require.NoError(s.T, err)
	answer := b.Send(s.T.Context(), engine.Order{
		Tag: "byhand", Exchange: "NFO", Contract: contract, Side: domain.Buy, Type: "MARKET", Product: "NRML", Quantity: units, LotSize: units,
		RefPrice: domain.D("52000"), PointValue: domain.D("30"),
	})
	require.Equal(s.T, engine.Accepted, answer.Kind, answer.Text)
	book, err := b.Book(s.T.Context())
	require.NoError(s.T, err)
	require.NotZero(s.T, book.Net[contract])
	require.NoError(s.T, b.Close())
}

// ctl runs pmctl against the site and wants exit code 0.
func (s *site) ctl(args ...string) {
	s.T.Helper()
	_, ctl := programs.Build(s.T, s.Version)
	cmd := exec.Command(ctl, append(args, "--server", s.URL(""))...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.Dir}
	out, err := cmd.CombinedOutput()
	require.NoError(s.T, err, string(out))
}

// standingOf is how a portfolio stands with its broker.
type standingOf struct {
	State       string `json:"trading_state"`
	Reason      string `json:"trading_reason"`
	Differences []struct {
		ID       string `json:"id"`
		Contract string `json:"contract"`
	} `json:"differences"`
}

func TestAPositionBoughtByHandIsADifferenceThatAPersonAccepts(t *testing.T) {
	s := newSite(t, plain)
	s.Start()
	s.Signal(programs.Base, "BANK_NIFTY", "52000", "51650", "350", "51650")
	s.Quiet()
	require.Zero(t, s.Stop())
	s.byHand("BANKNIFTY-FUT", 30)

	s.Start()
	var p standingOf
	require.Eventually(t, func() bool {
		code, body, err := s.Get(t.Context(), "/api/v1/portfolio")
		return err == nil && code == http.StatusOK && json.Unmarshal(body, &p) == nil && len(p.Differences) > 0
	}, programs.StopWithin, programs.LookEvery)
	require.Equal(t, "REDUCING", p.State)
	require.Equal(t, "broker_difference", p.Reason)
	require.Equal(t, "BANKNIFTY-FUT", p.Differences[0].Contract)

	s.ctl("accept", p.Differences[0].ID, "--reason", "bought in the app")
	s.ctl("resume", "--reason", "looked at it")
	s.Signal(programs.Base, "GOLD_MINI", "76000", "75000", "800", "75000")
	s.Quiet()
	s.Kill()
	s.Start()
	p = standingOf{}
	s.Read("/api/v1/portfolio", &p)
	require.Equal(t, "ACTIVE", p.State)
	require.Empty(t, p.Differences)
	require.Zero(t, s.Stop())
}

// copyFolder copies as a backup does, with the modes: a private key that others can read would be refused.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	out, err := exec.Command("cp", "-a", from, to).CombinedOutput()
	require.NoError(t, err, string(out))
}

func TestALogThatIsOlderThanTheBrokersBookIsNotStarted(t *testing.T) {
	s := newSite(t, plain)
	s.Start()
	s.Signal(programs.Base, "BANK_NIFTY", "52000", "51650", "350", "51650")
	s.Quiet()
	require.Zero(t, s.Stop())
	backup := filepath.Join(s.Dir, "backup")
	copyFolder(t, s.Data(), backup)
	s.Start()
	s.Signal(programs.Base, "GOLD_MINI", "76000", "75000", "800", "75000")
	s.Quiet()
	require.Zero(t, s.Stop())

	// Everything is brought back from the backup, as an operator would, but the broker keeps its own book.
	book := filepath.Join(s.Dir, "book")
	require.NoError(t, os.Rename(filepath.Join(s.Data(), "paper"), book))
	require.NoError(t, os.RemoveAll(s.Data()))
	copyFolder(t, backup, s.Data())
	require.NoError(t, os.RemoveAll(filepath.Join(s.Data(), "paper")))
	require.NoError(t, os.Rename(book, filepath.Join(s.Data(), "paper")))
	_, before := s.history()
	words := s.refusesToStart("BROKER_MISMATCH")
	require.Contains(t, words, "has the tag of our order number 1, and the log has only made 1: the log is older than the book")
	_, after := s.history()
	require.Equal(t, before, after, "and nothing was written")
}
