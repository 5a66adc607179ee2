package abuse

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/api"
	"pm/domain"
)

func TestWhoeverDoesNotKnowTheSecretHearsOneAnswerAndLeavesNoTrace(t *testing.T) {
	p := start(t, "")
	before := len(p.history())
	sound := base("")
	bearer := "Bearer " + secret
	one := ""
	for name, a := range map[string]answer{
		"no secret":                   p.stranger(sound),
		"an empty secret":             p.stranger(base(`,"secret":""`)),
		"a wrong secret":              p.stranger(base(`,"secret":"wrong"`)),
		"all but its last letter":     p.stranger(base(`,"secret":"` + secret[:len(secret)-1] + `"`)),
		"a letter more":               p.stranger(base(`,"secret":"` + secret + `x"`)),
		"in capitals":                 p.stranger(base(`,"secret":"` + strings.ToUpper(secret) + `"`)),
		"in a list":                   p.stranger(base(`,"secret":["` + secret + `"]`)),
		"in an inner object":          p.stranger(base(`,"auth":{"secret":"` + secret + `"}`)),
		"under another name":          p.stranger(base(`,"Secret":"` + secret + `"`)),
		"twice":                       p.stranger(base(`,"secret":"x","secret":"` + secret + `"`)),
		"as basic authentication":     p.stranger(sound, "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("pm:"+secret))),
		"in a header of another name": p.stranger(sound, "X-Api-Key", secret),
		"a second header":             p.stranger(sound, "Authorization", "Bearer wrong", "Authorization", bearer),
		"as a cookie":                 p.stranger(sound, "Cookie", "secret="+secret),
		"faulty, and no secret":       p.stranger(`{"type":"BUY"`),
		"an exit":                     p.stranger(exit("BANK_NIFTY", "")),
	} {
		explained(t, name, a, http.StatusUnauthorized, "unauthorized")
		text := strings.ReplaceAll(a.body, a.read.RequestID, "")
		if one == "" {
			one = text
		}
		require.Equal(t, one, text, "%s: every cause has the same answer", name)
	}
	query, err := p.send(http.MethodPost, "/webhook?secret="+secret, sound)
	require.NoError(t, err)
	explained(t, "in the URL", query, http.StatusUnauthorized, "unauthorized")
	require.Len(t, p.history(), before)
	require.Equal(t, "accepted", p.post(sound).read.Status, "refusals have not burned the signal")
}

func TestAForgedAddressOpensNothingAndHidesNobody(t *testing.T) {
	p := start(t, "http: {allow: [10.1.0.0/16]}\n")
	before := len(p.history())
	forged := []string{"X-Forwarded-For", "10.1.2.3", "X-Real-IP", "10.1.2.3", "Forwarded", "for=10.1.2.3", "True-Client-IP", "10.1.2.3"}
	for i := 0; i < len(forged); i += 2 {
		explained(t, forged[i], p.post(base(""), forged[i:i+2]...), http.StatusUnauthorized, "unauthorized")
	}
	limited := 0
	for i := range api.FailureBurst + 20 {
		a := p.stranger(base(""), "X-Forwarded-For", fmt.Sprintf("10.1.%d.%d", i/256, i%256))
		if a.status == http.StatusServiceUnavailable {
			explained(t, "limited", a, http.StatusServiceUnavailable, "rate_limited")
			limited++
			continue
		}
		explained(t, "refused", a, http.StatusUnauthorized, "unauthorized")
	}
	require.Positive(t, limited, "a new address in a header is no new budget")
	require.Len(t, p.history(), before)
}

func TestAGuesserCannotLockOutWhoSendsTheSecretInItsHeader(t *testing.T) {
	p := start(t, "")
	limited := 0
	for range api.FailureBurst * 2 {
		if p.stranger(base(`,"secret":"guess"`)).status == http.StatusServiceUnavailable {
			limited++
		}
	}
	require.Positive(t, limited)
	require.Equal(t, "accepted", p.post(base("")).read.Status)
	require.Equal(t, http.StatusOK, p.post(exit("BANK_NIFTY", "")).status)
}

func TestARequestReplayedAHundredTimesActsOnce(t *testing.T) {
	p := start(t, "")
	body := base(`,"id":"replayed"`)
	var mu sync.Mutex
	heard := map[string]int{}
	revisions := map[uint64]bool{}
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			a, err := p.send(http.MethodPost, "/webhook", body, "Authorization", "Bearer "+secret)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || a.status != http.StatusOK {
				t.Errorf("%d %v %s", a.status, err, a.body)
				return
			}
			heard[a.read.Status]++
			revisions[max(a.read.Revision, a.read.First)] = true
		})
	}
	wg.Wait()
	require.Equal(t, map[string]int{"accepted": 1, "duplicate": 99}, heard)
	require.Len(t, revisions, 1, "all hear of the same revision")
	require.Equal(t, 1, orders(p.history(), "BUY"))
	require.Equal(t, 0, p.Stop())

	events := p.history()
	require.Equal(t, 1, count(events, "SignalReceived"), "a replay appends nothing")
	require.Equal(t, 1, orders(events, "BUY"))
}

// orders counts the orders of a side.
func orders(events []domain.Recorded, side string) int {
	n := 0
	for _, e := range events {
		if o, ok := e.Event.(*domain.OrderInitialized); ok && o.Side == side {
			n++
		}
	}
	return n
}
