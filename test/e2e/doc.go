// Package e2e runs the real programs on real files, as an operator does: built once, started with a configuration file, stopped, killed
// with SIGKILL in the middle of their work, started again. Nothing in it reaches into the process: it speaks HTTP, reads stderr, and
// reads the log and the paper broker's book from their files.
//
// The rolling upgrade runs a second program, this source built with the tag olderformat: it knows one log format less.
//
// The kill run has a short form, which go test runs, on an export of our own making, and a long one: make e2e (PM_E2E=full), on the two
// real exports of ../shared/data/tradingview, which it needs. PM_E2E_SEED repeats a run's moments of killing; each run prints its seed.
package e2e
