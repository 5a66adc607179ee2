// Package demo holds the sample signals that a first run sends to its own webhook, so that there is something to look at.
//
// Signals is NDJSON: one webhook body a line, in the order of sending, of an invented day and invented prices. Each body has an id of
// its own, so a line that is sent twice is recognized. Who sends them replaces "timestamp" by the present time, and waits with
// a line until the orders of the line before it are done: a pyramid that comes before its base has filled is refused.
//
// README.md in this folder shows what each line leads to and why, in figures; the test holds it.
package demo

import _ "embed" // for Signals

// Signals is the file as it stands; treat it as read only.
//
//go:embed signals.ndjson
var Signals []byte
