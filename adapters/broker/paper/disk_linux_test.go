package paper

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/domain/engine"
	"pm/domain/engine/brokertest"
)

// smallDisk is a file system of 1 MiB of its own.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("a small file system cannot be mounted here, so a full disk is not tried: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// ballast fills the disk to its last byte.
func ballast(t *testing.T, dir string) (file string) {
	t.Helper()
	file = filepath.Join(dir, "ballast")
	require.ErrorIs(t, os.WriteFile(file, make([]byte, 2<<20), 0o600), syscall.ENOSPC)
	return file
}

func TestADiskThatWasFullForAWhileLosesNoOrderAndTheBookGoesOn(t *testing.T) {
	dir := smallDisk(t)
	b := openIn(t, dir, Options{})
	accepted, doubtful := map[string]bool{}, map[string]bool{}
	send := func(tag string) engine.AnswerKind {
		a := b.Send(t.Context(), brokertest.Buy(tag, 1))
		accepted[tag], doubtful[tag] = a.Kind == engine.Accepted, a.Kind == engine.Unknown
		return a.Kind
	}
	require.Equal(t, engine.Accepted, send("before"))
	for round := range 3 {
		full := ballast(t, dir)
		for n := 0; ; n++ { // until the pages that the journal has already are used up
			require.Less(t, n, 2000, "the disk was never full")
			if send(fmt.Sprintf("r%dn%d", round, n)) == engine.Unknown {
				break
			}
		}
		for n := range 5 {
			send(fmt.Sprintf("r%dfull%d", round, n))
		}
		require.NoError(t, os.Remove(full))
		book, err := b.Book(t.Context())
		require.NoError(t, err, "there is room again")
		require.NotEmpty(t, book.Orders)
		require.Equal(t, engine.Accepted, send(fmt.Sprintf("r%dafter", round)))
	}
	told := tags(t, b)
	counted := map[string]int{}
	for _, tag := range told {
		counted[tag]++
	}
	for tag, kept := range accepted {
		if kept || counted[tag] > 0 && doubtful[tag] {
			require.Equal(t, 1, counted[tag], tag)
			continue
		}
		require.Zero(t, counted[tag], "%s was refused or is absent for good", tag)
	}
	require.NoError(t, b.Close())
	require.Equal(t, told, tags(t, openIn(t, dir, Options{})), "a restart reads the same")
}
