package main

import (
	"context"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"pm/cmd/internal/stores"
)

// version is set by the linker; "dev" is a build without it.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	c := &cli{
		in: os.Stdin, out: os.Stdout, errs: os.Stderr, now: time.Now, env: os.Getenv, client: newClient(), wait: sleep,
		outTerminal: terminal(os.Stdout), errTerminal: terminal(os.Stderr), inTerminal: terminal(os.Stdin) && !nowhere(os.Stdin),
		openSnapshot: stores.Snapshot, readSnapshot: stores.SnapshotReader,
	}
	code := c.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// newClient keeps a connection for every sender, and follows no redirect: a secret goes where it was meant to go, and a signal is
// posted once an attempt.
func newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http documents it
	transport.MaxIdleConnsPerHost = maxSenders
	return &http.Client{
		Timeout: callTimeout, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// sleep waits, or ends early with the context.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// terminal says whether a person looks at the file.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// nowhere says whether a file is the null device, which counts as a terminal and answers nothing: the stdin of services and timers.
func nowhere(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return true
	}
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(info, null)
}
