package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/knadh/koanf/maps"
	"github.com/knadh/koanf/v2"
)

// Problem is one thing that is wrong with the configuration.
type Problem struct {
	Source  string // file and line, variable or flag; "" where no single one is at fault
	Key     string
	Text    string // what is wrong, and what to write instead
	Warning bool   // does not stop a start
}

// String is one line: where, which key, what.
func (p Problem) String() string {
	parts := make([]string, 0, 3)
	for _, s := range []string{p.Source, p.Key, p.Text} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ": ")
}

// layer is what one source says: flat keys to a string or a list of strings, and where each stands.
type layer struct {
	values   map[string]any
	origin   map[string]string
	problems []Problem
}

func newLayer() *layer { return &layer{values: map[string]any{}, origin: map[string]string{}} }

func (l *layer) fail(origin, key, format string, args ...any) {
	l.problems = append(l.problems, Problem{Source: origin, Key: key, Text: fmt.Sprintf(format, args...)})
}

// put takes a value, or a problem in its place. A list comes as []string; a plain text stands for a list separated by commas.
func (l *layer) put(key string, value any, origin string) {
	kind, known := kindOf(key)
	if !known {
		l.fail(origin, key, "%s", unknownKey(key))
		return
	}
	plain, isPlain := value.(string)
	switch {
	case kind == list && isPlain:
		value = splitList(plain)
	case kind != list && !isPlain:
		l.fail(origin, key, "is a list; write one value")
		return
	}
	if strings.Count(key, ".") == 2 && strings.HasPrefix(key, instrumentSection+".") {
		key += "." + always
	}
	if first, given := l.origin[key]; given {
		l.fail(origin, key, "is given twice, first in %s; keep one", first)
		return
	}
	l.values[key], l.origin[key] = value, origin
}

func splitList(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// ReadBytes is the half of koanf.Provider that a layer does not have.
func (l *layer) ReadBytes() ([]byte, error) { return nil, errors.New("a layer is read, not parsed") }

// Read is the layer as koanf merges it.
func (l *layer) Read() (map[string]any, error) { return maps.Unflatten(l.values, "."), nil }

// over merges layers, a later one over an earlier one. A plain value of an instrument takes the dated ones below it away.
func over(layers ...*layer) (*layer, error) {
	merged, k := newLayer(), koanf.New(".")
	for _, l := range layers {
		merged.problems = append(merged.problems, l.problems...)
		for key, origin := range l.origin {
			merged.origin[key] = origin
			if attribute, ok := strings.CutSuffix(key, "."+always); ok {
				k.Delete(attribute)
			}
		}
		if err := k.Load(l, nil); err != nil {
			return nil, fmt.Errorf("merge the configuration: %w", err)
		}
	}
	merged.values = k.All()
	return merged, nil
}
