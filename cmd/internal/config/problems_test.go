package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// complaints are the problems of a file with this content, as lines without the file's name.
func complaints(t *testing.T, content string, env ...string) string {
	t.Helper()
	name := file(t, content)
	c, problems := Load(Sources{File: name, Env: env})
	fatal := false
	var lines []string
	for _, p := range problems {
		lines = append(lines, strings.ReplaceAll(p.String(), name+" ", ""))
		fatal = fatal || !p.Warning
	}
	require.Equal(t, fatal, c == nil)
	return strings.Join(lines, "\n")
}

// TestEachMistakeIsNamedWithItsPlaceAndARemedy lists, for each rule, a file that breaks it and what the person reads.
func TestEachMistakeIsNamedWithItsPlaceAndARemedy(t *testing.T) {
	for content, want := range map[string]string{
		"risk: {sizing_equty: open}":                    "line 1: risk.sizing_equty: no such setting; did you mean risk.sizing_equity?",
		"rsk: {peel_off: true}":                         "did you mean risk.peel_off?",
		"zzzzzzzzzzzzzzzzzzzz: 1":                       "no such setting; pm --print-config lists all",
		"\nrisk.peel_off: maybe":                        `line 2: risk.peel_off: "maybe" is not true or false`,
		"risk: {max_margin_percent: 100.1}":             "is not a number from 0 to 100",
		"risk: {sizing_equity: all}":                    "is not one of closed, open, blended",
		"signals: {max_age: 5}":                         "is not a duration above zero, for example 30s or 5m",
		"signals: {enforce_session: perhaps}":           "is not true or false",
		"orders: {partial: [a, b]}":                     "is a list; write one value",
		"orders: {partial: }":                           "orders.partial: has no value; give one, or take the line out",
		"orders: {partial: cancel, partial: wait}":      "orders.partial: stands twice",
		"orders: {partial: wait}\norders.partial: wait": "line 2: orders.partial: is given twice, first in line 1",
		"a: &x 1\nb: *x":                                "anchors and aliases are not read",
		"- a":                                           "is not a set of keys and values",
		"a: b: c":                                       "mapping values are not allowed",
		"listen: 127.0.0.1:1\n---\nlisten: 127.0.0.1:2": "holds more than one document",
		"? [a]\n: 1":                                    "holds a key that is not plain text",
		"a: {b: {c: {d: {e: 1}}}}":                      "is nested too deep",
		"webhook: {secrets: [[a]]}":                     "holds something that is not plain text",
	} {
		require.Contains(t, complaints(t, content), want, content)
	}
}

func TestEachValueThatTheServiceCannotUseIsNamedWithARemedy(t *testing.T) {
	long := strings.Repeat("x", 64)
	for content, want := range map[string]string{
		"data: ''":                      "data: is empty; name a folder",
		"listen: 8080":                  "is not HOST:PORT, like 127.0.0.1:8080",
		"listen: 127.0.0.1:65536":       "is not HOST:PORT",
		"listen: :8080":                 "anybody could trade; set a secret, or listen on 127.0.0.1:8080",
		"listen: 192.168.1.5:8080":      "can be reached from outside",
		"webhook: {secrets: [1, 2, 3]}": "holds 3 secrets; at most 2 may live at once",
		"webhook: {secrets: ['']}":      "secret 1 is empty",
		"webhook: {secrets: [aaaaaaaaaaaaaaaa, aaaaaaaaaaaaaaaa]}":      "secret 2 is the same as one before",
		"webhook: {secrets: [aaaaaaaaaaaaaaa]}":                         "secret 1 is shorter than 16 bytes and can be guessed",
		"http: {allow: [here]}":                                         `http.allow: "here" is not an address or a network`,
		"log: {level: loud}":                                            "is not debug, info, warn or error",
		"log: {format: xml}":                                            "is not text or json",
		"portfolio: {id: Main}":                                         "is not 1 to 64 small letters",
		"portfolio: {id: x" + long + "}":                                "is not 1 to 64 small letters",
		"portfolio: {initial_capital: 0}":                               "is not an amount of rupees above 0",
		"portfolio: {initial_capital: 1e6}":                             "is not an amount of rupees above 0",
		"portfolio: {initial_capital: 1000000000000}":                   "with at most 12 digits before",
		"portfolio: {currency: USD}":                                    "this release keeps its books in INR",
		"eventstore: {url: 'esdb://u:secret@x?tls=false'}":              "esdb://u:[redacted]@x?tls=false: user and password would not be sent with tls=false",
		"eventstore: {url: 'esdb://x?tsl=false'}":                       `"tsl" is no setting`,
		"eventstore: {url: 'sqlite://'}":                                `"sqlite:" is not sqlite://DIR, esdb://USER:PASSWORD@HOST:PORT or memory:`,
		"eventstore: {url: 'http://u:secret@x'}":                        `"http:" is not sqlite://DIR`,
		"snapshot: {url: 'mysql://user:pw@h/db'}":                       `snapshot.url: "mysql:" is not sqlite://DIR, postgres://`,
		"snapshot: {url: 'postgres://user:pw@/db'}":                     "snapshot.url: is not postgres://USER:PASSWORD@HOST:PORT/DATABASE",
		"{eventstore: {url: 'memory:'}, snapshot: {url: 'sqlite://x'}}": "the log is in memory and ends with the process",
		"nats: {url: embedded}":                                         "comes with a later release; write none",
		"ha: {enabled: true}":                                           "the embedded log cannot be shared",
		"ha: {enabled: x}":                                              `"x" is not true or false`,
		"broker: {url: 'openalgo+http://h:5000'}":                       "OpenAlgo comes with a later release; write paper:",
		"broker: {url: 'ib://h'}":                                       "is no broker of this release; write paper:",
		"broker: {url: 'paper:x'}":                                      "paper: takes options only",
		"broker: {url: 'paper:?fees=1'}":                                `the paper broker has no option "fees"; did you mean fee?`,
		"broker: {url: 'paper:?fee=1'}":                                 "write a fraction from 0 to below 1",
		"broker: {url: 'paper:?fee=0.0000001'}":                         "with at most 6 digits after the point",
		"broker: {url: 'paper:?fee=0.1&fee=0.2'}":                       "the option fee is given 2 times",
		"broker: {url: 'paper:?delay=25h'}":                             "write a duration from 0s to 24h",
		"broker: {url: 'paper:?reject_every=-1'}":                       "write a whole number from 0",
		"broker: {url: 'paper:?seed=a'}":                                "write a whole number from 0",
		"broker: {url: 'paper:?%zz'}":                                   "write options like",
	} {
		require.Contains(t, complaints(t, content), want, content)
	}
}

func TestEachMistakeInTheTableOfInstrumentsIsNamedWithARemedy(t *testing.T) {
	for content, want := range map[string]string{
		"instruments: {bank_nifty: {tick: 1}}":                 "is written in capitals",
		"instruments: {BANK_NIFTY: 5}":                         "an instrument is a row of attributes",
		"instruments: {BANK_NIFTY: {tik: 5}}":                  "an instrument has no tik; did you mean tick?",
		"instruments: {BANK_NIFTY: {tick: 0}}":                 "line 1: instruments.BANK_NIFTY.tick: \"0\" is not a number above zero",
		"instruments: {BANK_NIFTY: {max_pyramids: 6}}":         "is not a whole number from 0 to 5",
		"instruments: {BANK_NIFTY: {lot_size: {tomorrow: 5}}}": `"tomorrow" is not a day like 2025-12-30`,
		"instruments: {NEW: {tick: 1}}":                        "line 1: instruments.NEW.contract: is missing; give it, or copy it from another row with `like: NAME`",
		"instruments: {A: {like: B, contract: A}}":             "there is no row B; there are A, BANK_NIFTY",
		"instruments: {A: {like: B}, B: {like: A}}":            "copies itself by way of",
		"instruments: {A: {like: COPPER}}":                     "COPPER-FUT is the contract of A already; give each instrument a contract of its own",
	} {
		require.Contains(t, complaints(t, content), want, content)
	}
}

func TestEveryProblemIsListedAtOnce(t *testing.T) {
	text := complaints(t, "risk: {peel_off: 7}\nlog: {level: loud}\nlisten: x\nfoo: 1\n", "PM_ORDERS_PARTIAL=never", "PM_DATE=x")
	for _, want := range []string{"risk.peel_off", "log.level", "listen", "foo", "variable PM_ORDERS_PARTIAL: orders.partial", "PM_DATE"} {
		require.Contains(t, text, want)
	}
}

func TestAnEnormousListOfProblemsIsCut(t *testing.T) {
	_, problems := Load(Sources{File: file(t, strings.Repeat("x:\n", 1)+strings.Repeat("listen: [1]\n", maxProblems+7))})
	require.Len(t, problems, maxProblems+1)
	require.Contains(t, problems[maxProblems].Text, "more")
}

func TestTheSendersLotsAreTakenOnPaperOnly(t *testing.T) {
	require.Empty(t, complaints(t, "sizing: {mode: sender}"))
	require.Contains(t, complaints(t, "sizing: {mode: sender}\nbroker: {url: 'openalgo+http://h:5000'}"),
		"line 1: sizing.mode: sender takes the sender's lots with the gates off: with the paper broker only")
}

func TestAnUnknownVariableIsAWarningAndThoseOfOthersAreLeftAlone(t *testing.T) {
	text := complaints(t, "", "PM_RISK_SIZING_EQUTY=open", "PM_TEST_X=1", "PM_E2E=full", "PM_CONFIG=x", "PM_SERVER=x", "PM_TOKEN=x", "HOME=/")
	require.Equal(t, "variable PM_RISK_SIZING_EQUTY: names no setting; did you mean PM_RISK_SIZING_EQUITY?", text)
}

func TestTheTableIsBoundedInRowsAndDates(t *testing.T) {
	rows := func(n int) string {
		text := "instruments:\n"
		for i := range n {
			text += fmt.Sprintf("  N%d: {like: COPPER, contract: N%d}\n", i, i)
		}
		return text
	}
	require.Empty(t, complaints(t, rows(MaxInstruments-4)), "with the four of the defaults")
	require.Contains(t, complaints(t, rows(MaxInstruments-3)), "65 instruments with 11 dated values; at most 64 with 1000")
	dates := func(n int) string {
		text := "instruments: {COPPER: {tick: {"
		for i := range n {
			text += time.Unix(int64(i)*86400, 0).UTC().Format(time.DateOnly) + ": 1, "
		}
		return text + "}}}"
	}
	require.Contains(t, complaints(t, dates(MaxDated-10)), "4 instruments with 1001 dated values")
}

func TestASecretOpensTheListener(t *testing.T) {
	require.Empty(t, complaints(t, "listen: 0.0.0.0:8080\nwebhook: {secrets: [0123456789abcdef]}"))
	require.Empty(t, complaints(t, "listen: '[::1]:8080'"))
	require.Empty(t, complaints(t, "listen: localhost:0"))
}

func TestAFileThatCannotBeReadOrIsTooLargeIsAProblem(t *testing.T) {
	_, problems := Load(Sources{File: filepath.Join(t.TempDir(), "none.yaml")})
	require.Contains(t, problems[0].String(), "--config: open")
	_, problems = Load(Sources{File: file(t, "#"+strings.Repeat("x", MaxFile-1))})
	require.Empty(t, problems)
	_, problems = Load(Sources{File: file(t, "#"+strings.Repeat("x", MaxFile))})
	require.Contains(t, problems[0].String(), "is larger than 1048576 bytes")
}

func TestAFileWithSecretsThatOthersMayReadIsWarnedOf(t *testing.T) {
	name := file(t, "webhook: {secrets: [0123456789abcdef]}")
	require.NoError(t, os.Chmod(name, 0o640))
	c, problems := Load(Sources{File: name})
	require.NotNil(t, c)
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Text, "chmod 600")
}

func TestAFlagThatSetsNothingIsAProblem(t *testing.T) {
	_, problems := Load(Sources{Flags: map[string]string{"lisen": "x"}})
	require.Equal(t, []string{"flag --lisen: lisen: no such setting; did you mean listen?"}, lines(problems))
}

func lines(problems []Problem) []string {
	var out []string
	for p := range slices.Values(problems) {
		out = append(out, p.String())
	}
	return out
}
