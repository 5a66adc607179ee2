package bench

import (
	"fmt"
	"os"
	"testing"
)

// figures are the lines that are printed when all is measured.
type figures struct{ lines []string }

var table figures

func (f *figures) add(title string, args ...any) {
	f.lines = append(f.lines, "", fmt.Sprintf(title, args...))
}

func (f *figures) row(name, value string, args ...any) {
	f.lines = append(f.lines, fmt.Sprintf("  %-46s %s", name, fmt.Sprintf(value, args...)))
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, line := range table.lines {
		fmt.Println(line)
	}
	os.Exit(code)
}
