package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"pm/domain"
)

// The limits of a command's body.
const (
	// MaxCommandID is the most characters of a command's id.
	MaxCommandID = 128
	// MaxReason is the most bytes of a reason or a note: it is kept in the log.
	MaxReason = 500
)

// form is the body of a command: one JSON object, each member read by name. It collects what is wrong, so that the sender
// hears of every problem at once.
type form struct {
	members  map[string]json.RawMessage
	problems []domain.Problem
}

// readForm reads a body of at most MaxBody bytes that says that it is JSON. A page in a browser cannot send that type to another
// site without asking first, so it also keeps forms of strangers out.
func readForm(c echo.Context) (*form, error) {
	kind, _, err := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType))
	if err != nil || kind != echo.MIMEApplicationJSON {
		return nil, &failure{status: http.StatusUnsupportedMediaType, code: codeMediaType, message: "send the command as one JSON object, with Content-Type: application/json"}
	}
	body, err := readBody(c)
	if err != nil {
		return nil, err
	}
	f := &form{members: map[string]json.RawMessage{}}
	if err := f.parse(body); err != nil {
		return nil, &failure{status: http.StatusBadRequest, code: domain.BadJSON, message: err.Error() + `: send one JSON object, like {"reason":"..."}`}
	}
	return f, nil
}

// parse takes exactly one object whose keys stand once each.
func (f *form) parse(body []byte) error {
	if !utf8.Valid(body) {
		return errors.New("the body is not valid UTF-8")
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil // as good as {}
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return errors.New("the body is not one JSON object")
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return errors.New("the body is not JSON")
		}
		name, _ := key.(string)
		if _, twice := f.members[name]; twice {
			return fmt.Errorf("the key %.80q is given twice", name)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return errors.New("the body is not JSON")
		}
		f.members[name] = value
	}
	if _, err := dec.Token(); err != nil {
		return errors.New("the body is not JSON")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something stands behind the object")
	}
	return nil
}

func (f *form) fail(code, field, format string, args ...any) {
	f.problems = append(f.problems, domain.Problem{Code: code, Field: field, Message: field + ": " + fmt.Sprintf(format, args...)})
}

// take gives a member and marks it as known; nil if it was not sent.
func (f *form) take(name string) json.RawMessage {
	value := f.members[name]
	delete(f.members, name)
	return value
}

// text reads a string of at most most bytes without control characters.
func (f *form) text(name string, required bool, most int) string {
	raw := f.take(name)
	var out string
	switch {
	case raw == nil:
		if required {
			f.fail(domain.MissingField, name, "send a text")
		}
	case json.Unmarshal(raw, &out) != nil || raw[0] != '"':
		f.fail(domain.InvalidField, name, "send a text in quotes")
	case required && strings.TrimSpace(out) == "":
		f.fail(domain.MissingField, name, "send a text that is not empty")
	case len(out) > most || strings.ContainsFunc(out, func(r rune) bool { return r < ' ' || r == 0x7f }):
		f.fail(domain.InvalidField, name, "send at most %d bytes without control characters", most)
	}
	return out
}

func (f *form) flag(name string) bool {
	raw, out := f.take(name), false
	if raw != nil && (json.Unmarshal(raw, &out) != nil || raw[0] == 'n') {
		f.fail(domain.InvalidField, name, "send true or false")
	}
	return out
}

// whole reads a number above zero without fraction or exponent.
func (f *form) whole(name string) int {
	raw := f.take(name)
	if raw == nil {
		f.fail(domain.MissingField, name, "send a whole number")
		return 0
	}
	n, err := strconv.Atoi(string(raw))
	if err != nil || n < 1 {
		f.fail(domain.InvalidField, name, "send a whole number above zero, without quotes")
	}
	return n
}

// decimal reads an amount, a JSON number or a text; it never passes through a float.
func (f *form) decimal(name string) domain.Decimal {
	raw := f.take(name)
	if raw == nil {
		f.fail(domain.MissingField, name, "send a number")
		return domain.Decimal{}
	}
	d, err := domain.ParseDecimal(scalar(raw))
	if err != nil {
		f.fail(domain.InvalidField, name, "%v", err)
	}
	return d
}

// scalar is the text of a string, a number or a flag as it was sent.
func scalar(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil && raw[0] == '"' {
		return text
	}
	return string(raw)
}

// finish refuses what nobody asked for: a misspelt member must not be passed over in silence.
func (f *form) finish() error {
	var left []string
	for name := range f.members {
		left = append(left, name)
	}
	slices.Sort(left)
	for _, name := range left[:min(len(left), 16)] {
		f.fail(domain.InvalidField, fmt.Sprintf("%.80s", name), "no such member: take it out")
	}
	if len(f.problems) == 0 {
		return nil
	}
	first := f.problems[0]
	return &failure{status: http.StatusBadRequest, code: first.Code, message: first.Message, field: first.Field, details: f.problems}
}
