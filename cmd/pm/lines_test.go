package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pausedTerminal takes nothing until it is let go.
type pausedTerminal struct {
	console
	asked, letGo chan struct{}
}

func pausedLog() *pausedTerminal {
	return &pausedTerminal{asked: make(chan struct{}, 1), letGo: make(chan struct{})}
}

func (p *pausedTerminal) Write(text []byte) (int, error) {
	select {
	case p.asked <- struct{}{}:
	default:
	}
	<-p.letGo
	return p.console.Write(text)
}

func TestALogThatNobodyReadsHoldsUpNoOrder(t *testing.T) {
	terminal := pausedLog()
	ctx, cancel := context.WithCancel(t.Context())
	address := make(chan string, 1)
	p := program{
		args: []string{"--listen", "127.0.0.1:0", "--data", t.TempDir()}, out: &console{}, errs: terminal, build: "test",
		ready: func(a string) { address <- a },
	}
	r := &running{t: t, cancel: cancel, code: make(chan int, 1), errs: &terminal.console}
	go func() { r.code <- p.run(ctx) }()
	r.url = "http://" + <-address
	<-terminal.asked
	require.Equal(t, "accepted", r.post(baseEntry())["status"])
	r.flat()
	require.Equal(t, "accepted", r.post(`{"id":"out","type":"EXIT","instrument":"BANK_NIFTY","position":"ALL","price":52100}`)["status"])
	r.flat()
	require.Empty(t, r.get("/api/v1/positions")["positions"])
	require.Empty(t, terminal.String(), "it was paused all the while")
	close(terminal.letGo)
	require.Equal(t, exitStopped, r.stop())
	require.Contains(t, terminal.String(), "msg=OrderFilled", "what was kept is shown when it is read again")
}

func TestLinesThatFindNoRoomAreCountedAndTheOthersKeepTheirOrder(t *testing.T) {
	terminal := pausedLog()
	l := newLines(terminal)
	fmt.Fprintln(l, "first")
	<-terminal.asked // it is out of the queue and hangs
	for i := range maxLines + 3 {
		fmt.Fprintln(l, "line", i)
	}
	close(terminal.letGo)
	l.Close()
	said := strings.Split(strings.TrimSpace(terminal.String()), "\n")
	require.Len(t, said, maxLines+2)
	require.Equal(t, []string{"first", "3 log lines were dropped here: whoever reads the log was too slow", "line 0"}, said[:3])
	require.Equal(t, fmt.Sprint("line ", maxLines-1), said[len(said)-1])
	fmt.Fprintln(l, "after the end")
	require.NotContains(t, terminal.String(), "after the end")
}

func TestADrainedLogHasEveryLineOut(t *testing.T) {
	terminal := pausedLog()
	l := newLines(terminal)
	fmt.Fprintln(l, "first")
	fmt.Fprintln(l, "second")
	<-terminal.asked
	ended, end := context.WithCancel(t.Context())
	end()
	l.Drain(ended) // a paused terminal keeps nobody for ever
	require.Empty(t, terminal.String())
	out := make(chan string)
	go func() {
		l.Drain(t.Context())
		out <- terminal.String()
	}()
	close(terminal.letGo)
	require.Equal(t, "first\nsecond\n", <-out)
	l.Close()
	l.Drain(t.Context()) // returns
}

func TestADrainOfALogThatNobodyReadsAndThatIsFullReturns(t *testing.T) {
	terminal := pausedLog()
	l := newLines(terminal)
	fmt.Fprintln(l, "first")
	<-terminal.asked
	for range maxLines {
		fmt.Fprintln(l, "more")
	}
	l.Drain(t.Context())
	close(terminal.letGo)
	l.Close()
}

func TestADemoSaysWhatToTryBehindItsLog(t *testing.T) {
	terminal := pausedLog()
	ctx, cancel := context.WithCancel(t.Context())
	address := make(chan string, 1)
	p := program{
		args: []string{"--demo", "--listen", "127.0.0.1:0", "--data", t.TempDir()}, out: &terminal.console, errs: terminal, build: "test",
		ready: func(a string) { address <- a },
	}
	r := &running{t: t, cancel: cancel, code: make(chan int, 1), errs: &terminal.console}
	go func() { r.code <- p.run(ctx) }()
	r.url = "http://" + <-address
	require.Eventually(t, func() bool {
		return len(r.get("/api/v1/signals?limit=100")["signals"].([]any)) == 43
	}, deadline, 5*time.Millisecond, "every sample signal is decided")
	r.flat()
	close(terminal.letGo)
	require.Eventually(t, func() bool { return strings.Contains(terminal.String(), "Stop with Ctrl-C") }, deadline, 5*time.Millisecond)
	before, _, said := strings.Cut(terminal.String(), "sample signals: 38 accepted, 5 rejected\n\nDashboard: ")
	require.True(t, said, "nothing stands inside it")
	require.Contains(t, before, fmt.Sprintf("revision=%v ", r.get("/api/v1/portfolio")["revision"]), "the log of the last signal stands before it")
	require.Equal(t, exitStopped, r.stop())
}

func TestAnEndDoesNotWaitForEverForTheLastLines(t *testing.T) {
	terminal := pausedLog()
	l := newLines(terminal)
	fmt.Fprintln(l, "never read")
	<-terminal.asked
	l.Close() // returns
	require.Empty(t, terminal.String())
	close(terminal.letGo)
	<-l.done
}
