package main

import (
	"context"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// version is set by the linker; "dev" is a build without it.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	c := &cli{
		in: os.Stdin, out: os.Stdout, errs: os.Stderr, now: time.Now, env: os.Getenv, client: &http.Client{Timeout: callTimeout},
		outTerminal: terminal(os.Stdout), errTerminal: terminal(os.Stderr),
	}
	code := c.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// terminal says whether a person looks at the file.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
