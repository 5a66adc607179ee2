package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"pm/domain"
	"pm/eventstore"
	"pm/eventstore/logtest"
	"pm/eventstore/sqlite"
)

// The test program runs itself as a writer that can be killed: childDir names the folder, childLimit the largest file in bytes.
const (
	childDir   = "PM_TEST_LOG_DIR"
	childLimit = "PM_TEST_FILE_LIMIT"
)

// child appends records, childBatch at a time, until it is killed or a write fails, and prints each revision that is durable.
func child(dir string) int {
	if n, err := strconv.ParseUint(os.Getenv(childLimit), 10, 64); err == nil {
		signal.Ignore(syscall.SIGXFSZ)
		if err := limitFiles(n); err != nil {
			fmt.Println("limit:", err)
			return 1
		}
	}
	log, err := sqlite.Open(dir, logtest.Portfolio, "child")
	if err != nil {
		fmt.Println("open:", err)
		return 1
	}
	head, err := log.Head(context.Background())
	for err == nil {
		if head, err = appendBatch(log, head); err == nil {
			fmt.Println(head.Next - 1)
		}
	}
	fmt.Println("broken:", err)
	// There is room again, but the log does not know what the failed write left behind.
	_ = limitFiles(unix.RLIM_INFINITY)
	_, err = appendBatch(log, head)
	fmt.Println("again:", err)
	return 0
}

// limitFiles sets how large a file of this process may grow, in bytes; only the soft limit, so that it can be lifted again.
func limitFiles(n uint64) error {
	return unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: n, Max: unix.RLIM_INFINITY})
}

// childBatch is how many records the child appends at once: a killed append must leave all of them or none.
const childBatch = 5

// appendBatch appends records of the size of usual ones.
func appendBatch(log eventstore.Log, head eventstore.Head) (eventstore.Head, error) {
	by := eventstore.Author{Portfolio: logtest.Portfolio, Instance: "logtest", Build: "test", Epoch: 1}
	sealer := eventstore.NewSealer(head, time.Time{}, by)
	var batch []eventstore.Record
	for range childBatch {
		rec, _, err := sealer.Seal(eventstore.Draft{Event: &domain.AlarmRaised{Code: strings.Repeat("x", 500)}, At: time.Now().UTC()})
		if err != nil {
			return head, err
		}
		batch = append(batch, rec)
	}
	if err := log.Append(context.Background(), head, batch); err != nil {
		return head, err
	}
	return sealer.Head(), nil
}

// startChild runs the writer and gives its lines.
func startChild(t *testing.T, dir string, env ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), append(env, childDir+"="+dir)...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return cmd, bufio.NewScanner(out)
}

func TestNothingThatWasAcknowledgedIsLostWhenTheWriterIsKilled(t *testing.T) {
	dir := t.TempDir()
	last := -1
	for round := range 4 {
		cmd, lines := startChild(t, dir)
		for n := 0; n < 20+7*round && lines.Scan(); n++ {
			rev, err := strconv.Atoi(lines.Text())
			require.NoError(t, err, lines.Text())
			require.Equal(t, last+childBatch, rev)
			last = rev
		}
		_, err := sqlite.Open(dir, logtest.Portfolio, "parent")
		var locked *sqlite.Locked
		require.ErrorAs(t, err, &locked)
		require.Equal(t, cmd.Process.Pid, locked.Holder.PID)
		require.NoError(t, cmd.Process.Kill())
		for lines.Scan() { // what it said before it died counts as said
			last += childBatch
		}
		require.Error(t, cmd.Wait())

		reader, err := sqlite.OpenReader(dir)
		require.NoError(t, err, "a killed writer's log can be read before any writer has come back")
		head, err := eventstore.Replay(t.Context(), reader, 0, func(domain.Recorded, eventstore.Hash) error { return nil })
		require.NoError(t, err)
		require.NoError(t, reader.Close())
		require.GreaterOrEqual(t, head.Next, uint64(last+1))
		require.Zero(t, head.Next%childBatch, "no append is there in part")
		last = int(head.Next) - 1 // one append may have been durable and unsaid
	}
	log := open(t, dir)
	logtest.All(t, log, 0)
	require.NoError(t, log.Close())
}

func TestAFailedWriteBreaksTheLogAndNothingAcknowledgedIsLost(t *testing.T) {
	dir := t.TempDir()
	cmd, lines := startChild(t, dir, childLimit+"=400000")
	said, end := 0, []string{}
	for lines.Scan() {
		if _, err := strconv.Atoi(lines.Text()); err == nil {
			said++
		} else {
			end = append(end, lines.Text())
		}
	}
	require.NoError(t, cmd.Wait())
	require.Len(t, end, 2)
	require.Contains(t, end[0], eventstore.ErrBroken.Error())
	require.Contains(t, end[0], "commit: "+eventstore.ErrOutcomeUnknown.Error())
	require.Equal(t, strings.TrimPrefix(end[0], "broken"), strings.TrimPrefix(end[1], "again"), "nothing is tried a second time")
	require.Positive(t, said)
	log := open(t, dir)
	head, err := eventstore.Replay(t.Context(), log, 0, func(domain.Recorded, eventstore.Hash) error { return nil })
	require.NoError(t, err)
	require.Equal(t, uint64(said*childBatch), head.Next)
	require.NoError(t, log.Close())
}
