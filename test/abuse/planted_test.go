package abuse

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/test/programs"
)

// token is an operator's, planted beside the secret.
const token = "operators-own-key-6d1f3c"

// disguises are the forms in which a secret could come to light.
func disguises(planted string) map[string]string {
	return map[string]string{
		"as it is":          planted,
		"reversed case":     strings.ToUpper(planted),
		"in hex":            hex.EncodeToString([]byte(planted)),
		"in base64":         base64.RawStdEncoding.EncodeToString([]byte(planted))[:16],
		"as basic password": base64.RawStdEncoding.EncodeToString([]byte("pm:" + planted))[4:20],
		"in a URL":          url.QueryEscape(planted),
		"its middle":        planted[4 : len(planted)-4],
	}
}

// clean holds a text against every disguise.
func clean(t *testing.T, where, text string) {
	t.Helper()
	for what, planted := range map[string]string{"secret": secret, "token": token} {
		for how, form := range disguises(planted) {
			// A failure prints no text: it is long, and it holds what must not come to light.
			require.False(t, strings.Contains(text, form), "the %s %s in %s", what, how, where)
		}
	}
}

// carriers are requests that carry the secret in every place where people put one: right, wrong, broken, too large.
func carriers() []string {
	in := `,"secret":"` + secret + `"`
	escaped := `,"s\u0065cret":"` + strings.Replace(secret, "c", `\u0063`, 1) + `"`
	return []string{
		base(in), base(escaped + `,"id":"one"`), base(escaped + `,"id":"one"`), // the last is a duplicate
		base(`,"price":1` + in), put("price", `"a price"`+in), put("er", `7`+in), // faults of form beside it
		base(in + in), base(in)[:len(base(in))-3], base(in) + base(in), `{"secret":"` + secret, `"` + secret + `"`, // broken
		base(`,"secret":["` + secret + `"]`), base(`,"secret":{"a":"` + secret + `"}`), // of no use
		base(in + strings.Repeat(" ", maxBody)),
		exit("BANK_NIFTY", in), exit("NOBODY_KNOWS", in), `{"type":"EXIT","instrument":"BANK_NIFTY","position":"perhaps"` + in + `}`,
	}
}

func TestThePlantedSecretComesToLightNowhere(t *testing.T) {
	p := start(t, "log: {level: debug}\napi: {tokens: [{name: olga, role: operator, token: "+token+"}]}\n")
	bearer := []string{"Authorization", "Bearer " + secret}
	basic := []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("pm:"+secret))}
	statuses := map[int]int{}
	for i, body := range carriers() {
		for _, headers := range [][]string{nil, bearer, basic, {"Authorization", "Digest " + secret}, {"X-Request-Id", secret + "!"}} {
			a, err := p.send(http.MethodPost, "/webhook?secret="+secret, body, headers...)
			require.NoError(t, err)
			clean(t, fmt.Sprintf("the answer to carrier %d", i), a.body+fmt.Sprint(a.header))
			statuses[a.status]++
		}
	}
	for _, status := range []int{http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusRequestEntityTooLarge} {
		require.Positive(t, statuses[status], "the carriers reach every arm: %v", statuses)
	}
	for _, path := range []string{
		"/", "/readyz", "/livez", "/metrics", "/api/v1/portfolio", "/api/v1/positions?status=all", "/api/v1/pyramids", "/api/v1/orders", "/api/v1/signals",
		"/api/v1/signals/one", "/api/v1/trades", "/api/v1/events?limit=1000", "/api/v1/state", "/api/v1/instances", "/api/v1/recovery", "/api/v1/nothing",
		"/api/v1/explain/one", "/api/v1/openapi.json", "/api/v1/limits",
	} {
		for _, headers := range [][]string{nil, bearer, basic, {"Authorization", "Bearer " + token}} {
			a, err := p.send(http.MethodGet, path, "", headers...)
			require.NoError(t, err)
			clean(t, path, a.body+fmt.Sprint(a.header))
		}
	}
	p.commands()
	p.tools()
	require.Equal(t, 0, p.Stop())
	p.files()
}

// commands are given with the right token and wrong ones; the log says who asked and not with what.
func (p *program) commands() {
	t := p.T.(*testing.T)
	for _, key := range []string{token, token + "x", secret, ""} {
		for _, body := range []string{`{"reason":"a test"}`, `{"reason":"a test","token":"` + token + `"}`, `{"token":`, `{"reason":7}`} {
			for _, path := range []string{"reduce", "resume", "close-all", "capital", "positions/x/exit"} {
				a, err := p.send(http.MethodPost, "/api/v1/"+path+"?token="+token, body, "Authorization", "Bearer "+key, "Content-Type", "application/json")
				require.NoError(t, err)
				clean(t, path, a.body+fmt.Sprint(a.header))
			}
		}
	}
	events := p.history()
	require.Equal(t, 2, count(events, "TradingStateChanged"), "one to reduce and one to resume")
}

// tools asks pmctl for everything that it tells from the log, and pm for its settings.
func (p *program) tools() {
	t := p.T.(*testing.T)
	pm, ctl := programs.Build(t, p.Version)
	export := filepath.Join(p.Dir, "export.jsonl")
	for _, args := range [][]string{
		{ctl, "--data", p.Data(), "replay"}, {ctl, "--data", p.Data(), "replay", "-o", "json"}, {ctl, "--data", p.Data(), "replay", "--state"},
		{ctl, "--data", p.Data(), "signals"}, {ctl, "--data", p.Data(), "log", "info"}, {ctl, "--data", p.Data(), "log", "export", export},
		{pm, "--config", p.Config, "--data", p.Data(), "--print-config"},
	} {
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		require.NoError(t, err, "%v: %s", args[1:], out)
		require.NotEmpty(t, out, args[1:])
		clean(t, strings.Join(args[1:], " "), string(out))
	}
}

// files reads every byte that the program left behind but the configuration in which the secret was given.
func (p *program) files() {
	t := p.T.(*testing.T)
	read := 0
	require.NoError(t, filepath.WalkDir(p.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "pm.yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		clean(t, path, string(text))
		read++
		return err
	}))
	require.Greater(t, read, 2, "the log, the book and what was said are files")
	said, err := os.ReadFile(p.Stderr(p.Started))
	require.NoError(t, err)
	require.Contains(t, string(said), "level=WARN", "the log has spoken of refusals")
	require.Contains(t, string(said), "level=INFO", "and of the rest")
}
