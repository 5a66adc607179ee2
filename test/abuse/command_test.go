package abuse

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain"
)

const staff = "api: {tokens: [{name: olga, role: operator, token: " + token + "}, {name: ada, role: admin, token: " + adminToken + "}]}\n"

const adminToken = "administrators-own-key-91ab"

// command says something with a token.
func (p *program) command(key, path, body string) answer {
	p.T.Helper()
	a, err := p.send(http.MethodPost, "/api/v1/"+path, body, "Authorization", "Bearer "+key, "Content-Type", "application/json")
	require.NoError(p.T, err)
	return a
}

func TestACommandWithAFaultOfFormIsRefusedWithWordsAndLeavesNoTrace(t *testing.T) {
	p := start(t, staff)
	before := len(p.history())
	for name, c := range map[string]struct {
		path, body, code, field string
		status                  int
	}{
		"nothing":                 {"halt", ``, "missing_field", "reason", 400},
		"no object":               {"halt", `["x"]`, "bad_json", "", 400},
		"two values":              {"halt", `{"reason":"x"}{"reason":"y"}`, "bad_json", "", 400},
		"a key twice":             {"halt", `{"reason":"x","reason":"y"}`, "bad_json", "", 400},
		"invalid UTF-8":           {"halt", "{\"reason\":\"\xff\"}", "bad_json", "", 400},
		"7,000 deep":              {"halt", `{"reason":` + strings.Repeat("[", 7000) + strings.Repeat("]", 7000) + `}`, "invalid_field", "reason", 400},
		"a member of no meaning":  {"halt", `{"reason":"x","until":"noon"}`, "invalid_field", "until", 400},
		"a reason of white space": {"halt", `{"reason":" \t"}`, "missing_field", "reason", 400},
		"a reason of two lines":   {"halt", `{"reason":"x\nlevel=INFO"}`, "invalid_field", "reason", 400},
		"a dry run of text":       {"close-all", `{"reason":"x","dry_run":"false"}`, "invalid_field", "dry_run", 400},
		"NaN rupees":              {"capital", `{"id":"1","type":"deposit","amount":"NaN"}`, "invalid_field", "amount", 400},
		"a huge exponent":         {"capital", `{"id":"1","type":"deposit","amount":1e999999999}`, "invalid_field", "amount", 400},
		"no amount":               {"capital", `{"id":"1","type":"deposit"}`, "missing_field", "amount", 400},
		"money without an id":     {"capital", `{"type":"deposit","amount":1}`, "missing_field", "id", 400},
		"a gift":                  {"capital", `{"id":"1","type":"gift","amount":1}`, "invalid_field", "type", 400},
		"a limit that is a list":  {"limits", `{"base_risk_percent":[15]}`, "invalid_field", "base_risk_percent", 400},
		"a format of text":        {"format/raise", `{"to":"2"}`, "invalid_field", "to", 400},
		"a format and a bit":      {"format/raise", `{"to":2.5}`, "invalid_field", "to", 400},
		"a format below any":      {"format/raise", `{"to":0}`, "invalid_field", "to", 400},
		"no format":               {"format/raise", `{}`, "missing_field", "to", 400},
		"no limits":               {"limits", `{}`, "missing_field", "limits", 400},
		"16 KiB and more":         {"halt", `{"reason":"` + strings.Repeat("x", maxBody) + `"}`, "too_large", "", 413},
	} {
		t.Run(name, func(t *testing.T) {
			a := p.command(adminToken, c.path, c.body)
			explained(t, name, a, c.status, c.code)
			require.Equal(t, c.field, a.read.Error.Field, a.body)
		})
	}
	page, err := p.send(http.MethodPost, "/api/v1/halt", `{"reason":"x"}`, "Authorization", "Bearer "+adminToken, "Content-Type", "text/plain")
	require.NoError(t, err)
	require.Equal(t, http.StatusUnsupportedMediaType, page.status, "what a page in a browser may send without asking is not taken")
	require.Len(t, p.history(), before, "faults of form leave no trace")
}

func TestACommandReplayedAHundredTimesMovesMoneyOnce(t *testing.T) {
	p := start(t, staff)
	body := `{"id":"pay-day","type":"deposit","amount":"250000.25"}`
	var wg sync.WaitGroup
	var mu sync.Mutex
	heard := map[string]int{}
	for range 100 {
		wg.Go(func() {
			a, err := p.send(http.MethodPost, "/api/v1/capital", body, "Authorization", "Bearer "+adminToken, "Content-Type", "application/json")
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			heard[fmt.Sprint(a.status, strings.Contains(a.body, `"repeated":true`))]++
		})
	}
	wg.Wait()
	require.Equal(t, map[string]int{"200 false": 1, "200 true": 99}, heard)
	require.Equal(t, http.StatusConflict, p.command(adminToken, "capital", strings.Replace(body, "0.25", "0.26", 1)).status)
	require.Equal(t, http.StatusForbidden, p.command(token, "capital", body).status, "an operator moves no money")
	require.Equal(t, 0, p.Stop())
	sum := domain.Decimal{}
	for _, e := range p.history() {
		if d, ok := e.Event.(*domain.CapitalDeposited); ok {
			sum = sum.Add(d.Amount)
			require.Equal(t, "ada", d.By)
		}
	}
	require.Equal(t, "250000.25", sum.String())
}
