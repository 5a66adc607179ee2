package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/api"
)

// staffed has a token of each role.
func staffed(t *testing.T) *service {
	t.Helper()
	var o api.Options
	for name, role := range map[string]api.Role{"vic": api.Viewer, "olga": api.Operator, "ada": api.Admin} {
		o.Tokens = append(o.Tokens, api.Token{Name: name, Role: role, Digest: sha256.Sum256([]byte(name + "'s token"))})
	}
	return serviceWith(t, o)
}

// as runs a call with somebody's token.
func (s *service) as(t *testing.T, name string, code int, args ...string) (out, errs string) {
	t.Helper()
	return pmctlReal(t, code, append(args, "--server", s.URL, "--token", name+"'s token")...)
}

// pyramid makes the service hold a base and a layer above it.
func (s *service) pyramid(t *testing.T) {
	t.Helper()
	file := writeFile(t, "pyramid.ndjson", `{"type":"BASE_ENTRY","instrument":"BANK_NIFTY","position":"Long_1","price":50000,"stop":49800,"atr":200,"er":1,"supertrend":49800}
{"type":"MARKET_DATA","instrument":"BANK_NIFTY","price":50700,"atr":200,"supertrend":49900}
{"type":"PYRAMID","instrument":"BANK_NIFTY","position":"Long_2","price":50900,"stop":50700,"atr":200,"er":1,"supertrend":50700}
`)
	s.as(t, "vic", exitFine, "signals", "send", file, "--stamp", "now", "--wait-orders", "--retry")
	s.rest(t)
}

// rest waits until no order is under way.
func (s *service) rest(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		out, _ := s.as(t, "vic", exitFine, "orders", "--status", "open", "-o", "ndjson")
		return out == ""
	}, maxRest, lookEvery)
}

func TestEachCommandPrintsWhatItsGoldenShows(t *testing.T) {
	s := staffed(t)
	s.pyramid(t)
	because := []string{"--reason", "the expiry is near"}
	for i, step := range []struct {
		name string
		args []string
	}{
		{"halt.txt", append([]string{"halt"}, because...)},
		{"halt-unchanged.txt", append([]string{"halt"}, because...)},
		{"reduce.json", append([]string{"reduce", "-o", "json"}, because...)},
		{"resume.yaml", append([]string{"resume", "-o", "yaml"}, because...)},
		{"capital-deposit.txt", []string{"capital", "deposit", "100000.50", "--note", "from savings"}},
		{"capital-withdraw.json", []string{"capital", "withdraw", "100000.50", "-o", "json"}},
		{"limits-change.txt", []string{"limits", "base_risk_percent=12", "risk.pyramid_risk_percent=10.50"}},
		{"limits.txt", []string{"limits"}},
		{"limits.json", []string{"limits", "-o", "json"}},
		{"exit.txt", append([]string{"exit", "BANK_NIFTY-1-Long_2"}, because...)},
		{"close-all-dry-run.txt", append([]string{"close-all", "--dry-run"}, because...)},
		{"close-all.txt", append([]string{"close-all"}, because...)},
	} {
		out, errs := s.as(t, "ada", exitFine, append(step.args, "--id", fmt.Sprintf("c-%d", i))...)
		require.Empty(t, errs, step.name)
		golden(t, step.name, requestIDs.ReplaceAllString(out, "<request>"))
		s.rest(t)
	}
	out, _ := s.as(t, "ada", exitFine, append([]string{"close-all", "--id", "c-11"}, because...)...)
	golden(t, "close-all-repeated.txt", out)
	out, _ = s.as(t, "ada", exitFine, "positions")
	require.Equal(t, "no positions\n", out, "close-all really sold")
}

func TestACommandThatTheServiceRefusesIsExitCode3AndSaysWhy(t *testing.T) {
	s := staffed(t)
	for want, call := range map[string][]string{
		"409 not_open":                           {"ada", "exit", "BANK_NIFTY-9-Long_1", "--reason", "x"},
		"409 not_open: nothing is open":          {"ada", "close-all", "--reason", "x"},
		"409 not_standing: no difference d-1":    {"ada", "accept", "d-1", "--reason", "x"},
		"409 not_standing":                       {"ada", "withdraw", "BANK_NIFTY-exit-3", "--reason", "x"},
		"409 not_enough":                         {"ada", "capital", "withdraw", "900000000"},
		"409 unknown_limit":                      {"ada", "limits", "beauty=1"},
		"409 unknown_format: this build knows":   {"ada", "format", "raise", "99"},
		"403 forbidden: this needs a token":      {"olga", "format", "raise", "2"},
		"403 forbidden: this needs a token with": {"olga", "capital", "deposit", "1"},
		"403 forbidden: this needs":              {"vic", "halt", "--reason", "x"},
		"401 unauthorized":                       {"eve", "halt", "--reason", "x"},
		"400 missing_field (reason)":             {"ada", "halt", "--reason", " "},
	} {
		out, errs := s.as(t, call[0], exitRefused, call[1:]...)
		require.Contains(t, errs, want)
		require.Empty(t, out)
	}
}

func TestACommandSaidWronglyReachesNoService(t *testing.T) {
	for want, args := range map[string][]string{
		`required flag(s) "reason" not set`:      {"halt"},
		"accepts 1 arg(s), received 0":           {"exit", "--reason", "x"},
		`"12": write NAME=VALUE`:                 {"limits", "12"},
		`"a=2": write NAME=VALUE`:                {"limits", "a=1", "a=2"},
		`"id=2": write NAME=VALUE`:               {"limits", "id=2"},
		`AMOUNT "much"`:                          {"capital", "deposit", "much"},
		`FORMAT "two": a whole number`:           {"format", "raise", "two"},
		`FORMAT "0": a whole number`:             {"format", "raise", "0"},
		"raise asks a running service":           {"format", "raise", "2", "--data", "somewhere"},
		"halt asks a running service and writes": {"halt", "--reason", "x", "--data", "somewhere"},
	} {
		out, errs := pmctl(t, exitFailed, args...)
		require.Contains(t, errs, want)
		require.Empty(t, out)
	}
}

func TestACommandWithoutAnAnswerSaysHowToSayItAgain(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"whether it was recorded is not known": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"504 outcome_unknown": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusGatewayTimeout)
			_, _ = io.WriteString(w, `{"error":{"code":"outcome_unknown","message":"who knows"}}`)
		},
	}
	for want, handler := range answers {
		var sent struct{ ID, Reason string }
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
				t.Error(err)
			}
			handler(w, r)
		}))
		defer s.Close()
		_, errs := pmctl(t, exitFailed, "halt", "--reason", "smoke", "--server", s.URL)
		require.Contains(t, errs, want)
		require.Len(t, sent.ID, 36)
		require.Contains(t, errs, "--id "+sent.ID)
		require.Equal(t, "smoke", sent.Reason)
	}
}

func TestATokenComesFromTheFlagOrTheEnvironment(t *testing.T) {
	s := staffed(t)
	tool := newTool("")
	tool.c.env = func(name string) string {
		return map[string]string{"PM_TOKEN": "olga's token", "PM_SERVER": s.URL}[name]
	}
	require.Equal(t, exitFine, tool.run("reduce", "--reason", "x"), tool.errs.String())
	require.Contains(t, tool.out.String(), "done by olga")
	require.Equal(t, exitRefused, tool.run("reduce", "--reason", "x", "--token", "another"), "the flag goes before")
	require.NotContains(t, tool.errs.String(), "another", "a token is never printed")
}

func TestCompletionOffersThePositionsThatAreHeld(t *testing.T) {
	s := staffed(t)
	s.pyramid(t)
	out, _ := pmctlReal(t, exitFine, "__complete", "exit", "--server", s.URL, "--token", "vic's token", "")
	require.Contains(t, out, "BANK_NIFTY-1-Long_1\n")
}
