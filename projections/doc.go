// Package projections is what people read, derived from the log, and the proof that it still says what the log says.
// Nothing here feeds a decision: a fold that decisions depend on lives in domain.
//
//   - recover.go reads a log to its end before anything trades.
//   - views_*.go are pure functions from a domain.State to the shapes that the API and pmctl print.
//   - state.go renders a state in full: the API's /state and `pmctl replay --state` print the same bytes because they call
//     the same function.
//   - Journal reads events and first outcomes from the log, checking every record it shows.
//   - History follows the log with a state of its own and keeps what the portfolio's state has let go of: signals, ended
//     orders, closed positions, in an Index: a file that a restart goes on with, or the newest ones of each in memory.
//   - Chain finds the events that explain a signal, an order, a position or an exit; Explain puts them into words and figures.
//
// All money is in rupees, all prices are in points, all times are UTC. Decimals appear in JSON as strings, without loss.
//
// A follower that cannot go on (a record that does not check, an event that cannot be applied) stops, says so in Health with
// the revision, and takes nothing else down: trading does not depend on it.
package projections
