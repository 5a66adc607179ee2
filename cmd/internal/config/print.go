package config

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Print writes the effective settings as YAML with the source of each value behind it. Secrets are redacted.
func (c *Config) Print(w io.Writer) error {
	p := printer{c: c, w: w}
	section := ""
	for _, s := range settings {
		in, name, nested := strings.Cut(s.key, ".")
		if !nested {
			name, in = s.key, ""
		}
		if in != section {
			p.line(0, "%s:", in)
			section = in
		}
		indent := 0
		if nested {
			indent = 1
		}
		p.setting(indent, name, s)
	}
	p.instruments()
	return p.err
}

// printer keeps the first error of writing.
type printer struct {
	c   *Config
	w   io.Writer
	err error
}

func (p *printer) line(indent int, format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, strings.Repeat("  ", indent)+format+"\n", args...)
	}
}

func (p *printer) setting(indent int, name string, s setting) {
	c := p.c.shown[s.key]
	value := quote(c.value)
	if s.kind == list {
		value = p.list(s.key, c.value)
	}
	p.line(indent, "%s: %s # %s", name, value, c.origin)
}

func (p *printer) list(key, joined string) string {
	items := splitList(joined)
	for i, item := range items {
		items[i] = quote(item)
	}
	if key == "webhook.secrets" {
		items = slices.Repeat([]string{quote(redacted)}, p.c.lists[key])
	}
	if key == tokensKey {
		items = p.c.shownTokens()
	}
	return "[" + strings.Join(items, ", ") + "]"
}

func (p *printer) instruments() {
	p.line(0, "%s:", instrumentSection)
	names := map[string]bool{}
	for key := range p.c.shown {
		if rest, ok := strings.CutPrefix(key, instrumentSection+"."); ok {
			name, _, _ := strings.Cut(rest, ".")
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		p.line(1, "%s:", name)
		for _, a := range attributes {
			p.attribute(name, a.key)
		}
	}
}

func (p *printer) attribute(name, attribute string) {
	prefix := instrumentSection + "." + name + "." + attribute
	var dated []string
	for key := range p.c.shown {
		if strings.HasPrefix(key, prefix+"@") {
			dated = append(dated, key)
		}
	}
	slices.Sort(dated)
	base, plain := p.c.shown[prefix]
	switch {
	case len(dated) > 0:
		p.line(2, "%s:", attribute)
		if plain {
			p.line(3, "%s: %s # %s", always, quote(base.value), base.origin)
		}
		for _, key := range dated {
			p.line(3, "%q: %s # %s", strings.TrimPrefix(key, prefix+"@"), quote(p.c.shown[key].value), p.c.shown[key].origin)
		}
	case plain:
		p.line(2, "%s: %s # %s", attribute, quote(base.value), base.origin)
	}
}

// quote writes a text so that it is read back as the same text: plain where that is certain.
func quote(value string) string {
	plain := value != "" && !strings.HasPrefix(value, "-") && strings.IndexFunc(value, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./-_", r)
	}) < 0
	if plain && value != "null" && value != "~" {
		return value
	}
	out, err := yaml.Marshal(&yaml.Node{Kind: yaml.ScalarNode, Value: value, Style: yaml.DoubleQuotedStyle})
	if err != nil {
		return fmt.Sprintf("%q", value)
	}
	return strings.TrimSuffix(string(out), "\n")
}
