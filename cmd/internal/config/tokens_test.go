package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/api"
)

const annasToken = "annas-token-0123456789"

func TestTokensAreReadFromAFileAndFromAVariable(t *testing.T) {
	sum := sha256.Sum256([]byte(annasToken))
	digest := hex.EncodeToString(sum[:])
	want := []api.Token{{Name: "anna", Role: api.Operator, Digest: sum}}
	for _, from := range []Sources{
		{File: file(t, "api: {tokens: [{name: anna, role: operator, token: "+annasToken+"}]}")},
		{File: file(t, "api:\n  tokens:\n  - name: anna\n    role: operator\n    token_sha256: "+digest)},
		{Env: []string{"PM_API_TOKENS=anna:operator:" + annasToken}},
		{Env: []string{"PM_API_TOKENS=anna:operator:sha256=" + digest}},
	} {
		require.Equal(t, want, loaded(t, from).Tokens)
	}
	require.Empty(t, loaded(t, Sources{}).Tokens)
}

func TestAMistakeInATokenIsNamedAndTheTokenIsNot(t *testing.T) {
	item := func(text string) string { return "api: {tokens: [" + text + "]}" }
	good := "{name: anna, role: admin, token: " + annasToken + "}"
	for content, want := range map[string]string{
		item("{name: Anna, role: admin, token: " + annasToken + "}"):                  "token 1: the name is not",
		item("{name: local, role: admin, token: " + annasToken + "}"):                 "token 1: the name is not",
		item("{name: anna, role: root, token: " + annasToken + "}"):                   "token 1: a role is viewer, operator or admin",
		item("{name: anna, role: admin}"):                                             "token 1: the token is empty",
		item("{name: anna, role: admin, token_sha256: abc}"):                          "token_sha256 is not 64 hex digits",
		item("{name: anna, role: admin, token: hush, token_sha256: abc}"):             "keep one",
		item("{name: anna, rule: admin, token: hush}"):                                "an item is {name",
		item(good + ", " + good):                                                      "there is one with the name anna before",
		item(good + ", {name: ben, role: viewer, token: " + annasToken + "}"):         "token 2 is the same as one before",
		item("{name: anna, role: admin, token: hush}"):                                "is shorter than 16 bytes",
		"webhook: {secrets: [{a: hush}]}":                                             "holds something that is not plain text",
		item(strings.Repeat(good+",", MaxTokens) + good):                              "holds 65 tokens; at most 64",
		item("[" + annasToken + "]"):                                                  "holds something that is not plain text",
		fmt.Sprintf("api: {tokens: [\"anna:admin:%s\"]}\napi.tokens: []", annasToken): "is given twice",
	} {
		text := complaints(t, content)
		require.Contains(t, text, want, content)
		require.NotContains(t, text, annasToken)
		require.NotContains(t, text, "hush")
	}
}

func TestPrintShowsWhoHasWhichRoleAndNoToken(t *testing.T) {
	c := loaded(t, Sources{File: file(t, "api: {tokens: [{name: anna, role: operator, token: "+annasToken+"}]}")})
	var out strings.Builder
	require.NoError(t, c.Print(&out))
	require.Contains(t, out.String(), `tokens: ["anna:operator:[redacted]"]`)
	require.NotContains(t, out.String(), annasToken)
}
