//go:build linux

package runbook

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// drill causes a state, runs the blocks of its entry, and looks whether pm is healthy.
type drill struct {
	entry  string
	blocks []string // of the entry, in the order in which they are run
	drive  func(t *testing.T, d *run)
}

// run is a drill on its way.
type run struct {
	*machine
	entry Entry
	left  []string
}

// follow runs the next block of the entry as it stands on the page and gives what it printed. What only looks may find something wrong;
// everything else must succeed.
func (r *run) follow() string {
	r.t.Helper()
	require.NotEmpty(r.t, r.left, "the drill names fewer blocks than it runs")
	name := r.left[0]
	r.left = r.left[1:]
	commands, ok := r.entry.Block(name)
	require.True(r.t, ok, "%s has no block %s", r.entry.Name, name)
	if name == "look" {
		out, _ := r.bash(commands)
		require.NotContains(r.t, out, "command not found")
		require.NotContains(r.t, out, "Usage:")
		require.NotContains(r.t, out, "unknown flag")
		return out
	}
	return r.do(commands)
}

// also runs a block of another entry, where the page sends the reader on.
func (r *run) also(entry, block string) string {
	r.t.Helper()
	e, ok := thePage(r.t).Entry(entry)
	require.True(r.t, ok, entry)
	commands, ok := e.Block(block)
	require.True(r.t, ok, block)
	return r.do(commands)
}

// notDrilled are the entries and blocks that no drill runs, each with its reason.
var notDrilled = map[string]string{
	"Three in the morning/ready": "its functions are part of every drill",
	"clock_step/look":            "pm notices a step of the machine's own clock, which a test must not set",
	"clock_step/mend":            "see clock_step/look; disk_full/mend is the same command",
	"exit_waits/look":            "needs a broker without tags, and there is none yet",
	"ambiguous_order/look":       "needs a broker without tags, and there is none yet",
	"oversold/look":              "needs a broker that sells more than was asked; the paper broker does not",
	"overfill/look":              "needs a broker that fills more than was asked; the paper broker does not",
	"odd_fill/look":              "needs a broker that fills parts of a lot; the paper broker does not",
	"bad_fill/look":              "needs a broker whose fills cannot be read; the paper broker's can",
	"late_fill/look":             "needs a broker that fills a cancelled order; the paper broker does not",
	"bars_missing/look":          "takes two minutes at least: no interval below one minute is believed",
	"bars_missing/exit":          "see bars_missing/look; exit_held_back/exit is the same command",
}

// drills are all of them, the long ones first.
func drills() []drill {
	return slices.Concat(entriesDrills, warningDrills, backupDrills, haltDrills, alarmDrills)
}

func TestEveryBlockOfTheRunbookIsRunByADrillOrSaysWhyNot(t *testing.T) {
	ran := map[string]bool{}
	for _, d := range drills() {
		for _, block := range d.blocks {
			ran[d.entry+"/"+block] = true
		}
	}
	for _, entry := range thePage(t).Entries {
		for _, block := range entry.Blocks {
			name := entry.Name + "/" + block.Name
			require.NotEqual(t, ran[name], notDrilled[name] != "", "%s is run by a drill, or notDrilled says why not, and not both", name)
			delete(ran, name)
		}
	}
	require.Empty(t, ran, "drills of blocks that the page does not have")
	for name := range notDrilled {
		entry, block, _ := strings.Cut(name, "/")
		e, _ := thePage(t).Entry(entry)
		_, ok := e.Block(block)
		require.True(t, ok, "%s is not on the page", name)
	}
}

func TestDrills(t *testing.T) {
	t.Parallel()
	for _, d := range drills() {
		t.Run(d.entry+" "+strings.Join(d.blocks, " "), func(t *testing.T) {
			t.Parallel()
			entry, ok := thePage(t).Entry(d.entry)
			require.True(t, ok)
			r := &run{machine: newMachine(t), entry: entry, left: d.blocks}
			d.drive(t, r)
			require.Empty(t, r.left, "blocks that the drill did not run")
		})
	}
}
