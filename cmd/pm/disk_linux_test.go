package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/sqlite"
)

// smallDisk is a file system of 16 MiB of its own.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("a small file system cannot be mounted here, so a full disk is not tried: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

// fill writes a file until so many bytes are free.
func fill(t *testing.T, dir string, leave uint64) (file string) {
	t.Helper()
	file = filepath.Join(dir, "ballast")
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(t, err)
	defer f.Close()
	block := make([]byte, 4096)
	for {
		free, _, err := diskRoom(dir)
		require.NoError(t, err)
		if free <= leave {
			return file
		}
		_, err = f.Write(block)
		if errors.Is(err, unix.ENOSPC) {
			return file
		}
		require.NoError(t, err)
	}
}

func TestANearlyFullDiskStopsEntriesAndLetsExitsGo(t *testing.T) {
	data := smallDisk(t)
	r := launch(t, "--data", data)
	require.Equal(t, "accepted", r.post(baseEntry())["status"])
	r.flat()
	fill(t, data, 16<<20*4/100)
	require.Eventually(t, func() bool { return r.get("/api/v1/portfolio")["trading_state"] == "REDUCING" }, deadline, 10*time.Millisecond)
	require.Equal(t, "service", r.get("/api/v1/portfolio")["trading_by"])
	require.Less(t, r.metrics()["pm_disk_free_percent"], 5.0)

	_, refused := r.try(strings.NewReplacer(`"id":"one"`, `"id":"two"`, "BANK_NIFTY", "GOLD_MINI").Replace(baseEntry()))
	require.Contains(t, refused, `"not_trading"`)
	require.Equal(t, "accepted", r.post(`{"id":"out","type":"EXIT","instrument":"BANK_NIFTY","position":"ALL","price":52100}`)["status"])
	r.flat()
	require.Empty(t, r.get("/api/v1/positions")["positions"], "the exit went out and filled")
	require.Equal(t, exitStopped, r.stop())

	again := launch(t, "--data", data)
	require.Equal(t, "REDUCING", again.get("/api/v1/portfolio")["trading_state"], "a restart does not resume")
	require.Equal(t, exitStopped, again.stop())
}

func TestAFullDiskEndsTheProcessWithAClearErrorAndNothingHalfDone(t *testing.T) {
	data := smallDisk(t)
	r := launch(t, "--data", data)
	require.Equal(t, "accepted", r.post(baseEntry())["status"])
	r.flat()
	ballast := fill(t, data, 0)
	answered := map[string]bool{"one": true}
	exit := `{"id":"out-%d","type":"EXIT","instrument":"GOLD_MINI","position":"Long_1","note":"` + strings.Repeat("x", 8000) + `"}`
	ended := false
	for i := range 2000 { // until the pages that the log has already are used up
		status, body := r.try(fmt.Sprintf(exit, i))
		if status != http.StatusOK {
			require.Contains(t, []int{0, http.StatusServiceUnavailable, http.StatusGatewayTimeout}, status, body)
			ended = true
			break
		}
		answered[fmt.Sprintf("out-%d", i)] = true
	}
	require.True(t, ended, "the disk was never full")
	require.Equal(t, exitHalted, <-r.code)
	last := strings.Join(r.errs.lastLines(2), "\n")
	require.Contains(t, last, codeLogWriteFailed)
	require.Contains(t, last, "hint: see whether the disk is full or failing")

	fill(t, data, 0) // closing gave back the journals of what can be made again
	code, _, errs := failing(t, "--listen", "127.0.0.1:0", "--data", data)
	require.Equal(t, exitHalted, code)
	require.Regexp(t, "hint: .*(disk|room)", strings.Join(errs.lastLines(1), ""))

	require.NoError(t, os.Remove(ballast))
	log, err := sqlite.OpenReader(filepath.Join(data, "log"))
	require.NoError(t, err)
	_, err = eventstore.Replay(t.Context(), log, 0, func(rec domain.Recorded, _ eventstore.Hash) error {
		if e, ok := rec.Event.(*domain.SignalReceived); ok {
			delete(answered, e.ClientID)
		}
		return nil
	})
	require.NoError(t, err, "the chain is whole")
	require.NoError(t, log.Close())
	require.Empty(t, answered, "what was answered is in the log")
	again := launch(t, "--data", data)
	require.Len(t, again.get("/api/v1/positions")["positions"], 1)
	require.Equal(t, exitStopped, again.stop())
}

func TestAReadOnlyFolderIsAClearErrorAndChangesNothing(t *testing.T) {
	data := smallDisk(t)
	launch(t, "--data", data).stop()
	require.NoError(t, unix.Mount("tmpfs", data, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, "size=16m"))
	code, _, errs := failing(t, "--listen", "127.0.0.1:0", "--data", data)
	require.Equal(t, exitHalted, code)
	require.Contains(t, errs.String(), "read-only")
	require.Regexp(t, "hint: .*written", errs.lastLines(1)[0])
	code, _, errs = failing(t, "--listen", "127.0.0.1:0", "--data", filepath.Join(data, "deeper"))
	require.Equal(t, exitHalted, code)
	require.Contains(t, errs.String(), codeDataFolder)
	require.NoError(t, unix.Mount("tmpfs", data, "tmpfs", unix.MS_REMOUNT, "size=16m"))
	again := launch(t, "--data", data)
	require.Equal(t, exitStopped, again.stop())
}
