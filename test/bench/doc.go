// Package bench measures what a trader waits for, each figure beside its limit in the same run, so that a slow disk or a busy machine
// shows in both and the ratio still means something:
//
//	BenchmarkAppendSingle   one caller, one signal at a time, through the engine into the durable log; beside a bare 4 KiB write and
//	                        fdatasync, and beside the log alone
//	BenchmarkAppend64       64 callers at once; beside the log alone with full batches
//	BenchmarkRecovery       1,000,000 events of a realistic mix, chain verified, folded into a state; beside a bare sequential file of
//	                        the same bytes through the same verify, decode and apply
//	BenchmarkRestart        starts on 10 k, 100 k and 1 M events, each in a process of its own: rate of the recovery, time to the first
//	                        answer over HTTP, live heap and resident memory; the memory beside that with 10 k
//	BenchmarkCompare        recoveries that are compared with PostgreSQL over a new connection: 10, 20, 50 and 1,000 open positions, and
//	                        the histories of BenchmarkRestart; beside the log alone. And the rate of a rebuild into it
//	BenchmarkFollower       one sender over HTTP with a follower that writes into PostgreSQL beside the writer; beside none. And what
//	                        one write of the snapshot takes
//	BenchmarkPast           explaining signals, orders and positions of 1 M events, beside the read of one event; the state in the
//	                        middle and at the end, beside a recovery
//	BenchmarkUpcast         200,000 events of an old form, each through its upcaster; beside the same bytes read as the present form
//	BenchmarkWebhook        one sender over HTTP on the loopback until its signal is durable; beside the bare write
//	BenchmarkWebhook64      64 senders over HTTP; beside the same service on the memory log
//	BenchmarkRemoteAppend   an append across the wire, without and with the local copy; beside the embedded log
//	BenchmarkRemoteRecovery the first start on a log across the wire, beside the client library's own read loop; later starts, from the
//	                        local copy, beside the embedded log
//
// What is compared is done in turn, one of each a round, so that a busy moment meets both sides. The senders run in the process of the
// service and share its cores: a service alone does better.
//
// Run them with make bench. The table is printed at the end; docs/BENCHMARKS.md keeps the figures of a release and says how to read them.
//
// PM_BENCH_EVENTS sets another number of events for the longest history, PM_BENCH_PROFILE=FILE writes a CPU profile of the recovery alone.
//
// The history of the recovery is not invented record by record: a seeded market of random walks sends signals to the real engine, with
// the real domain and the paper broker, in lockstep; whatever they decide is the history.
package bench
