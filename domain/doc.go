// Package domain decides what a portfolio does, and nothing else: it reads no clock, no file, no network and no randomness, so the
// same commands on the same log give the same events in any process and in any year.
//
// # How it hangs together
//
// A Command is something that may change the portfolio; it brings every time and outside fact that its decision needs. Decide reads a
// State and a Command and gives a Decision: events to record, or a reason why not. State.Apply folds recorded events into the State
// and is the only code that changes one. The engine (package engine) waits for the disk between the two. Live trading, recovery,
// audit, rebuild and simulation run the same Apply.
//
// # What is where
//
//   - the closed list of events: EventTypes, by family in event.go, event_signal.go, event_order.go
//   - a chart's message: ParseSignal gives a Submission or the list of its form errors
//   - pure figures: BaseSize.Size, PyramidSize.Size, AboveOneR, Spaced, WithinCap, Trail, PeelLots, Equity
//   - the state: State, Market, Campaign, Layer, Order, Intent; its bytes and digest: Canonical, Digest
//   - the words: every ReasonCode and alarm code with the sentence that an operator reads
//
// # Units
//
// Money is rupees, prices and ATR are points, point value is rupees a point a lot, quantities are lots unless they are called units,
// percents are of the sizing equity with 1 for one percent, times are UTC. Numbers are exact decimals; comparisons that decide are made
// by cross-multiplication and never on a rounded quotient.
package domain
