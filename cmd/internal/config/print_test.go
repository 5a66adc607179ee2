package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func printed(t *testing.T, c *Config) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, c.Print(&out))
	return out.String()
}

func TestPrintShowsEachEffectiveValueWithItsSource(t *testing.T) {
	name := file(t, "risk:\n  peel_off: true\ninstruments: {BN1: {like: BANK_NIFTY, contract: BN1-FUT}}\n")
	text := printed(t, loaded(t, Sources{File: name, Env: []string{"PM_DATA=/srv/pm"}, Flags: map[string]string{"listen": "127.0.0.1:9"}}))
	for _, want := range []string{
		"data: /srv/pm # variable PM_DATA\n", `listen: "127.0.0.1:9" # flag --listen` + "\n", "  peel_off: true # " + name + " line 2\n",
		`  url: "sqlite:///srv/pm/log" # built-in default`, "  enforce_session: false # auto, built-in default",
		"  BN1:\n    exchange: NFO # like BANK_NIFTY\n    contract: BN1-FUT # " + name + " line 3\n", `      "2025-12-30": 30 # like BANK_NIFTY`,
	} {
		require.Contains(t, text, want)
	}
}

func TestWhatPrintWritesIsAFileOfTheSameMeaning(t *testing.T) {
	name := file(t, "instruments: {BN1: {like: BANK_NIFTY, contract: BN1-FUT, tick: {always: 1, 2026-01-01: 2}}}\nhttp: {allow: [10.0.0.0/8, '::1']}\n"+
		"data: '~/my data: \"x\" # y'\n")
	first := loaded(t, Sources{File: name})
	second := loaded(t, Sources{File: file(t, printed(t, first))})
	require.Equal(t, first.Decision(), second.Decision())
	require.Equal(t, first.Allow, second.Allow)
	require.Equal(t, first.Data, second.Data)
	require.Equal(t, first.EventStore, second.EventStore)
}

func TestASecretShowsItselfNowhere(t *testing.T) {
	const one, two = "correct-horse-battery", "staple, with a comma"
	c := loaded(t, Sources{File: file(t, fmt.Sprintf("webhook: {secrets: [%q, %q]}", one, two))})
	require.Equal(t, one, c.Secrets[0].Reveal())
	require.Equal(t, two, c.Secrets[1].Reveal())
	var out bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&out, nil))
	logger.Info("start", "secret", c.Secrets[0], "all", c.Secrets)
	slog.New(slog.NewTextHandler(&out, nil)).Info("start", "secret", c.Secrets[0], "all", c.Secrets)
	asJSON, err := json.Marshal(c.Secrets)
	require.NoError(t, err)
	asYAML, err := yaml.Marshal(c.Secrets)
	require.NoError(t, err)
	fmt.Fprintf(&out, "%s %s %v %+v %#v %q %x %d", asJSON, asYAML, c.Secrets, c.Secrets, c.Secrets[0], c.Secrets[0], c.Secrets[0], c.Secrets[0])
	text := out.String() + printed(t, c) + c.Secrets[0].String()
	require.Contains(t, text, `secrets: ["[redacted]", "[redacted]"]`)
	for _, bad := range []string{one, two, "staple", fmt.Sprintf("%x", one)} {
		require.NotContains(t, text, bad)
	}
}

func TestAProblemOfASecretDoesNotShowIt(t *testing.T) {
	text := complaints(t, "webhook: {secrets: [hush1, hush1, hush2]}\nwebhook.secrets: hush3\nlisten: 0.0.0.0:1", "PM_WEBHOOK_SECRETS=hush4,hush5,hush6")
	require.Contains(t, text, "webhook.secrets")
	require.NotContains(t, text, "hush")
}

func FuzzAFileIsReadOrRefusedAndPrintsAsItself(f *testing.F) {
	for _, seed := range []string{
		string(defaults), "", "risk: {peel_off: true}", "instruments: {A: {like: COPPER, contract: C}}", "a: &x [*x]", "instruments: {A: {like: A}}",
		"data: \"\\u0085\\n\"", "webhook: {secrets: [aaaaaaaaaaaaaaaaaaa]}", "broker: {url: 'paper:?fee=.5'}", "instruments.COPPER.tick: {always: 2}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		c, problems := build(parseYAML("built-in default", defaults), parseYAML("f", []byte(content)))
		if c == nil {
			require.NotEmpty(t, problems)
			return
		}
		if len(c.Secrets) > 0 {
			return // printed redacted: not the same file any more
		}
		again, problems := build(parseYAML("built-in default", defaults), parseYAML("printed", []byte(printed(t, c))))
		require.Empty(t, problems)
		require.Equal(t, c.Decision(), again.Decision())
		require.Equal(t, c.Data, again.Data)
		require.Equal(t, c.Listen, again.Listen)
	})
}
