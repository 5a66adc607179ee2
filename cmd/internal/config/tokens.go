package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"pm/api"
)

const (
	// MaxTokens is how many tokens of the API may live at once.
	MaxTokens = 64
	tokensKey = "api.tokens"
	// digestMark stands before the SHA-256 of a token where the token itself is not written down.
	digestMark = "sha256="
)

var tokenName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)

// reservedNames are actors of the service itself: an event by one of them must not look like a person's, or the other way round.
var reservedNames = []string{api.LocalActor, "webhook-secret", "configuration", "service"}

// token reads one item of api.tokens, {name, role, token} or {name, role, token_sha256}, into its text form NAME:ROLE:TOKEN or
// NAME:ROLE:sha256=HEX, which is also how a variable writes it.
func (y yamlFile) token(n *yaml.Node) (text string, ok bool) {
	fields := map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i].Value, n.Content[i+1]
		known := slices.Contains([]string{"name", "role", "token", "token_sha256"}, name)
		if _, twice := fields[name]; twice || !known || value.Kind != yaml.ScalarNode {
			y.layer.fail(y.at(n.Content[i]), tokensKey, "an item is {name: ..., role: ..., token: ...}, or token_sha256 in place of token; each once")
			return "", false
		}
		fields[name] = value.Value
	}
	secret := fields["token"]
	if digest := fields["token_sha256"]; digest != "" && secret == "" {
		secret = digestMark + digest
	} else if digest != "" {
		y.layer.fail(y.at(n), tokensKey, "an item has token and token_sha256; keep one")
		return "", false
	}
	return fields["name"] + ":" + fields["role"] + ":" + secret, true
}

// tokens never names a token, only its owner or its place in the list.
func (r *reader) tokens() {
	items := r.list(tokensKey)
	if len(items) > MaxTokens {
		r.fail(tokensKey, "holds %d tokens; at most %d", len(items), MaxTokens)
		return
	}
	names, digests := map[string]bool{}, map[[sha256.Size]byte]bool{}
	for i, item := range items {
		t, problem := r.token(item)
		switch {
		case problem != "":
			r.fail(tokensKey, "token %d: %s", i+1, problem)
		case names[t.Name]:
			r.fail(tokensKey, "token %d: there is one with the name %s before", i+1, t.Name)
		case digests[t.Digest]:
			r.fail(tokensKey, "token %d is the same as one before", i+1)
		}
		names[t.Name], digests[t.Digest] = true, true
		r.c.Tokens = append(r.c.Tokens, t)
	}
}

func (r *reader) token(item string) (t api.Token, problem string) {
	name, rest, _ := strings.Cut(item, ":")
	role, secret, _ := strings.Cut(rest, ":")
	t.Name = name
	if !tokenName.MatchString(name) || slices.Contains(reservedNames, name) {
		return t, "the name is not 1 to 32 small letters, digits, - and _, like anna, or it is one that the service uses itself"
	}
	var err error
	if t.Role, err = api.ParseRole(role); err != nil {
		return t, err.Error()
	}
	digest, isDigest := strings.CutPrefix(secret, digestMark)
	switch {
	case strings.TrimSpace(secret) == "":
		return t, "the token is empty"
	case isDigest:
		raw, err := hex.DecodeString(digest)
		if err != nil || len(raw) != len(t.Digest) {
			return t, fmt.Sprintf("token_sha256 is not %d hex digits, like `printf %%s TOKEN | sha256sum` gives them", 2*len(t.Digest))
		}
		copy(t.Digest[:], raw)
	default:
		if len(secret) < minSecret {
			r.warn(tokensKey, "the token of %s is shorter than %d bytes and can be guessed", name, minSecret)
		}
		t.Digest = sha256.Sum256([]byte(secret))
	}
	return t, ""
}

// shownTokens are the items for Print: who has which role.
func (c *Config) shownTokens() []string {
	var out []string
	for _, t := range c.Tokens {
		out = append(out, fmt.Sprintf("%q", t.Name+":"+t.Role.String()+":"+redacted))
	}
	return out
}
