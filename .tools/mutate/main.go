// Command mutate disables each comparison of some files in turn and runs the tests that must notice: what survives is a check that
// nothing proves.
//
//	mutate -test ./projections projections/recover.go projections/judge.go
//
// The comparisons are the conditions of if and for, the cases of a switch, and every other ==, !=, <, <=, > and >=, && and ||, wherever
// it stands. Each is disabled by making it false. An operand of && or || is besides made what it is when nobody asks it: true beside
// &&, false beside ||. With -true each whole condition is also made true.
//
// The tests are built once, with all mutants in them, and run once for each: a variable of the environment says which one a run is. A run
// that fails, or that does not end within -timeout or many times the processor's time of a run unchanged, has noticed. Before the first mutant and after the last the same programs run
// unchanged, and must pass.
//
// Exit code 1 says that some survived, 2 that nothing was proven: the tests do not build, or do not pass unchanged.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// A run that takes so many times what the tests take unchanged goes on for ever, or waits for ever.
const (
	patience     = 4
	leastTimeout = 10 * time.Second
)

func main() {
	tests := flag.String("test", "./...", "packages whose tests must notice")
	timeout := flag.Duration("timeout", 0, "for one run of the tests of one package; 0: four times what they take unchanged, 10s at least")
	always := flag.Bool("true", false, "also makes each whole condition true")
	verbose := flag.Bool("v", false, "says of each mutant which test noticed")
	at := flag.Int("j", runtime.NumCPU(), "runs at a time")
	flag.Parse()
	code, err := mutate(flag.Args(), options{strings.Fields(*tests), *timeout, *always, *verbose, *at})
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
	}
	os.Exit(code)
}

type options struct {
	tests   []string
	timeout time.Duration
	always  bool
	verbose bool
	at      int // runs at a time
}

// mutate gives the exit code.
func mutate(files []string, o options) (int, error) {
	sources, mutants, err := mutantsOf(files, o.always)
	if err != nil {
		return 2, err
	}
	if len(mutants) == 0 {
		return 2, fmt.Errorf("there is no comparison in %v", files)
	}
	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return 2, err
	}
	defer os.RemoveAll(dir)
	programs, err := build(dir, sources, mutants, o.tests)
	if err != nil {
		return 2, err
	}
	l, err := unchanged(programs, o.timeout)
	if err != nil {
		return 2, err
	}
	caught := tally(mutants, runAll(programs, mutants, l, o.at), o.verbose)
	if _, err = unchanged(programs, o.timeout); err != nil {
		return 2, fmt.Errorf("what was noticed proves nothing: %w", err)
	}
	return caught.print(), nil
}

// unchanged runs the tests without a mutant and gives the limits for one with it: many times what this run took, or for the clock what was
// asked for.
func unchanged(programs []program, timeout time.Duration) (l limits, err error) {
	began := time.Now()
	out, used := noticed(programs, 0, limits{time.Hour, cmp.Or(timeout, 5*time.Minute)})
	if out != "" {
		return l, fmt.Errorf("the tests do not pass as they are:\n%s", out)
	}
	clock := max(leastTimeout, patience*time.Since(began))
	return limits{patience * used, cmp.Or(timeout, clock)}, nil
}

// mutantsOf finds the mutants of all files and numbers them from 1.
func mutantsOf(files []string, always bool) (sources []*source, mutants []numbered, err error) {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, err
		}
		s, err := find(file, string(text))
		if err != nil {
			return nil, nil, err
		}
		sources = append(sources, s)
		for _, m := range s.mutants {
			if !m.stronger || always {
				mutants = append(mutants, numbered{m, len(mutants) + 1})
			}
		}
	}
	return sources, mutants, nil
}

// runAll begins to run all mutants and gives, for each, what the tests will have said of it; "" where they noticed nothing.
func runAll(programs []program, mutants []numbered, l limits, at int) []chan string {
	said := make([]chan string, len(mutants))
	next := make(chan int, len(mutants))
	for i := range mutants {
		said[i] = make(chan string, 1)
		next <- i
	}
	close(next)
	for range max(1, at) {
		go func() {
			for i := range next {
				out, _ := noticed(programs, mutants[i].n, l)
				said[i] <- out
			}
		}()
	}
	return said
}

// totals counts mutants, those of -true apart.
type totals struct{ caught, all, truly, allTrue int }

func tally(mutants []numbered, said []chan string, verbose bool) (t totals) {
	for i, m := range mutants {
		out, caught := <-said[i], 0
		if out != "" {
			caught = 1
		}
		if caught == 0 {
			fmt.Printf("SURVIVED %s\n", m)
		} else if verbose {
			fmt.Printf("caught   %s   by   %s\n", m, who(out))
		}
		if m.stronger {
			t.truly, t.allTrue = t.truly+caught, t.allTrue+1
		} else {
			t.caught, t.all = t.caught+caught, t.all+1
		}
	}
	return t
}

// print gives the exit code.
func (t totals) print() int {
	if t.allTrue > 0 {
		fmt.Printf("%d of %d comparisons that were made true were caught\n", t.truly, t.allTrue)
	}
	fmt.Printf("%d of %d disabled comparisons were caught\n", t.caught, t.all)
	if t.caught < t.all || t.truly < t.allTrue {
		return 1
	}
	return 0
}

// who names the test that noticed.
func who(out string) string {
	for line := range strings.Lines(out) {
		if name, found := strings.CutPrefix(line, "--- FAIL: "); found {
			return strings.Fields(name)[0]
		}
		if strings.HasPrefix(line, "panic: ") {
			return strings.TrimSpace(line)
		}
	}
	return "the end of its time"
}
