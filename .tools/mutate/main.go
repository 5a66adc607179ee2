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
// that fails, or that does not end within -timeout, has noticed. Before the first mutant and after the last the same programs run
// unchanged, and must pass.
//
// Exit code 1 says that some survived, 2 that nothing was proven: the tests do not build, or do not pass unchanged.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
)

func main() {
	tests := flag.String("test", "./...", "packages whose tests must notice")
	timeout := flag.Duration("timeout", 30*time.Second, "for one run of the tests of one package")
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
	if out := noticed(programs, 0, o.timeout); out != "" {
		return 2, fmt.Errorf("the tests do not pass as they are:\n%s", out)
	}
	results := runAll(programs, mutants, o)
	if out := noticed(programs, 0, o.timeout); out != "" {
		return 2, fmt.Errorf("the tests do not pass as they are any more: what they noticed proves nothing:\n%s", out)
	}
	return report(mutants, results, o), nil
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

// runAll gives what the tests said of each mutant; "" where they noticed nothing.
func runAll(programs []program, mutants []numbered, o options) []string {
	results := make([]string, len(mutants))
	var running sync.WaitGroup
	next := make(chan int)
	for range max(1, o.at) {
		running.Go(func() {
			for i := range next {
				results[i] = noticed(programs, mutants[i].n, o.timeout)
			}
		})
	}
	for i := range mutants {
		next <- i
	}
	close(next)
	running.Wait()
	return results
}

func report(mutants []numbered, results []string, o options) int {
	caught, all := map[bool]int{}, map[bool]int{} // by stronger
	code := 0
	for i, m := range mutants {
		all[m.stronger]++
		if results[i] != "" {
			caught[m.stronger]++
			if o.verbose {
				fmt.Printf("caught   %s   by   %s\n", m, who(results[i]))
			}
			continue
		}
		code = 1
		fmt.Printf("SURVIVED %s\n", m)
	}
	if o.always {
		fmt.Printf("%d of %d comparisons that were made true were caught\n", caught[true], all[true])
	}
	fmt.Printf("%d of %d disabled comparisons were caught\n", caught[false], all[false])
	return code
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
