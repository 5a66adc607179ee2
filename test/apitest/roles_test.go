package apitest

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/api"
)

func token(name string, role api.Role) api.Token {
	return api.Token{Name: name, Role: role, Digest: sha256.Sum256([]byte(name + "'s token"))}
}

// staffed has a token of each role: vic reads, olga operates, ada administers.
func staffed(s *setup) {
	s.api.Tokens = []api.Token{token("vic", api.Viewer), token("olga", api.Operator), token("ada", api.Admin)}
}

func as(name string) []string {
	return []string{"Authorization", "Bearer " + name + "'s token", "Content-Type", "application/json"}
}

// route is one address with the least role that may use it.
type route struct {
	method, path string
	role         api.Role
}

// guardedRoutes are all addresses that want a role; a test holds the list against the OpenAPI document.
var guardedRoutes = []route{
	{"GET", "/", api.Viewer}, {"GET", "/api/v1/portfolio", api.Viewer}, {"GET", "/api/v1/positions", api.Viewer},
	{"GET", "/api/v1/positions/x", api.Viewer}, {"GET", "/api/v1/pyramids", api.Viewer}, {"GET", "/api/v1/orders", api.Viewer},
	{"GET", "/api/v1/orders/x", api.Viewer}, {"GET", "/api/v1/signals", api.Viewer}, {"GET", "/api/v1/signals/x", api.Viewer},
	{"GET", "/api/v1/events", api.Viewer}, {"GET", "/api/v1/state", api.Viewer}, {"GET", "/api/v1/limits", api.Viewer},
	{"GET", "/api/v1/trades", api.Viewer}, {"GET", "/api/v1/openapi.json", api.Viewer}, {"GET", "/api/v1/explain/x", api.Viewer}, {"GET", "/api/v1/instances", api.Viewer}, {"GET", "/api/v1/recovery", api.Viewer},
	{"GET", "/api/v1/events/stream?from=99", api.Viewer},
	{"POST", "/api/v1/halt", api.Operator}, {"POST", "/api/v1/reduce", api.Operator}, {"POST", "/api/v1/resume", api.Operator},
	{"POST", "/api/v1/positions/x/exit", api.Operator}, {"POST", "/api/v1/exits/x/withdraw", api.Operator},
	{"POST", "/api/v1/close-all", api.Operator}, {"POST", "/api/v1/capital", api.Admin}, {"POST", "/api/v1/limits", api.Admin},
	{"POST", "/api/v1/differences/x/accept", api.Operator}, {"GET", "/api/v1/format", api.Viewer}, {"POST", "/api/v1/format/raise", api.Admin},
}

func TestEveryRouteTakesTheTokensOfItsRoleAndAboveAndNoOther(t *testing.T) {
	now := time.Date(2026, 1, 5, 4, 0, 0, 0, time.UTC)
	r := start(t, staffed, func(s *setup) { s.api.Now = func() time.Time { return now } })
	holders := map[string]api.Role{"vic": api.Viewer, "olga": api.Operator, "ada": api.Admin}
	for _, at := range guardedRoutes {
		for name, headers := range map[string][]string{
			"none": {"Content-Type", "application/json"}, "wrong": as("eve"), "empty": {"Authorization", "Bearer "},
		} {
			a := r.do(at.method, at.path, "[]", headers...)
			require.Equal(t, http.StatusUnauthorized, a.status, "%s %s with %s", at.method, at.path, name)
			require.Equal(t, "unauthorized", a.at("error.code"))
			now = now.Add(api.FailureRefill) // sixty refusals at once from one address would be answered 503
		}
		for name, role := range holders {
			a := r.do(at.method, at.path, "[]", as(name)...)
			require.NotEqual(t, http.StatusUnauthorized, a.status, "%s %s", name, at.path)
			if role < at.role {
				require.Equal(t, http.StatusForbidden, a.status, "%s %s", name, at.path)
				require.Equal(t, "forbidden", a.at("error.code"))
				require.Contains(t, a.at("error.message"), at.role.String())
				continue
			}
			require.NotEqual(t, http.StatusForbidden, a.status, "%s %s", name, at.path)
			if at.method == http.MethodPost {
				require.Equal(t, http.StatusBadRequest, a.status, "let in, and the body is no object: %s", a.body)
			}
		}
	}
	require.Equal(t, "1", r.get("/api/v1/portfolio", as("vic")...).at("revision"), "nothing was recorded")
}

func TestAWebhookSecretIsNoTokenAndATokenNoSecret(t *testing.T) {
	r := start(t, staffed, guarded)
	require.Equal(t, http.StatusUnauthorized, r.get("/api/v1/portfolio", "Authorization", "Bearer new secret").status)
	require.Equal(t, http.StatusUnauthorized, r.post(base(""), as("ada")...).status)
	require.Equal(t, http.StatusOK, r.post(base(`,"secret":"new secret"`)).status)
}

func TestWithSecretsAndNoTokensReadsAreOpenToThemAndCommandsToNobody(t *testing.T) {
	r := start(t, guarded)
	bearer := []string{"Authorization", "Bearer new secret", "Content-Type", "application/json"}
	require.Equal(t, http.StatusOK, r.get("/api/v1/portfolio", bearer...).status)
	a := r.do("POST", "/api/v1/halt", `{"reason":"x"}`, bearer...)
	require.Equal(t, http.StatusForbidden, a.status)
	require.Contains(t, a.at("error.message"), "api.tokens")
}

func TestAPasswordOfABrowserReadsAndCommandsNothing(t *testing.T) {
	r := start(t, staffed)
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("anybody:ada's token"))
	require.Equal(t, http.StatusOK, r.get("/", "Authorization", basic).status)
	a := r.do("POST", "/api/v1/halt", `{"reason":"x"}`, "Authorization", basic, "Content-Type", "application/json")
	require.Equal(t, http.StatusUnauthorized, a.status)
}

func TestWithoutSecretsAndTokensCommandsAreForThisMachineOnly(t *testing.T) {
	r := start(t)
	json := []string{"Content-Type", "application/json"}
	halt := func(headers ...string) reply {
		return r.do("POST", "/api/v1/halt", `{"reason":"x"}`, append(headers, json...)...)
	}
	require.Equal(t, http.StatusForbidden, halt("X-Forwarded-For", "1.2.3.4").status, "a proxy passed it on")
	require.Equal(t, http.StatusForbidden, halt("Forwarded", "for=1.2.3.4").status)
	require.Equal(t, http.StatusUnauthorized, halt("Origin", "https://evil.example").status)
	require.Equal(t, http.StatusUnauthorized, halt("Host", "evil.example").status)
	a := halt()
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, "local", a.at("by"))
}
