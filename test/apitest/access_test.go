package apitest

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pm/api"
	"pm/domain"
	"pm/projections"
)

func guarded(s *setup) { s.api.Secrets = []string{"old secret", "new secret"} }

func withoutIDs(a reply) string { return strings.ReplaceAll(a.body, a.at("request_id"), "") }

func TestEitherOfTwoSecretsOpensTheWebhookFromBodyOrHeader(t *testing.T) {
	r := start(t, guarded)
	for i, a := range []reply{
		r.post(base(`,"id":"1","secret":"old secret"`)), r.post(base(`,"id":"2","secret":"new secret"`)),
		r.post(base(`,"id":"3"`), "Authorization", "Bearer old secret"), r.post(base(`,"id":"4"`), "Authorization", "bearer new secret"),
		r.post(base(`,"id":"5","secret":"wrong"`), "Authorization", "Bearer new secret"),
	} {
		require.Equal(t, http.StatusOK, a.status, "%d: %s", i, a.body)
	}
	log := r.get("/api/v1/events", "Authorization", "Bearer new secret")
	require.Equal(t, http.StatusOK, log.status)
	require.Contains(t, log.body, "SignalReceived")
	require.NotContains(t, log.body, "secret", "no secret is ever stored")
}

func TestEveryRefusalIsTheSame(t *testing.T) {
	r := start(t, guarded)
	want := ""
	for name, a := range map[string]reply{
		"none":         r.post(base("")),
		"wrong":        r.post(base(`,"secret":"old secre"`)),
		"empty":        r.post(base(`,"secret":""`)),
		"a number":     r.post(base(`,"secret":7`)),
		"twice":        r.post(base(`,"secret":"old secret","secret":"old secret"`)),
		"wrong header": r.post(base(""), "Authorization", "Bearer wrong"),
		"other scheme": r.post(base(""), "Authorization", "Digest old secret"),
		"no JSON":      r.post(`no JSON`),
		"faulty":       r.post(`{"type":"BUY"}`),
	} {
		require.Equal(t, http.StatusUnauthorized, a.status, name)
		require.Equal(t, "unauthorized", a.at("error.code"), name)
		if want == "" {
			want = withoutIDs(a)
		}
		require.Equal(t, want, withoutIDs(a), name)
	}
	known := r.post(`{"type":"BUY","secret":"old secret"}`)
	require.Equal(t, http.StatusBadRequest, known.status, "who is known hears what is wrong")
}

func TestFaultsOfFormOfAKnownSenderAreNamedAndShutNobodyOut(t *testing.T) {
	r := start(t, guarded)
	faulty := []string{
		`{"secret":"old secret","type":"MARKET_DATA","instrument":"BANK_NIFTY","price":NaN}`,
		`{"type":"MARKET_DATA","instrument":"BANK_NIFTY","price":NaN,"secret":"new secret"}`,
		`{"secret":"old secret","type":"MARKET_DATA","price":{{close}}}`,
		`{"secret":"old secret","type":"MARKET_DATA"`,
	}
	for i := range api.FailureBurst + 5 {
		body := faulty[i%len(faulty)]
		a := r.post(body)
		require.Equal(t, http.StatusBadRequest, a.status, "%s: %s", body, a.body)
		require.Equal(t, "bad_json", a.at("error.details.0.code"), body)
		require.NotContains(t, a.body, " secret", "nothing of the body's secret comes back")
	}
	require.Equal(t, "rejected", r.post(`{"type":"EXIT","instrument":"BANK_NIFTY","position":"ALL","secret":"old secret"}`).at("status"), "the exit is heard")
}

func TestAWrongSecretInABodyThatIsNotJSONIsAFailureLikeAnyOther(t *testing.T) {
	now := time.Date(2026, 1, 5, 4, 0, 0, 0, time.UTC)
	r := start(t, guarded, func(s *setup) { s.api.Now = func() time.Time { return now } })
	want := withoutIDs(r.post(base("")))
	bodies := []string{
		`{"secret":"wrong","price":NaN}`, `{"secret":"old secret","secret":"old secret","price":NaN}`, `{"price":NaN}`,
		`{"secret":"old secret","price":NaN,"secret":"wrong"}`, `{"secret":"old secre`,
	}
	for i := range api.FailureBurst - 1 {
		a := r.post(bodies[i%len(bodies)])
		require.Equal(t, http.StatusUnauthorized, a.status, a.body)
		require.Equal(t, want, withoutIDs(a))
	}
	a := r.post(`{"secret":"old secret","price":NaN}`)
	require.Equal(t, http.StatusServiceUnavailable, a.status, "who has failed too often learns nothing of any body")
	require.Equal(t, "rate_limited", a.at("error.code"))
}

func TestAnEmptySecretInTheConfigurationOpensNothing(t *testing.T) {
	r := start(t, func(s *setup) { s.api.Secrets = []string{""} })
	require.Equal(t, http.StatusUnauthorized, r.post(base("")).status)
	require.Equal(t, http.StatusUnauthorized, r.post(base(`,"secret":""`)).status)
}

func TestReadsWantASecretOnceThereIsOne(t *testing.T) {
	r := start(t, guarded)
	for _, path := range []string{"/api/v1/portfolio", "/api/v1/state", "/api/v1/signals/x", "/"} {
		a := r.get(path)
		require.Equal(t, http.StatusUnauthorized, a.status, path)
		require.Contains(t, a.header.Get("WWW-Authenticate"), "Basic", "a browser can ask for it")
		require.NotEqual(t, http.StatusUnauthorized, r.get(path, "Authorization", "Bearer new secret").status, path)
	}
	req := r.get("/", "Authorization", "Basic "+"YW55Ym9keTpvbGQgc2VjcmV0") // anybody:old secret
	require.Equal(t, http.StatusOK, req.status)
}

func TestHealthAnswersEverybodyAndTellsAlarmsOnlyToReaders(t *testing.T) {
	r := start(t, guarded)
	exit := `{"type":"EXIT","instrument":"BANK_NIFTY","position":"some","secret":"old secret"}`
	require.Equal(t, "rejected", r.post(exit).at("status"))
	a := r.get("/readyz")
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, "1", a.at("alarm_count"))
	require.Equal(t, "<none>", r.get("/livez").at("alarm_count"), "nobody counted there, and 0 would say that all is well")
	require.Equal(t, "<none>", a.at("alarms"))
	told := r.get("/readyz", "Authorization", "Bearer old secret")
	require.Equal(t, "unclear_exit", told.at("alarms.0.code"))
	require.Equal(t, domain.Alarms["unclear_exit"], told.at("alarms.0.message"))
}

func TestAPeerThatKeepsFailingIsToldToWait(t *testing.T) {
	now := time.Date(2026, 1, 5, 4, 0, 0, 0, time.UTC)
	r := start(t, guarded, func(s *setup) { s.api.Now = func() time.Time { return now } })
	for i := range api.FailureBurst {
		require.Equal(t, http.StatusUnauthorized, r.post(`{"type":"EXIT"}`).status, "%d", i)
	}
	a := r.post(base(`,"secret":"old secret"`))
	require.Equal(t, http.StatusServiceUnavailable, a.status, "beyond the limit nothing is parsed")
	require.Equal(t, "rate_limited", a.at("error.code"))
	require.Equal(t, "1", a.header.Get("Retry-After"))
	require.Equal(t, http.StatusServiceUnavailable, r.get("/api/v1/portfolio").status)
	require.Equal(t, http.StatusBadRequest, r.post(`{`, "Authorization", "Bearer old secret").status, "a secret in the header passes")
	now = now.Add(api.FailureRefill)
	require.Equal(t, http.StatusUnauthorized, r.post(`{"type":"EXIT"}`).status, "one is given back")
	require.Equal(t, http.StatusServiceUnavailable, r.post(`{"type":"EXIT"}`).status)
}

func TestWithoutASecretNoNumberOfSignalsIsTooMany(t *testing.T) {
	r := start(t)
	for range api.FailureBurst + 10 {
		require.Equal(t, http.StatusBadRequest, r.post(`{`).status)
	}
	require.Equal(t, http.StatusOK, r.post(base("")).status)
}

func TestAPageOfAnotherSiteCannotPostThroughABrowser(t *testing.T) {
	r := start(t)
	for _, headers := range [][]string{
		{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Host", "evil.example:8080"},
	} {
		require.Equal(t, http.StatusUnauthorized, r.post(base(""), headers...).status, headers)
	}
	require.Equal(t, http.StatusUnauthorized, r.get("/api/v1/state", "Host", "evil.example").status, "nor read under another name")
	for i, host := range []string{"localhost:8080", "127.0.0.1", "[::1]:8080", "LOCALHOST"} {
		require.Equal(t, http.StatusOK, r.post(base(fmt.Sprintf(`,"id":"%d"`, i)), "Host", host).status, host)
	}
}

func TestOnlyListedAddressesSendAndAProxyIsBelievedOnlyIfTrusted(t *testing.T) {
	chart := netip.MustParsePrefix("52.89.214.238/32")
	loopback := netip.MustParsePrefix("127.0.0.0/8")
	hop := netip.MustParsePrefix("10.0.0.0/8")
	r := start(t, func(s *setup) { s.api.AllowCIDRs = []netip.Prefix{chart} })
	require.Equal(t, http.StatusUnauthorized, r.post(base(""), "X-Forwarded-For", "52.89.214.238").status, "anybody can write a header")
	require.Equal(t, http.StatusOK, r.get("/api/v1/portfolio").status, "the list is for senders")

	r = start(t, func(s *setup) {
		s.api.AllowCIDRs, s.api.TrustedProxies = []netip.Prefix{chart}, []netip.Prefix{loopback, hop}
	})
	for header, want := range map[string]int{
		"52.89.214.238":             http.StatusOK,
		"52.89.214.238, 10.1.2.3":   http.StatusOK,
		"1.2.3.4, 52.89.214.238":    http.StatusOK,
		"52.89.214.238, 1.2.3.4":    http.StatusUnauthorized,
		"52.89.214.238, nonsense":   http.StatusUnauthorized,
		"::ffff:52.89.214.238":      http.StatusOK,
		"":                          http.StatusUnauthorized,
		"52.89.214.238, 52.89.1.99": http.StatusUnauthorized,
	} {
		require.Equal(t, want, r.post(base(fmt.Sprintf(`,"id":%q`, "x"+header)), "X-Forwarded-For", header).status, header)
	}
}

func TestOnlySoManyReadsLookAtTheStateAtATime(t *testing.T) {
	r := start(t)
	inside, leave := make(chan struct{}, api.MaxReaders+1), make(chan struct{})
	deps := r.deps
	deps.Query = func(ctx context.Context, _ func(*domain.State, projections.Head)) error {
		inside <- struct{}{}
		select {
		case <-leave:
		case <-ctx.Done():
		}
		return api.ErrStopped
	}
	r.api.Activate(deps)
	answers := make(chan int, api.MaxReaders)
	for range api.MaxReaders {
		go func() { answers <- r.get("/api/v1/portfolio").status }()
	}
	for range api.MaxReaders {
		<-inside
	}
	late := r.get("/readyz") // asks with a shorter patience than the others
	require.Equal(t, http.StatusServiceUnavailable, late.status)
	require.Contains(t, late.at("reasons.0"), "busy")
	require.Empty(t, inside, "the one too many did not get to the writer")
	close(leave)
	for range api.MaxReaders {
		require.Equal(t, http.StatusServiceUnavailable, <-answers)
	}
	r.api.Activate(r.deps)
	require.Equal(t, http.StatusOK, r.get("/readyz").status)
}
