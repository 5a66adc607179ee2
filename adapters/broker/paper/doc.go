// Package paper is a broker that moves no money: it fills orders from the price that the decision saw, and keeps its own
// order book, so that a restarted pm can ask it what became of an order, exactly as it would ask a real broker.
//
// Two brokers share one set of rules (check.go, order.go, options.go):
//
//	Open(dir, Options)   the book is DIR/paper.db (SQLite, WAL, synchronous=FULL). An order and the fills that it gets at
//	                     once are one transaction, so one fsync an order. What Send accepted survives kill -9 and a power cut.
//	NewMemory(Options)   no file, for backtests; the book ends with the process.
//
// OpenReader(dir) reads the book of a running (or dead) pm and changes nothing.
//
// Prices. A fill is at Order.RefPrice moved against the order by Options.Slippage, a fraction of the price, and rounded
// against the order to 8 decimals; the engine chooses RefPrice (the signal's price, else the latest bar's, else the entry
// price). A LIMIT order whose fill price would be beyond its limit rests in the book until it is cancelled. The fee of a
// fill, in rupees, is Options.Fee × point value × lots × price, exact.
//
// Time. Nothing runs in the background. With a Delay, what is due has its moment written beside the order and happens when
// the book is next read or written: a fill carries the moment when it was due, whoever looks and whenever, and a kill
// loses nothing. What has been shown once is recorded, so a clock that steps back takes no fill away. Each order keeps the
// price, fee and pace that it was placed with: a restart with other options changes later orders only.
//
// Faults. Options can refuse an order, lose the answer to one, drop one on the way, or let the exchange reject or cancel
// one later. Which order is hit depends on the number of the send and the seed alone; the number is kept in the book, so a
// restart goes on in the same sequence. The broker never recognizes a repeated tag: two sends are two orders, as they would
// be elsewhere, or a doubled order could not be seen.
//
// A write that fails (disk full, an I/O error) leaves that one order in doubt: its answer is Unknown. The next use closes the book and opens
// it anew, as a restart would, and then the book says whether the order is in it. While that fails, sends are refused, nothing is answered,
// and each use tries again; a book that has gone away is never replaced by an empty one.
//
// Limits: MaxUnits an order, MaxParts fills an order, MaxTag letters a tag, BookOrders orders in one Book beside those not
// ended, RateDecimals in Slippage and Fee, MaxDelay. Another process that holds the file is waited for at most BusyWait.
package paper
