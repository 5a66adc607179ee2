package scenarios

import (
	"fmt"
	"strings"
)

// story is a file of testdata: what it is about, and blocks of commands with what they led to.
type story struct {
	comment []string
	blocks  []block
}

type block struct {
	line     int // of its first command
	commands []string
	want     []string
}

const hyphens = "----"

// minComment is how many lines of comment a story begins with at least: what happened, and what rules it out.
const minComment = 2

// parseStory reads a file. It is strict: a block without hyphens or without commands is an error with its line.
func parseStory(text string) (*story, error) {
	s := &story{}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	n := 0
	for ; n < len(lines) && strings.HasPrefix(lines[n], "#"); n++ {
		s.comment = append(s.comment, lines[n])
	}
	if len(s.comment) < minComment {
		return nil, fmt.Errorf("a story begins with comment lines: what happened, and what rules it out")
	}
	for n < len(lines) {
		if lines[n] == "" {
			n++
			continue
		}
		b := block{line: n + 1}
		for ; n < len(lines) && lines[n] != hyphens; n++ {
			if lines[n] == "" {
				return nil, fmt.Errorf("line %d: a block has no line of %s", b.line, hyphens)
			}
			b.commands = append(b.commands, lines[n])
		}
		if n == len(lines) || len(b.commands) == 0 {
			return nil, fmt.Errorf("line %d: a block needs commands and a line of %s", b.line, hyphens)
		}
		for n++; n < len(lines) && lines[n] != ""; n++ {
			b.want = append(b.want, lines[n])
		}
		s.blocks = append(s.blocks, b)
	}
	if len(s.blocks) == 0 {
		return nil, fmt.Errorf("a story without a block tells nothing")
	}
	return s, nil
}

// String writes the file as parseStory reads it.
func (s *story) String() string {
	var b strings.Builder
	b.WriteString(strings.Join(s.comment, "\n") + "\n")
	for _, block := range s.blocks {
		b.WriteString("\n" + strings.Join(block.commands, "\n") + "\n" + hyphens + "\n")
		for _, line := range block.want {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// command is one line: a verb, words, and values by key.
type command struct {
	verb  string
	words []string
	value map[string]string
}

func parseCommand(line string) command {
	c := command{value: map[string]string{}}
	for i, field := range strings.Fields(line) {
		key, value, pair := strings.Cut(field, "=")
		switch {
		case i == 0:
			c.verb = field
		case pair:
			c.value[key] = value
		default:
			c.words = append(c.words, field)
		}
	}
	return c
}

// word gives the nth word, "" if there is none.
func (c command) word(n int) string {
	if n < len(c.words) {
		return c.words[n]
	}
	return ""
}

// text joins the words from the nth on: a reason, a note.
func (c command) text(n int) string {
	if n >= len(c.words) {
		return ""
	}
	return strings.Join(c.words[n:], " ")
}
