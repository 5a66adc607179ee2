package config

import (
	"fmt"
	"log/slog"
)

// redacted stands wherever a secret would be shown.
const redacted = "[redacted]"

// Secret is a text that shows itself nowhere: not printed, not in JSON or YAML, not in a log. Reveal is the only way to it.
type Secret struct{ text string }

// NewSecret wraps a text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal is the secret itself, for the one place that compares it.
func (s Secret) Reveal() string { return s.text }

// String is the redaction.
func (s Secret) String() string { return redacted }

// Format redacts every verb, %#v and %x too.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText redacts JSON, YAML and every other text form.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue redacts logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
