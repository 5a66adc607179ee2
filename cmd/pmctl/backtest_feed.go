package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"pm/adapters/tradingview"
	"pm/domain"
)

// The limits of what a backtest reads.
const (
	maxBody     = 16 << 10  // bytes of one signal, as at the webhook
	maxFeed     = 1_000_000 // signals of one file
	maxProblems = 20        // that are listed before the rest is only counted
)

// fed is one signal of a file, parsed as the webhook parses it.
type fed struct {
	file string
	line int
	sub  domain.Submission
}

func (f *fed) place() string { return fmt.Sprintf("%s line %d", f.file, f.line) }

// readFeed reads all files and merges them by time. Within a file the order stays as it is: it is the order of sending.
func (c *cli) readFeed(files []string, f *backtestFlags) ([]fed, error) {
	var feeds [][]fed
	var problems []error
	for _, name := range files {
		bodies, err := c.bodies(name, f)
		if err != nil {
			return nil, err
		}
		feed, wrong := parseFeed(name, bodies)
		feeds, problems = append(feeds, feed), append(problems, wrong...)
	}
	if n := len(problems) - maxProblems; n > 0 {
		problems = append(problems[:maxProblems], fmt.Errorf("and %d more", n))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("the webhook would refuse these signals for their form:\n%w", errors.Join(problems...))
	}
	merged := mergeFeeds(feeds)
	if len(merged) == 0 {
		return nil, errors.New("the files hold no signals")
	}
	return merged, nil
}

// bodies are the webhook bodies of a file, with their line numbers.
func (c *cli) bodies(name string, f *backtestFlags) ([]numbered, error) {
	if !f.tradingView {
		in, end, err := c.input(name)
		if err != nil {
			return nil, err
		}
		defer end()
		bodies, err := readLines(in)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if len(bodies) > 0 && tradingview.IsHeader(bodies[0].text) {
			return nil, fmt.Errorf("%s is a Strategy Tester export of TradingView: read it with --tradingview and --instrument NAME", name)
		}
		return bodies, nil
	}
	lines, err := c.readExport(name, f.instrument, f.percent)
	if err != nil {
		return nil, err
	}
	bodies := make([]numbered, 0, len(lines))
	for _, l := range lines {
		body, err := l.Body()
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, numbered{slices.Min(l.Rows), body})
	}
	return bodies, nil
}

// numbered is a line of a file.
type numbered struct {
	n    int
	text []byte
}

// readLines splits a file into its lines; empty ones are left out and keep their number.
func readLines(in io.Reader) ([]numbered, error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 4096), 2*maxBody) // white space around a body does not count
	var out []numbered
	n := 0
	for lines.Scan() {
		n++
		text := bytes.TrimSpace(bytes.TrimPrefix(lines.Bytes(), []byte("\ufeff")))
		if len(text) == 0 {
			continue
		}
		if len(text) > maxBody {
			return nil, tooLong(n)
		}
		if len(out) == maxFeed {
			return nil, fmt.Errorf("more than %d signals", maxFeed)
		}
		out = append(out, numbered{n, bytes.Clone(text)})
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, tooLong(n + 1)
	}
	return out, lines.Err()
}

func tooLong(line int) error {
	return fmt.Errorf("line %d is longer than the %d bytes that a signal may have", line, maxBody)
}

// parseFeed parses the bodies of one file. An exit without a readable time counts as received right behind the signal before it.
func parseFeed(file string, bodies []numbered) (feed []fed, problems []error) {
	received := time.Unix(0, 0).UTC()
	for _, b := range bodies {
		sub, _, wrong := domain.ParseSignal(b.text, received)
		if len(wrong) > 0 {
			problems = append(problems, fmt.Errorf("  %s line %d: %s", file, b.n, problemWords(wrong)))
			continue
		}
		received = sub.Signal.Timestamp
		feed = append(feed, fed{file, b.n, sub})
	}
	return feed, problems
}

func problemWords(problems []domain.Problem) string {
	parts := make([]string, len(problems))
	for i, p := range problems {
		parts[i] = p.Code
		if p.Field != "" {
			parts[i] += " " + p.Field
		}
		parts[i] += ": " + p.Message
	}
	return strings.Join(parts, "; ")
}

// mergeFeeds takes the earliest head of all feeds again and again; of equal ones that of the file named first.
func mergeFeeds(feeds [][]fed) []fed {
	total := 0
	for _, f := range feeds {
		total += len(f)
	}
	out := make([]fed, 0, total)
	for len(out) < total {
		best := -1
		for i, f := range feeds {
			if len(f) > 0 && (best < 0 || f[0].sub.Signal.Timestamp.Before(feeds[best][0].sub.Signal.Timestamp)) {
				best = i
			}
		}
		out, feeds[best] = append(out, feeds[best][0]), feeds[best][1:]
	}
	return out
}
