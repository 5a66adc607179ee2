package bench

import (
	"fmt"
	"os"
	"testing"
)

// figures are the lines that are printed when all is measured.
type figures struct{ lines []string }

var (
	table  figures
	shared string                  // a folder for what several benchmarks read
	made   = map[uint64]*history{} // long histories in it, by events
)

func (f *figures) add(title string, args ...any) {
	f.lines = append(f.lines, "", fmt.Sprintf(title, args...))
}

func (f *figures) row(name, value string, args ...any) {
	f.lines = append(f.lines, fmt.Sprintf("  %-46s %s", name, fmt.Sprintf(value, args...)))
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(childOf); dir != "" {
		os.Exit(runChild(dir))
	}
	var err error
	if shared, err = os.MkdirTemp("", "bench"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	for _, line := range table.lines {
		fmt.Println(line)
	}
	if err := os.RemoveAll(shared); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}
