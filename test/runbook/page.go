package runbook

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Page is the runbook, read.
type Page struct {
	Entries []Entry
	Links   []string // anchors that the page links to
	anchors []string
	prefix  []string // what the table of the first section links to
}

// Entry is what stands below a heading of the third level.
type Entry struct {
	Name   string // the heading
	Part   string // the heading of the second level above it
	Text   string // all of it
	Blocks []Block
}

// Block is a fenced block of commands: ```sh name.
type Block struct {
	Name, Commands string
}

// Block gives the commands of a block by its name.
func (e Entry) Block(name string) (string, bool) {
	i := slices.IndexFunc(e.Blocks, func(b Block) bool { return b.Name == name })
	if i < 0 {
		return "", false
	}
	return e.Blocks[i].Commands, true
}

// Entry gives an entry by its name; a block that stands directly below a heading of the second level belongs to an entry of that name.
func (p *Page) Entry(name string) (Entry, bool) {
	i := slices.IndexFunc(p.Entries, func(e Entry) bool { return e.Name == name })
	if i < 0 {
		return Entry{}, false
	}
	return p.Entries[i], true
}

// Of lists the names of the entries of a part.
func (p *Page) Of(part string) (names []string) {
	for _, e := range p.Entries {
		if e.Part == part && e.Name != part {
			names = append(names, e.Name)
		}
	}
	return names
}

// Dead lists links to places that the page does not have.
func (p *Page) Dead() (dead []string) {
	for _, l := range p.Links {
		if !slices.Contains(p.anchors, l) {
			dead = append(dead, l)
		}
	}
	return dead
}

// Leads says whether the first section, the table for who was just called, links to an entry.
func (p *Page) Leads(name string) bool { return slices.Contains(p.prefix, anchor(name)) }

var (
	inPage   = regexp.MustCompile(`\]\(#([^)]+)\)`)
	notInURL = regexp.MustCompile(`[^a-z0-9_ -]`)
)

// anchor is how a heading is linked to.
func anchor(heading string) string {
	return strings.ReplaceAll(notInURL.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// Parse reads the page. A fence that is never closed, or of commands without a name, is an error: its commands would never be run.
func Parse(text string) (*Page, error) {
	p, parts := &Page{}, 0
	var block *Block
	for n, line := range strings.Split(text, "\n") {
		if block != nil {
			if line == "```" {
				e := &p.Entries[len(p.Entries)-1]
				if _, twice := e.Block(block.Name); twice {
					return nil, fmt.Errorf("line %d: a second block %q in %s", n+1, block.Name, e.Name)
				}
				e.Blocks = append(e.Blocks, *block)
				block = nil
				continue
			}
			block.Commands += line + "\n"
			continue
		}
		if fence, ok := strings.CutPrefix(line, "```"); ok {
			name, commands := strings.CutPrefix(fence, "sh ")
			if !commands || len(p.Entries) == 0 {
				return nil, fmt.Errorf("line %d: a block is ```sh NAME below a heading, not %q", n+1, line)
			}
			block = &Block{Name: name}
			continue
		}
		for _, m := range inPage.FindAllStringSubmatch(line, -1) {
			p.Links = append(p.Links, m[1])
			if parts == 1 {
				p.prefix = append(p.prefix, m[1])
			}
		}
		if part, ok := strings.CutPrefix(line, "## "); ok {
			parts++
			p.heading(Entry{Name: part, Part: part})
		} else if name, ok := strings.CutPrefix(line, "### "); ok {
			if len(p.Entries) == 0 {
				return nil, fmt.Errorf("line %d: %s belongs to no part", n+1, line)
			}
			p.heading(Entry{Name: name, Part: p.Entries[len(p.Entries)-1].Part})
		} else if len(p.Entries) > 0 {
			p.Entries[len(p.Entries)-1].Text += line + "\n"
		}
	}
	if block != nil {
		return nil, fmt.Errorf("the block %q is never closed", block.Name)
	}
	return p, nil
}

func (p *Page) heading(e Entry) {
	p.Entries = append(p.Entries, e)
	p.anchors = append(p.anchors, anchor(e.Name))
}
