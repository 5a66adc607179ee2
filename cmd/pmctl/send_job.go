package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// job is one signal to send: the line as it stands in the file.
type job struct {
	file       string
	line       int
	text       []byte
	kind       string
	instrument string
	position   string
}

// newJob looks into a line for what orders it among others. A line that cannot be read is sent all the same: the service says why not.
func newJob(file string, b numbered) *job {
	j := &job{file: file, line: b.n, text: b.text}
	var head struct {
		Type       string          `json:"type"`
		Instrument string          `json:"instrument"`
		Position   json.RawMessage `json:"position"`
	}
	if json.Unmarshal(b.text, &head) == nil {
		j.kind, j.instrument = strings.ToUpper(strings.TrimSpace(head.Type)), strings.ToUpper(strings.TrimSpace(head.Instrument))
		j.position = strings.Trim(string(head.Position), `"`)
	}
	return j
}

// readBodies reads JSON objects, one a line, or a JSON array of them, or one object over several lines. In an array the
// place of an object stands for its line number.
func readBodies(in io.Reader) ([]numbered, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxInput {
		return nil, fmt.Errorf("more than %d bytes: split the file", maxInput)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	trimmed := bytes.TrimSpace(text)
	if bytes.HasPrefix(trimmed, []byte("[")) {
		return arrayBodies(trimmed)
	}
	first, _, _ := bytes.Cut(trimmed, []byte("\n"))
	if len(first) < len(trimmed) && !json.Valid(first) && json.Valid(trimmed) {
		return []numbered{{1, trimmed}}, nil
	}
	return readLines(bytes.NewReader(text))
}

// maxInput bounds a file of signals, in bytes.
const maxInput = 1 << 30

func arrayBodies(text []byte) ([]numbered, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, fmt.Errorf("the array cannot be read: %w", err)
	}
	out := make([]numbered, len(raw))
	for i, r := range raw {
		out[i] = numbered{i + 1, r}
	}
	return out, nil
}

// body is what goes out: the line itself, or stamped.
func (j *job) body(stamp bool, now time.Time) ([]byte, error) {
	if !stamp {
		return j.text, nil
	}
	members, err := readMembers(j.text)
	if err != nil {
		return j.text, nil //nolint:nilerr // no object: the service says so better than we could
	}
	at, err := json.Marshal(now.UTC().Format(time.RFC3339Nano))
	if err != nil {
		return nil, fmt.Errorf("stamp: %w", err)
	}
	members = members.set("timestamp", at, true)
	members = members.set("id", json.RawMessage(strconv.Quote(j.id())), false)
	text, err := compact(members)
	return bytes.TrimSuffix(text, []byte("\n")), err
}

// id is the hex SHA-256 of file name, line number and line.
func (j *job) id() string {
	sum := sha256.Sum256([]byte(j.file + "\n" + strconv.Itoa(j.line) + "\n" + string(j.text)))
	return hex.EncodeToString(sum[:])
}

// readMembers takes an object apart, members in the order sent and each value as it was written.
func readMembers(text []byte) (document, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("not an object")
	}
	var out document
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok {
			return nil, errors.New("not an object")
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		out = append(out, member{name, value})
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	return out, nil
}

// set gives a member a value: in its place, or at the end. Without replace a member that is there stays, unless it is null: the
// service reads null as absent.
func (d document) set(key string, value json.RawMessage, replace bool) document {
	for i := range d {
		if d[i].key == key {
			if raw, ok := d[i].value.(json.RawMessage); replace || ok && string(raw) == "null" {
				d[i].value = value
			}
			return d
		}
	}
	return append(d, member{key, value})
}
