// Package scenarios tells stories: text files in testdata, each about something that happened to real users of systems like this one.
// A story runs the real parts in lockstep (engine, event log, paper broker with its book in a file, recovery from the log), on a clock
// that only the story moves. It is told twice, over the memory log and over the SQLite log, and must read the same.
//
// # A story
//
// A file begins with comment lines: what happened, and what rules it out. Then come blocks, parted by an empty line: commands, a line
// of four hyphens, what they led to. "go test ./test/scenarios -update" writes the right-hand sides anew; whoever runs it reads every
// changed line before committing it.
//
//	signal BASE_ENTRY BANK_NIFTY price=52000 stop=51650 atr=350 er=0.82 crash=after-send
//	----
//	2 SignalReceived BASE_ENTRY BANK_NIFTY accepted
//	...
//
// A line of the answer is an event (its revision, its type, the facts that matter), "-> ..." for what the sender is told, or a row of
// a table that was asked for. Orders are called #0, #1, ... in the order of their making. The clock starts on a trading Monday,
// 2026-01-05, at 10:00:00 exchange time; the portfolio has 5,000,000 rupees and the service's own default settings.
//
// # Commands
//
//	signal BASE_ENTRY|PYRAMID INSTRUMENT price= stop= atr= [er=] [lots=] [position=] [id=] [age=] [ahead=] [ts=] [crash=]
//	exit INSTRUMENT ALL|Long_1,Long_2 [price=] [id=] [age=] [ahead=] [ts=] [crash=]     the chart's EXIT
//	bar INSTRUMENT PRICE ATR [age=] [ahead=]                                            a closed bar
//	eod INSTRUMENT price= atr= er= [long_entry=true] [long_exit=true]                   the chart's EOD_MONITOR
//	batch { ... }                 the commands between the braces are decided in one durable append
//	exit-position POSITION reason...   close-all reason...   withdraw INTENT reason...  a person's exits
//	halt|reduce|resume reason...  deposit|withdraw-money AMOUNT
//	accept DIFFERENCE reason...   raise-format N   limits risk.key=value ...
//	clock-back DURATION           the service sees that the wall clock went back
//	advance DURATION              the clock moves, second by second for the first five minutes; what becomes due happens
//	config key=value ...          the configuration that the next start reads; key= takes a key away
//	restart                       the process ends and starts again: recovery from the log, then the broker's book
//	open capital=AMOUNT           tries to open the portfolio once more
//	broker ...                    see below
//	log fail|lose-answer          the next append fails before, or after, it is stored (memory log only)
//	tamper unknown-event|flip REVISION   what every reading of the log meets from now on, until: tamper none (memory log only)
//	compare-books                 holds the broker's book against the log, as the service does every 30 seconds
//	show positions|orders|intents|capital|alarms|broker|event REVISION
//
// crash= ends the process: after-signal (durable, not answered), before-send (answered, nothing sent), after-mark (the send is marked,
// not a byte has left), after-send (the broker has the order, its answer was not heard). A signal to a
// dead process gets no answer; the clock, the configuration, the broker and its book go on without it.
//
//	broker delay=10s partial=1 slippage=0.01 fee=0.0005   how orders fill from now on; 0 takes an option back
//	broker next FAULT [FAULT...]                          of the next sends: ok, reject, lose-answer, drop, reject-later, cancel-rest
//	broker down|up                                        no call gets through, every one times out
//	broker late-fill #N LOTS                              an order that is done fills all the same
//	broker by-hand CONTRACT UNITS                         a person buys, or sells, in the broker's own app
//	broker wreck                                          the broker's own file is damaged
//
// # What every story proves
//
// After each step: every rule of package invariants holds, every send had its mark in the log, the log verifies, and a second state
// that is fed from the log alone has the same canonical bytes as the live one. At the end: a replay from zero has them too, no order
// left twice, and, if nothing is in flight, the broker's book and the positions agree.
package scenarios
