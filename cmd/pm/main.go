// Pm is the service: it takes signals over HTTP, decides, sends orders to the broker and keeps everything in its log.
//
//	pm [--config pm.yaml] [--data DIR] [--listen ADDR] [--demo]
//	pm --print-config | --version
//
// Every setting can also come from the environment (PM_...; package config). A start is always the same recipe, run.go; a stop by
// SIGINT or SIGTERM lets what has begun come to its end. A second signal ends the process at once, which is as safe as pulling the plug.
//
// Exit codes: 0 stopped; 1 halted, and the last two lines on stderr are the code with its cause and a hint of what to do; 2 usage or
// configuration, with every problem listed. Logs go to stderr, what a person waits for to stdout.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker; "dev" is a build without it.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from here on a second signal has its usual effect
	p := program{args: os.Args[1:], env: os.Environ(), out: os.Stdout, errs: os.Stderr, build: version}
	code := p.run(ctx)
	stop()
	os.Exit(code)
}
