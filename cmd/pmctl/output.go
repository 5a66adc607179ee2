package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// show prints a result in the form that was asked for. items are what ndjson prints one line each; nil: the document itself.
func (c *cli) show(doc any, items []any, fill func(*table)) error {
	switch c.form {
	case formJSON:
		text, err := indented(doc)
		if err != nil {
			return err
		}
		return write(c.out, text)
	case formYAML:
		text, err := asYAML(doc)
		if err != nil {
			return err
		}
		return write(c.out, text)
	case formNDJSON:
		if items == nil {
			items = []any{doc}
		}
		return c.lines(items)
	default:
		t := &table{color: c.colors()}
		fill(t)
		return t.print(c.out)
	}
}

func (c *cli) lines(items []any) error {
	out := bufio.NewWriter(c.out)
	for _, item := range items {
		text, err := compact(item)
		if err != nil {
			return err
		}
		if _, err := out.Write(text); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func write(w io.Writer, text []byte) error {
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// compact is a value as one line of JSON, with its line end; nothing is escaped for HTML.
func compact(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return out.Bytes(), nil
}

func indented(v any) ([]byte, error) {
	text, err := compact(v)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return out.Bytes(), nil
}

// asYAML turns the JSON of a value into YAML: the same keys in the same order, numbers digit for digit.
func asYAML(v any) ([]byte, error) {
	text, err := compact(v)
	if err != nil {
		return nil, err
	}
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	plain(&node)
	out, err := yaml.Marshal(&node)
	if err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return out, nil
}

// plain takes the marks of JSON off; strings that would read as something else stay in quotes.
func plain(n *yaml.Node) {
	n.Style = 0
	for _, child := range n.Content {
		plain(child)
	}
}

// The colours of a table's cells.
const (
	colorNone = ""
	colorGood = "\x1b[32m"
	colorBad  = "\x1b[31m"
	colorDim  = "\x1b[2m"
	colorOff  = "\x1b[0m"
)

// table is text in columns. A column whose head begins with ">" is set to the right.
type table struct {
	title string // a line above, or all there is
	head  []string
	rows  [][]cell
	empty string // what is said in place of no rows
	foot  []string
	color bool
}

type cell struct{ text, color string }

func (t *table) row(texts ...string) {
	cells := make([]cell, len(texts))
	for i, text := range texts {
		cells[i].text = text
	}
	t.rows = append(t.rows, cells)
}

// paint colours a cell of the last row.
func (t *table) paint(column int, color string) { t.rows[len(t.rows)-1][column].color = color }

func (t *table) print(w io.Writer) error {
	var out strings.Builder
	if t.title != "" {
		out.WriteString(t.title + "\n")
	}
	if len(t.rows) == 0 && t.empty != "" {
		out.WriteString(t.empty + "\n")
	}
	if len(t.rows) > 0 {
		t.body(&out)
	}
	for _, line := range t.foot {
		out.WriteString(line + "\n")
	}
	return write(w, []byte(out.String()))
}

func (t *table) body(out *strings.Builder) {
	widths, right := make([]int, len(t.rows[0])), make([]bool, len(t.rows[0]))
	rows := t.rows
	if len(t.head) > 0 {
		cells := make([]cell, len(t.head))
		for i, h := range t.head {
			cells[i].text, right[i] = strings.CutPrefix(h, ">")
			cells[i].color = colorDim
		}
		rows = append([][]cell{cells}, rows...)
	}
	for _, r := range rows {
		for i, c := range r {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	for _, r := range rows {
		line := ""
		for i, c := range r {
			line += t.pad(c, widths[i], right[i], i == len(r)-1)
		}
		out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

func (t *table) pad(c cell, width int, right, last bool) string {
	gap, text := strings.Repeat(" ", width-utf8.RuneCountInString(c.text)), c.text
	if t.color && c.color != colorNone && text != "" {
		text = c.color + text + colorOff
	}
	switch {
	case right && last:
		return gap + text
	case right:
		return gap + text + "  "
	case last:
		return text
	default:
		return text + gap + "  "
	}
}
